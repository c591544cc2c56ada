"""Gunicorn's own lines, in the form of all others and without what callers have sent."""

import sys
from typing import Any

from gunicorn.config import Config
from gunicorn.glogging import Logger

from runtime.environment import BadSetting, read_settings
from runtime.logging import logs


class JsonLogger(Logger):  # type: ignore[misc]  # gunicorn publishes no types
    """Sends what gunicorn says to this process' logs. Requests are logged by the app."""

    def setup(self, cfg: Config) -> None:
        """Set up the logs of the arbiter; a worker sets up its own once it has the app."""
        self.cfg = cfg
        self._access_log_enabled = False
        try:
            settings = read_settings()
            logs.configure(level=settings.log_level, role="web", secrets=settings.secrets)
        except BadSetting:  # which the app will say, in words
            logs.configure(level="INFO", role="web")
        self.error_log.handlers.clear()
        self.error_log.propagate = True
        self.error_log.setLevel("INFO")

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log a warning; of a request that is no HTTP not what it said, which may be anything."""
        if msg.startswith("Invalid request from"):
            msg, args = msg.split(": ", 1)[0], ()
        super().warning(msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """Log an error with its traceback; of an address not its query."""
        if msg.startswith("Socket error"):
            # The app sees to its own: this is a caller who sends or takes nothing any more.
            self.error_log.info("a caller was given up: %s", sys.exc_info()[1])
            return
        told = (arg.split("?", 1)[0] if isinstance(arg, str) else arg for arg in args)
        super().exception(msg, *told, **kwargs)
