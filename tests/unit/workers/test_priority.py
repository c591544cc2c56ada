"""How a worker gives way, in processes of their own: a priority that was lowered stays low."""

import json
import subprocess
import sys

#: Prints the priorities of a thread that was there, the caller, a later thread and a child.
HARNESS = """
import json, os, subprocess, sys, threading
from workers.priority import give_way

ended = threading.Event()
before = threading.Thread(target=ended.wait)
before.start()
give_way(int(sys.argv[1]))
after = threading.Thread(target=ended.wait)
after.start()
threads = [before.native_id, threading.get_native_id(), after.native_id]
child = subprocess.run(["nice"], capture_output=True, text=True, check=True)
print(json.dumps([*(os.getpriority(os.PRIO_PROCESS, t) for t in threads), int(child.stdout)]))
ended.set()
"""


def priorities(steps: int, *, of: int = 0) -> list[int]:
    """Return the priorities after so many steps, in a process that began with *of* more."""
    command = ["nice", "-n", str(of), sys.executable, "-c", HARNESS, str(steps)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: list[int] = json.loads(done.stdout)
    return found


def test_every_thread_and_what_is_started_later_gives_way() -> None:
    ours = priorities(0)[0]

    assert priorities(4) == [min(19, ours + 4)] * 4


def test_it_gives_way_to_processes_that_began_like_it() -> None:
    ours = priorities(0)[0]

    assert priorities(4, of=3) == [min(19, ours + 7)] * 4
