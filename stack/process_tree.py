"""Finding and ending everything a process started, also what it left behind."""

import ctypes
import os
import signal
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress

import psutil

from rag.errors import Broken

PR_SET_CHILD_SUBREAPER = 36
KILL_PATIENCE_S = 10
CLOCK_SLACK_S = 5


def become_subreaper() -> None:
    """Let orphans below this process become its children (Linux); does nothing elsewhere."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reaped() -> Iterator[tuple[int, int]]:
    """Yield (pid, exit code) of every child that has ended; a negative code is a signal."""
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def kill_group(leader: int) -> None:
    """Kill whatever is left of the process group of *leader*, whether or not it lives itself."""
    # PermissionError is how macOS says that only zombies are left.
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def below(pid: int | None) -> list[psutil.Process]:
    """Return every process below *pid*; the objects stay right when pids come round."""
    try:
        return [] if pid is None else psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def adopted(known: Collection[int]) -> list[psutil.Process]:
    """Return children of this process that are not in *known*: orphans it was given."""
    return [child for child in psutil.Process().children() if child.pid not in known]


def kill(processes: Iterable[psutil.Process]) -> None:
    """Kill *processes* with all that is below them, without waiting."""
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            for child in below(process.pid):
                with suppress(psutil.NoSuchProcess):
                    child.kill()
            process.kill()


def is_alive(pid: int, *, created_at: float) -> bool:
    """Return True if *pid* is the process that started at *created_at*, seconds since 1970."""
    try:
        process = psutil.Process(pid)
        return _is_same(process, created_at) and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end_groups(leaders: Mapping[int, float], *, patience_s: float) -> int:
    """
    End what is left of the process groups of *leaders*: politely, then after *patience_s* by force.

    Args:
        leaders: Start time by pid, recorded when they were alive. A pid that has come round to
            another process since is left alone.

        patience_s: Seconds between SIGTERM and SIGKILL.

    Returns:
        How many processes were found.

    Raises:
        Broken: Some cannot be ended.
    """
    found = _members(leaders)
    for process in found:
        if process.pid in leaders:
            with suppress(psutil.NoSuchProcess):
                process.terminate()
    deadline = time.monotonic() + patience_s
    while left := _members(leaders):
        if time.monotonic() > deadline + KILL_PATIENCE_S:
            pids = ", ".join(str(process.pid) for process in left)
            raise Broken(f"processes of an earlier run do not end; end them first: {pids}")
        if time.monotonic() > deadline:
            kill(left)
        time.sleep(0.05)
    return len(found)


def _members(leaders: Mapping[int, float]) -> list[psutil.Process]:
    """Return the living members of the process groups of *leaders*."""
    members = []
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            group = os.getpgid(process.pid)
            if group not in leaders or process.status() == psutil.STATUS_ZOMBIE:
                continue
            if not _is_another(group, leaders[group]):
                members.append(process)
    return members


def _is_another(pid: int, created_at: float) -> bool:
    """Return True if *pid* has come round to a process that did not start at *created_at*."""
    try:
        return not _is_same(psutil.Process(pid), created_at)
    except psutil.NoSuchProcess:
        return False


def _is_same(process: psutil.Process, created_at: float) -> bool:
    """Compare start times with room for a clock that was set; pids come round much later."""
    return abs(process.create_time() - created_at) < CLOCK_SLACK_S
