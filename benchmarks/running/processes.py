"""
Running a benchmark, and the programs it starts, so that none outlives it.

SIGTERM and Ctrl-C end a benchmark as an error would, through its context managers. One that is
killed takes its programs along by their leashes (Linux).
"""

import contextlib
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from stack import process_tree
from stack.leash import leashed

#: How long a program may take to end once nobody wants to know what it measured.
HURRY_S: Final = 10.0

_ended = threading.Event()


def run(main: Callable[[], None]) -> None:
    """
    Run a benchmark in the main thread.

    The first signal that ends it raises SystemExit there, and `go_on` raises it in its threads;
    those that follow change nothing, so that none interrupts the ends of what it started.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:  # as `nohup` and `&` want it
            signal.signal(number, _end)
    main()


def go_on() -> None:
    """
    Do nothing until the benchmark is ended: to be called by its threads now and then.

    Raises:
        SystemExit: It is ended, and waits for this thread.
    """
    if _ended.is_set():
        raise SystemExit("the benchmark is ended")


@contextlib.contextmanager
def running(
    command: Sequence[str], *, patience_s: float = HURRY_S, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """
    Run a program during the block, in a process group of its own; then end it and all below it.

    Args:
        command: The program and its arguments.

        patience_s: Seconds between SIGTERM and SIGKILL, unless the benchmark itself is ended.

        options: As `subprocess.Popen` takes them.
    """
    process = subprocess.Popen(leashed(*command), process_group=0, **options)
    try:
        yield process
    finally:
        end(process, patience_s=min(patience_s, HURRY_S) if _ended.is_set() else patience_s)


def finished(
    command: Sequence[str], *, failure: str, given: str | None = None, cwd: Path | None = None
) -> str:
    """
    Run a program to its end; returns what it wrote.

    Args:
        command: The program and its arguments.

        failure: What to say where it fails, before the end of what it said itself.

        given: Its input.

        cwd: Where it runs; here unless it is given.

    Raises:
        SystemExit: It failed.
    """
    done = subprocess.run(
        leashed(*command), input=given, cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"{failure}: {done.stdout[-500:]}{done.stderr[-500:]}")
    return done.stdout


def end(process: subprocess.Popen[bytes], *, patience_s: float = HURRY_S) -> None:
    """End the leader of a process group, after *patience_s* by force, and what is left below it."""
    below = process_tree.below(process.pid) if process.poll() is None else []
    process.terminate()
    try:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
    finally:  # also when the benchmark is ended meanwhile
        process_tree.kill_group(process.pid)
        process_tree.kill(below)
        process.wait()


def _end(number: int, _frame: object) -> None:
    if not _ended.is_set():
        _ended.set()
        raise SystemExit(128 + number)
