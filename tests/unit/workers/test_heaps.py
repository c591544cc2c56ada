"""A worker's threads share as many heaps as it has cores."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: Forty threads that hold memory at once, and how many heaps there are then.
PROGRAM = """
import ctypes, sys, threading
from xml.etree import ElementTree
from workers.heaps import one_heap_a_core

one_heap_a_core()
c = ctypes.CDLL(None)
c.malloc.restype = ctypes.c_void_p
together = threading.Barrier(40)

def hold():
    together.wait()
    c.malloc(100_000)
    together.wait()

threads = [threading.Thread(target=hold) for _ in range(40)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
c.fopen.restype = ctypes.c_void_p
file = c.fopen(sys.argv[1].encode(), b"w")
c.malloc_info(0, ctypes.c_void_p(file))
c.fclose(ctypes.c_void_p(file))
print(len(ElementTree.parse(sys.argv[1]).findall("heap")))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
@pytest.mark.parametrize("asked", [None, 3])
def test_there_are_no_more_heaps_than_cores_or_than_somebody_asked_for(
    tmp_path: Path, asked: int | None
) -> None:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MALLOC_")}
    if asked:
        environment["MALLOC_ARENA_MAX"] = str(asked)
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "heaps.xml")],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip

    assert 1 <= int(told) <= (asked or len(os.sched_getaffinity(0)))
