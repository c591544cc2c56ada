"""Workers beside those of a stack, as on a second machine: what dies is started again at once."""

import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

from chaos.faults.plans import WORKERS
from chaos.threads import RunThread
from runtime.settings import Settings
from stack import process_tree
from stack.leash import leashed
from stack.programs import child_environment
from stack.up import Stack

LOOK_S: Final = 0.2
PATIENCE_S: Final = 25.0


class ExtraWorkers(RunThread):
    """
    Keeps some workers of each kind running until it is told to stop; leaves none.

    Their environment is the one that this process has when the object is made.

    Args:
        stack: Whose data and stores they have.

        count: How many of each kind.

        log: Where they write.
    """

    def __init__(self, stack: Stack, *, count: int, log: Path) -> None:
        super().__init__("extra-workers")
        self._roles = WORKERS * count
        record = stack.record
        settings = Settings(
            data_dir=Path(record.data_dir),
            redis_url=record.redis_url,
            cache_url=record.cache_url,
            chroma_url=record.chroma_url,
        )
        self._environment = child_environment(settings)
        self._log = log
        self._running: dict[int, subprocess.Popen[bytes]] = {}

    @property
    def pids(self) -> set[int]:
        """The processes that run now."""
        return {one.pid for one in list(self._running.values())}

    def work(self) -> None:
        """Start what is missing."""
        try:
            with self._log.open("ab") as log:
                self._start_missing(log)
                while not self.stopping.wait(LOOK_S):
                    self._start_missing(log)
        finally:
            self._end()

    def _start_missing(self, log: IO[bytes]) -> None:
        for number, role in enumerate(self._roles):
            running = self._running.get(number)
            if running is None or running.poll() is not None:
                self._running[number] = self._start(role, log)

    def _start(self, role: str, log: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603  the command of our own worker
            leashed(sys.executable, "-P", "-m", f"workers.{role}"),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            process_group=0,
        )

    def _end(self) -> None:
        for one in self._running.values():
            one.terminate()
        for one in self._running.values():
            with suppress(subprocess.TimeoutExpired):
                one.wait(PATIENCE_S)
            process_tree.kill_group(one.pid)
            one.wait()
