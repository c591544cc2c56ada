"""A private stack with its queue within reach: for what HTTP alone does not tell."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.running.service import Service, service
from corpus.storage import Storage, open_storage
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from stack.up import Stack


@dataclass(frozen=True, slots=True)
class PrivateStack:
    """
    A running stack and what a benchmark asks of it.

    Attributes:
        stack: Its processes.

        service: Its API.

        redis: A client of its queue that decodes responses.

        storage: Its ledger and catalogue; messages are left to its rescuer.
    """

    stack: Stack
    service: Service
    redis: Redis
    storage: Storage


@contextlib.contextmanager
def private_stack(settings: Settings, *, folder: Path | None = None) -> Iterator[PrivateStack]:
    """Give a stack of *settings*, without Flower, in a folder that is kept or one of its own."""
    with service(None, settings, folder=folder) as quern:
        stack = quern.stack
        assert stack is not None  # noqa: S101  it is private
        with ledger_client(stack.redis_url, connections=4) as redis:
            inner = Settings(data_dir=Path(stack.record.data_dir), redis_url=stack.redis_url)
            yield PrivateStack(stack, quern, redis, open_storage(inner, lambda _message: None))
