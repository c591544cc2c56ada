"""Waiting for a coroutine on another thread's loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from typing import Any

import pytest

from adapters.generators.patience import result_of
from rag.errors import Cancelled, DeadlineExceeded
from rag.in_memory_ports.stop import Stop


@pytest.fixture
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield loop
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def started(
    loop: asyncio.AbstractEventLoop,
) -> Callable[[Coroutine[Any, Any, str]], Future[str]]:
    return lambda coroutine: asyncio.run_coroutine_threadsafe(coroutine, loop)


Started = Callable[[Coroutine[Any, Any, str]], Future[str]]


class Sleeper:
    """A coroutine that would take long, and tells how it ended."""

    def __init__(self) -> None:
        self.cancelled = threading.Event()

    async def sleep(self) -> str:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.cancelled.set()
            raise
        return "slept"


async def soon() -> str:
    return "done"


async def fails() -> str:
    raise TimeoutError("its own")


def in_a_minute() -> float:
    return time.monotonic() + 60


def test_a_result_is_passed_on(started: Started) -> None:
    assert result_of(started(soon()), stop=Stop(), give_up_at=in_a_minute()) == "done"


def test_an_error_is_passed_on_even_where_it_looks_like_ours(started: Started) -> None:
    with pytest.raises(TimeoutError, match="its own"):
        result_of(started(fails()), stop=Stop(), give_up_at=in_a_minute())


def test_a_stop_cancels_the_coroutine_and_says_why(started: Started) -> None:
    stop, sleeper = Stop(), Sleeper()
    threading.Timer(0.1, stop.pull).start()
    with pytest.raises(Cancelled):
        result_of(started(sleeper.sleep()), stop=stop, give_up_at=in_a_minute())

    assert sleeper.cancelled.wait(5)


def test_a_deadline_cancels_the_coroutine(started: Started) -> None:
    sleeper = Sleeper()
    with pytest.raises(DeadlineExceeded):
        result_of(started(sleeper.sleep()), stop=Stop(), give_up_at=time.monotonic() + 0.1)

    assert sleeper.cancelled.wait(5)


def test_a_cancellation_by_somebody_else_is_passed_on(started: Started) -> None:
    future = started(Sleeper().sleep())
    threading.Timer(0.1, future.cancel).start()
    with pytest.raises(CancelledError):
        result_of(future, stop=Stop(), give_up_at=in_a_minute())
