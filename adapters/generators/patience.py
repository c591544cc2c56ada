"""Waiting in a pool thread for a coroutine on another thread's event loop."""

import time
from concurrent.futures import CancelledError, Future, wait
from typing import TypeVar

from rag.answers.generation import StopSignal
from rag.errors import DeadlineExceeded

T = TypeVar("T")


def result_of(future: Future[T], *, stop: StopSignal, give_up_at: float) -> T:
    """
    Wait for a coroutine's result; cancel it once its caller has stopped.

    Args:
        future: Of `asyncio.run_coroutine_threadsafe`: to cancel it cancels the coroutine.

        stop: Tells that the caller wants no more.

        give_up_at: When it is too late, by `time.monotonic`.

    Raises:
        Cancelled, LeaseLost: As *stop* says.

        DeadlineExceeded: It was not finished in time.

        concurrent.futures.CancelledError: It was cancelled, and not by *stop*: its loop is ending.

        Exception: Whatever else the coroutine raised.
    """

    def cancel() -> None:
        future.cancel()

    stop.on_stop(cancel)
    try:
        # Not by `result(timeout=...)`: its TimeoutError could as well be the coroutine's own.
        if not wait([future], timeout=max(0.0, give_up_at - time.monotonic())).done:
            raise DeadlineExceeded("past its deadline while it was written")
        return future.result()
    except CancelledError:
        stop.check()
        raise
    finally:
        future.cancel()
