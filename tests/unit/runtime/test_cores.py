"""The cores that a process may use."""

import os
import subprocess
import sys

import pytest

from runtime.cores import usable_cores

COUNT = """
import os
from runtime.cores import usable_cores
os.sched_setaffinity(0, {%d})
print(usable_cores())
"""


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system binds nobody")
def test_a_process_counts_the_cores_that_it_may_run_on_and_no_others() -> None:
    core = min(os.sched_getaffinity(0))
    told = subprocess.run([sys.executable, "-c", COUNT % core], check=True, capture_output=True)

    assert int(told.stdout) == 1


def test_where_the_system_says_nothing_of_a_process_all_cores_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)

    assert usable_cores() == 3
