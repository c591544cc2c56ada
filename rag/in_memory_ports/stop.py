"""A stop signal that is pulled by hand."""

from collections.abc import Callable

from rag.errors import Cancelled


class Stop:
    """A `StopSignal` that is pulled by hand."""

    def __init__(self) -> None:
        self.stopped = False
        self.callbacks: list[Callable[[], None]] = []

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call *callback* when the stop is asked for; at once, where it was already."""
        self.callbacks.append(callback)
        if self.stopped:
            callback()

    def check(self) -> None:
        """Raise Cancelled once the stop is asked for."""
        if self.stopped:
            raise Cancelled("unit")

    def pull(self) -> None:
        """Ask for the stop."""
        self.stopped = True
        for callback in self.callbacks:
            callback()
