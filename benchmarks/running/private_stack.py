"""A private stack with its queue within reach: for what HTTP alone does not tell."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from redis import Redis

from benchmarks.running.service import Service
from corpus.storage import Storage, open_storage
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from stack.up import Stack

ONLY = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")


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
def private_stack(settings: Settings) -> Iterator[PrivateStack]:
    """Give a stack of *settings* in a folder of its own, without Flower."""
    with (
        tempfile.TemporaryDirectory(prefix="quern-bench-") as folder,
        Stack.start(data_dir=Path(folder), settings=settings, only=ONLY) as stack,
        ledger_client(stack.redis_url, connections=4) as redis,
    ):
        inner = Settings(data_dir=Path(folder), redis_url=stack.redis_url)
        storage = open_storage(inner, lambda _message: None)
        yield PrivateStack(stack, Service(stack.url, stack), redis, storage)
