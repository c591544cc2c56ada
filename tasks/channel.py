"""Kombu's channel on Redis, with one client for its life."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kombu.transport.redis import Channel, Transport


class OneClientChannel(Channel):
    """
    A channel with one client.

    kombu makes a client for each command; to make one costs more than the command.
    """

    _reused: Any = None

    @contextmanager
    def conn_or_acquire(self, client: Any = None) -> Iterator[Any]:
        """Give the client asked for, else this channel's own."""
        if client is None:
            # The pool is another one after a reconnection.
            if self._reused is None or self._reused.connection_pool is not self.pool:
                self._reused = self._create_client()  # type: ignore[attr-defined]  # not in the stubs
            client = self._reused
        yield client


def use_one_client() -> None:
    """Put the channel in place of kombu's; a worker's own, which is one too, stays."""
    if Transport.Channel is Channel:
        Transport.Channel = OneClientChannel
