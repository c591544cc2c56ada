"""Starting programs in order, watching that they live, and stopping them so that none is left."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Protocol

import psutil

from stack import process_tree
from stack.leash import leashed
from stack.logs.capture import Capture
from stack.logs.readable_lines import readable

TICK_S = 0.1
FIRST_DELAY_S = 0.5
LONGEST_DELAY_S = 15.0
# A program that has lived this long is well again: its next death is restarted at once.
WELL_AFTER_S = 60.0
FORCED_PATIENCE_S = 0.5
LOG_BYTES = 20_000_000
LOG_CHECK_S = 60.0
TAIL_LINES = 20


@dataclass(frozen=True, kw_only=True)
class Program:
    """
    One program to keep running.

    Args:
        ready: Called with the pid again and again until it returns true; may raise OSError for
            "not yet", should answer within a second or two.

        foreign: It does not write our JSON lines; what it writes is rewritten, see `capture`.

        needs: Names of programs that have to be ready before this one is started.

        stop_stage: All programs of a lower stage have ended before this one is asked to.

        stop_timeout_s: Seconds between SIGTERM and SIGKILL.
    """

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[int], bool]
    foreign: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    needs: Sequence[str] = ()
    start_timeout_s: float = 60.0
    stop_stage: int = 0
    stop_timeout_s: float = 10.0


class State(Enum):
    """Where a program is in its life."""

    DOWN = "down"
    STARTING = "starting"
    READY = "ready"


class Child:
    """A program with what is known of its present process."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.state = State.DOWN
        self.pid: int | None = None
        self.created_at = 0.0
        self.started = 0.0
        self.start_at = 0.0
        self.failures = 0
        self.log_offset = 0
        self.last_pid = 0
        self.capture = Capture(program.log, name=program.name) if program.foreign else None

    @property
    def name(self) -> str:
        """Name of the program."""
        return self.program.name

    @property
    def is_up(self) -> bool:
        """Whether the present process has proved that it serves."""
        return self.state is State.READY

    def asks_ready(self) -> bool:
        """Ask the running process whether it serves."""
        try:
            return self.pid is not None and self.program.ready(self.pid)
        except OSError:
            return False

    def copy_log(self) -> None:
        """Rewrite what the process has said since, where that is not in our form."""
        if self.capture is not None:
            self.capture.copy(pid=self.last_pid, all_of_it=self.pid is None)

    def tail(self) -> list[str]:
        """Return the last lines that the present process has written, for people."""
        self.copy_log()
        try:
            with self.program.log.open("rb") as log:
                log.seek(self.log_offset)
                return readable(log.read().decode(errors="replace"))[-TAIL_LINES:]
        except OSError:  # it never began to write
            return []


class Report(Protocol):
    """Is told what happens, to show it or to write it down; must raise nothing else."""

    def changed(self, children: Sequence[Child]) -> None:
        """
        Hear of every new pid and every change of state.

        Raises:
            OSError: It cannot be written down, on a full disk: it will be told again.
        """

    def ready(self, child: Child, *, after_s: float) -> None:
        """Hear that a program serves."""

    def all_ready(self) -> None:
        """Hear, once, that every program serves."""

    def died(self, child: Child, *, how: str, again_in_s: float) -> None:
        """Hear that a program ended by itself and will be started again."""

    def stopping(self, names: Sequence[str]) -> None:
        """Hear that these programs have been asked to end."""


class StartFailed(Exception):
    """Raised when a program does not come up; everything else has been stopped by then."""

    def __init__(self, child: Child, how: str) -> None:
        """Keep what a person needs: the name, what happened, where the log is and how it ends."""
        super().__init__(f"{child.name} did not start: {how}")
        self.log = child.program.log
        self.tail = child.tail()


class Supervisor:
    """
    Keeps programs running until SIGINT, SIGTERM or SIGHUP; a second signal stops them by force.

    While the first start is under way, any death is an error. Afterwards what dies is started
    again, with a delay that doubles at each death. Every program leads its own session; what it
    leaves behind is killed. Must run in the main thread, of a process that has nothing else to do:
    it reaps every child of the process and kills the orphans it is given.
    """

    def __init__(self, programs: Sequence[Program], *, report: Report) -> None:
        self._children = [Child(program) for program in programs]
        self._report = report
        self._signals = 0
        self._up = False
        self._unreported = False
        self._log_check = 0.0
        self._foreign: set[int] = set()

    def run(self) -> bool:
        """
        Start everything, watch until a signal comes, stop everything.

        Returns:
            True when every program ended by itself once asked to, false when some had to be killed.

        Raises:
            StartFailed: A program died or was not ready in time during the first start.
        """
        process_tree.become_subreaper()
        self._foreign = {child.pid for child in psutil.Process().children()}
        with self._catching_signals():
            try:
                while not self._signals:
                    self._step()
                    time.sleep(TICK_S)
            finally:
                clean = self._stop(forced_at=2 if self._signals else 1)
        return clean

    @contextmanager
    def _catching_signals(self) -> Iterator[None]:
        """Count the signals that ask for an end."""

        def count(_number: int, _frame: FrameType | None) -> None:
            self._signals += 1

        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, count) for number in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _step(self) -> None:
        """Take note of what died, start what is due, ask what is starting."""
        self._reap()
        now = time.monotonic()
        ready = {child.name for child in self._children if child.state is State.READY}
        for child in self._children:
            if child.state is State.STARTING:
                self._ask(child)
            elif (
                child.state is State.DOWN
                and now >= child.start_at
                and ready.issuperset(child.program.needs)
            ):
                self._start(child)
        if not self._up and len(ready) == len(self._children):
            self._up = self._unreported = True
            self._report.all_ready()
        if self._unreported:
            self._report_change()
        for child in self._children:
            child.copy_log()
        if now > self._log_check + LOG_CHECK_S:
            self._log_check = now
            for child in self._children:
                if _rotate(child.program.log):
                    child.log_offset = 0

    def _report_change(self) -> None:
        """Report how the programs are; what cannot be written down is reported again."""
        self._unreported = True
        with suppress(OSError):
            self._report.changed(self._children)
            self._unreported = False

    def _start(self, child: Child) -> None:
        """Start a program, or plan to where the system has no room for it."""
        try:
            self._spawn(child)
        except OSError as error:
            self._failed(child, f"it cannot be started: {error.strerror}")

    def _spawn(self, child: Child) -> None:
        program, child.started = child.program, time.monotonic()
        program.log.parent.mkdir(parents=True, exist_ok=True)
        with program.log.open("ab") as own:
            log = child.capture.open() if child.capture else own
            _rotate(program.log)
            child.log_offset = os.fstat(own.fileno()).st_size
            process = subprocess.Popen(  # noqa: S603  the commands are our own
                leashed(*program.command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(program.environment),
                # A group to be killed as one, but no session: Linux schedules sessions against each
                # other (autogroup), and next to a busy engine in a session of its own Redis was
                # kept from the processor for seconds. See docs/decisions/0011.
                process_group=0,
            )
        if log is not own:
            log.close()
        # Reaping is done for all children in one place, so Popen must never wait for this one.
        process.returncode = 0
        child.pid = child.last_pid = process.pid
        child.created_at = psutil.Process(process.pid).create_time()
        child.state = State.STARTING
        self._report_change()

    def _ask(self, child: Child) -> None:
        after_s = time.monotonic() - child.started
        if child.asks_ready():
            child.state = State.READY
            self._report_change()
            self._report.ready(child, after_s=after_s)
        elif after_s > child.program.start_timeout_s:
            if not self._up:
                raise StartFailed(child, f"it does not serve after {after_s:.0f} s")
            if child.pid is not None:
                process_tree.kill_group(child.pid)

    def _reap(self) -> None:
        """Bury the dead, kill what they left behind and plan their next start."""
        for child, code in self._bury():
            self._failed(child, _how(code))

    def _failed(self, child: Child, how: str) -> None:
        """Plan the next start of a program that ended, or that could not be started."""
        if not self._up:
            raise StartFailed(child, how)
        if time.monotonic() - child.started > WELL_AFTER_S:
            child.failures = 0
        delay_s = min(FIRST_DELAY_S * 2**child.failures, LONGEST_DELAY_S)
        child.failures += 1
        child.start_at = time.monotonic() + delay_s
        self._report_change()
        self._report.died(child, how=how, again_in_s=delay_s)

    def _bury(self) -> list[tuple[Child, int]]:
        """Return the programs that have ended, with their exit codes; kill what they left."""
        by_pid = {child.pid: child for child in self._children if child.pid is not None}
        dead = []
        for pid, code in process_tree.reaped():
            if child := by_pid.get(pid):
                process_tree.kill_group(pid)
                child.state, child.pid = State.DOWN, None
                dead.append((child, code))
        if dead:
            process_tree.kill(process_tree.adopted(self._foreign.union(by_pid)))
        return dead

    def _stop(self, *, forced_at: int) -> bool:
        """Stop stage by stage; *forced_at* is the count of signals that ends all patience."""
        clean = True
        for stage in sorted({child.program.stop_stage for child in self._children}):
            members = [c for c in self._children if c.program.stop_stage == stage]
            self._bury()
            if living := [child for child in members if child.pid is not None]:
                self._report.stopping([child.name for child in living])
                clean &= self._stop_together(living, forced_at=forced_at)
        self._report_change()
        ended = self._end_orphans()
        for child in self._children:
            child.copy_log()
        return ended and clean

    def _stop_together(self, living: Sequence[Child], *, forced_at: int) -> bool:
        """End the processes of one stage with all that is below them; true if none was killed."""
        # Remembered now: once its parent has ended, a process is nobody's where there is no
        # sub-reaper.
        below = [p for child in living for p in process_tree.below(child.pid)]
        for child in living:
            if child.pid is not None:
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGTERM)
        asked_at, clean = time.monotonic(), True
        while left := [child for child in living if child.pid is not None]:
            forced = self._signals >= forced_at
            for child in left:
                patience_s = child.program.stop_timeout_s
                patience_s = min(patience_s, FORCED_PATIENCE_S) if forced else patience_s
                if child.pid is not None and time.monotonic() - asked_at > patience_s:
                    process_tree.kill_group(child.pid)
                    clean = False
            time.sleep(TICK_S / 2)
            self._bury()
        process_tree.kill(below)
        return clean

    def _end_orphans(self) -> bool:
        """Kill every process that is still below this one; true when none is left."""
        deadline = time.monotonic() + process_tree.KILL_PATIENCE_S
        while time.monotonic() < deadline:
            for _ in process_tree.reaped():
                pass
            if not (left := process_tree.adopted(self._foreign)):
                return True
            process_tree.kill(left)
            time.sleep(TICK_S / 2)
        return False


def _how(code: int) -> str:
    """Return in words how a process ended."""
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"it was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"it was ended by signal {-code}"


def _rotate(log: Path) -> bool:
    """
    Keep one older copy of a log that has grown large. Its writer, which appends, goes on.

    Returns False, and leaves the log as it is, where it is small, or its disk has no room.
    """
    copy = log.with_name(log.name + ".1")
    try:
        if log.stat().st_size < LOG_BYTES:
            return False
        with log.open("rb") as source, copy.open("wb") as target:
            while block := source.read(1 << 20):
                target.write(block)
        os.truncate(log, 0)
    except OSError:
        return False
    return True
