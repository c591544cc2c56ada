"""What every command shares: which server is meant, and where output goes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import click
from rich.console import Console

from runtime.environment import read_settings
from runtime.settings import Settings
from stack.addresses import web_url
from stack.run_folder import find_running

if TYPE_CHECKING:
    import httpx

    from quern.client import Client

PIPE_WIDTH = 160


@dataclass
class Session:
    """
    One run of the command.

    Args:
        given_url: The address the caller named; None means the server of this machine.

        transport: Where requests go instead of the network, for tests.
    """

    given_url: str | None = None
    transport: "httpx.BaseTransport | None" = None
    #: Answers and tables, for people and pipes.
    out: Console = field(default_factory=lambda: _console(stderr=False))
    #: Progress and remarks, so that a pipe gets answers only.
    remarks: Console = field(default_factory=lambda: _console(stderr=True))

    @cached_property
    def settings(self) -> Settings:
        """The settings of the environment; raises BadSetting."""
        return read_settings()

    @property
    def url(self) -> str:
        """The address named, else where the local stack says it is, else where it would be."""
        if self.given_url:
            return self.given_url
        running = find_running(self.settings.data_dir)
        return running.url if running else web_url(self.settings)

    @contextmanager
    def client(self) -> "Iterator[Client]":
        """Open a client of the server."""
        # Imported here: the supervisor, which stays, asks nobody.
        from quern.client import Client  # noqa: PLC0415 - see above

        client = Client(
            self.url,
            transport=self.transport,
            remark=self.remarks.print,
            key=self.settings.key,
        )
        with client:
            yield client


def _console(*, stderr: bool) -> Console:
    """Make a console; where output is no terminal and has no width, tables get room."""
    console = Console(stderr=stderr, highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = PIPE_WIDTH
    return console


pass_session: Callable[..., Callable[..., object]] = click.make_pass_decorator(Session)

collection_option = click.option(
    "--collection", "-c", default="default", show_default=True, help="The collection."
)
json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print the API's JSON untouched."
)
