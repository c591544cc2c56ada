"""The service's own parsers at work, watched from outside: what they read, take, and survive."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

import psutil

from adapters.parsing.sandbox.parser_pool import ParserPool
from benchmarks.data.manifest import Reading
from benchmarks.figures.peak_memory import PeakMemory, children
from rag.errors import NoText, Retryable, Unreadable
from runtime.settings import Settings

#: Reasons with which a parser process is put away, or has ended by itself.
BROKEN: Final = ("parser_crashed", "parser_failed", "parser_memory", "parser_timeout")


class WatchedParsers:
    """
    Read files one after the other through the sandbox of the ingestion worker.

    `restarted` counts parser processes that ended before their file was read, by a crash, a limit,
    a signal, or an error that nobody foresaw, and templates of them that ended at all. A process
    that has read its share of files, which is one of most kinds, is none of them.
    """

    def __init__(self, pool: ParserPool, *, timeout_s: float) -> None:
        self.restarted = 0
        self._timeout_s = timeout_s
        self._pool = pool
        self._template = self._find_template()
        self._memory = PeakMemory(lambda: children(self._template))

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """Give parsers as the settings want them during the block."""
        with contextlib.closing(ParserPool.open(settings)) as pool:
            parsers = cls(pool, timeout_s=settings.parser_timeout_s)
            with parsers._memory:
                yield parsers

    @property
    def isolation(self) -> str:
        """What the parsers are kept from, see `ParserPool.isolation`."""
        return self._pool.isolation

    def read(self, path: Path) -> Reading:
        """Read a file as the ingestion worker does."""
        self._memory.begin()
        began = time.perf_counter()
        text, detail, broken = self._parsed(path)
        seconds = time.perf_counter() - began
        peak = self._memory.end()
        template = self._find_template()
        self.restarted += broken or template != self._template
        self._template = template
        return Reading(text, detail, broken=broken, seconds=seconds, peak=peak)

    def _parsed(self, path: Path) -> tuple[str | None, str, bool]:
        """Return the text, why there is none, and whether the parser broke."""
        try:
            document = self._pool.parse(
                path.read_bytes(), filename=path.name, timeout_s=self._timeout_s
            )
        except NoText as empty:
            return "", empty.detail, False
        except Unreadable as refused:
            return None, refused.detail, refused.reason in BROKEN
        except Retryable as failed:
            return None, str(failed), True
        return document.text, "", False

    def _find_template(self) -> int:
        """Return the id of the template, which is a child of this process; 0 if there is none."""
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                if "adapters.parsing.sandbox.parser_process" in child.cmdline():
                    return child.pid
        return 0
