"""Gunicorn's last seconds after SIGTERM: the server answers on, and says that it is going."""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the server's first process loads none of the app
    from web.front_end import FrontEnd


class Draining:
    """
    End a web process in order.

    Whoever sends requests learns from `/readyz` that no more are wanted while those that come
    anyway are still answered.

    Args:
        parts: Of the process; None where the app was not loaded yet.

        end: Stops taking requests; called once, after `web_drain_s`, from a thread.
    """

    def __init__(self, parts: "FrontEnd | None", end: Callable[[], None]) -> None:
        self._parts = parts
        self._end = end

    def begin(self) -> None:
        """Report the end from now on; end at once where there is nothing to wait for."""
        if self._parts is None or not self._parts.settings.web_drain_s:
            self._end()
            return
        self._parts.health.drain()
        timer = threading.Timer(self._parts.settings.web_drain_s, self._end)
        timer.daemon = True
        timer.start()
