"""
Run a command that ends when the process that started it ends: `leash.py PARENT_PID COMMAND...`.

The kernel sends the command SIGTERM when the *thread* that started it is gone (Linux,
PR_SET_PDEATHSIG), so start it from a thread that lives as long as its process. This is a wrapper
rather than a `preexec_fn` because that may deadlock in a process with threads. Elsewhere it only
runs the command. It is run by an interpreter without site-packages: standard library only.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def leashed(*command: str) -> list[str]:
    """Return *command* on a leash of this process, to be started as it is."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def main(arguments: list[str]) -> None:
    """Tie this process to its parent, then become the command."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the line above
        sys.exit("not started: the process that asked for it is gone")
    try:
        os.execvp(command[0], command)  # noqa: S606  the command comes from our own code
    except OSError as error:
        print(f"cannot run {command[0]}: {error.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main(sys.argv[1:])
