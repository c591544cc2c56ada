"""The `quern` command: a client of the HTTP API, and the supervisor of one machine's Quern."""

import sys
from dataclasses import replace
from importlib import import_module
from typing import Any, Final

import click

from cli.session import Session, pass_session
from quern.errors import Unreachable
from rag.errors import InvalidRequest, QuernError
from runtime.environment import BadSetting

#: Which module has a command. Imported when it is asked for: what the supervisor needs takes
#: longer to import than a small ingest takes.
COMMANDS: Final = {
    "demo": "cli.commands.demo",
    "ingest": "cli.commands.ingest",
    "watch": "cli.commands.watch",
    "ask": "cli.commands.ask",
    "search": "cli.commands.ask",
    "jobs": "cli.commands.jobs",
    "purge": "cli.commands.purge",
    "job": "cli.commands.jobs",
    "cancel": "cli.commands.jobs",
    "retry": "cli.commands.jobs",
    "collections": "cli.commands.collections",
    "documents": "cli.commands.documents",
    "text": "cli.commands.documents",
    "delete": "cli.commands.documents",
    "reindex": "cli.commands.reindex",
    "check": "cli.commands.check",
    "health": "cli.commands.health",
    "logs": "cli.commands.operator.logs",
    "webhooks": "cli.commands.webhooks",
    "keys": "cli.commands.operator.keys",
    "backup": "cli.commands.operator.backup",
    "restore": "cli.commands.operator.backup",
    "optimize-model": "cli.commands.operator.optimize_model",
}


class PlainWords(click.Group):
    """A group of commands whose errors are one sentence on stderr and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command, imported now if it was not before."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            function = cmd_name.replace("-", "_")
            self.add_command(getattr(import_module(COMMANDS[cmd_name]), function))
        return super().get_command(ctx, cmd_name)

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


@main.command()
@click.option("--only", multiple=True, metavar="NAME", help="Start this process only; repeatable.")
@click.option("--model", metavar="NAME_OR_PATH", help="Let this language model answer.")
@click.option("--quiet", is_flag=True, help="Say nothing but errors.")
@pass_session
def up(session: Session, *, only: tuple[str, ...], model: str | None, quiet: bool) -> None:
    """Start everything on this machine and keep it running until Ctrl-C."""
    from stack.up import run_up  # noqa: PLC0415 - see COMMANDS

    settings = session.settings
    if model is not None:
        settings = replace(settings, model=model, generator="vllm")
    sys.exit(run_up(settings, only=only or None, quiet=quiet))


if __name__ == "__main__":
    main()
