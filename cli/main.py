"""The `quern` command: a client of the HTTP API, and the supervisor of one machine's Quern."""

import sys
from dataclasses import replace
from typing import Any

import click

from cli.answers import ask, search
from cli.client import Unreachable
from cli.demo import demo
from cli.documents import delete, documents
from cli.health import health
from cli.ingesting import ingest
from cli.job_tables import cancel, job, jobs, retry
from cli.session import Session, pass_session
from cli.stack import run_up
from rag.errors import InvalidRequest, QuernError
from runtime.settings import BadSetting


class PlainWords(click.Group):
    """A group of commands whose errors are one sentence on stderr and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; 1: it failed, 2: nothing was asked of any server."""
        try:
            return super().invoke(ctx)
        except (Unreachable, BadSetting, InvalidRequest) as error:
            click.echo(str(error), err=True)
            ctx.exit(2)
        except QuernError as error:
            click.echo(str(error), err=True)
            ctx.exit(1)


@click.group(cls=PlainWords, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--url", metavar="URL", help="Address of the server; else the one on this machine.")
@click.version_option(package_name="quern")
@click.pass_context
def main(ctx: click.Context, url: str | None) -> None:
    """Hand over documents and questions, get a job at once, come back to cited answers."""
    ctx.obj = ctx.obj or Session(given_url=url)


@click.command()
@click.option("--only", multiple=True, metavar="NAME", help="Start this process only; repeatable.")
@click.option("--model", metavar="NAME_OR_PATH", help="Let this language model answer.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@pass_session
def up(session: Session, *, only: tuple[str, ...], model: str | None, quiet: bool) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    settings = session.settings
    if model is not None:
        settings = replace(settings, model=model, generator="vllm")
    sys.exit(run_up(settings, only=only or None, quiet=quiet))


for command in (up, demo, ingest, ask, search, jobs, job, cancel, retry, documents, delete, health):
    main.add_command(command)


if __name__ == "__main__":
    main()
