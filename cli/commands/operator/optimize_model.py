"""`quern optimize-model`: make the form of the embedding model that this host computes, once."""

import subprocess
import sys

import click

from cli.session import Session, pass_session
from stack.programs import child_environment


@click.command("optimize-model")
@click.option("--model", metavar="NAME_OR_PATH", help="Another model than QUERN_EMBEDDING_MODEL.")
@pass_session
def optimize_model(session: Session, *, model: str | None) -> None:
    """
    Make the form of the embedding model that QUERN_EMBEDDING_ENGINE asks for, and prove it.

    Says in one line what embeds on this host, and why. Makes nothing where the form is there and
    right, or where the model itself embeds. Set-up does this; a worker does it at its first start
    where it was not done. It takes some seconds and needs no network.
    """
    # In a process of its own: the command never loads torch.
    command = [sys.executable, "-P", "-m", "adapters.embedding_models.optimize_model"]
    chosen = model or session.settings.embedding_model
    spare = session.settings.data_dir / "models"
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, f"--engine={session.settings.embedding_engine}", f"--spare={spare}", chosen],
        env=child_environment(),
        check=False,
    )
    raise SystemExit(done.returncode)
