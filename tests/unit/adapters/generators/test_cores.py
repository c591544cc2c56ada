"""Whose cores are whose, between real processes."""

import json
import os
import subprocess
import sys

import pytest

CORES = os.sched_getaffinity(0)
pytestmark = pytest.mark.skipif(len(CORES) < 2, reason="a machine with one core has none to spare")
#: What runs the function under test: a process whose affinity may change.
HARNESS = """
import os, subprocess, sys
from adapters.generators.cores import keep_off_the_models_cores
names, cores = sys.argv[1].split(","), [int(core) for core in sys.argv[2].split(",") if core]
children = []
for name in names:
    child = subprocess.Popen([name, "60"], executable="/bin/sleep")
    children.append(child)
    if name.startswith("VLLM::Worker"):
        os.sched_setaffinity(child.pid, cores)
keep_off_the_models_cores()
print([sorted(os.sched_getaffinity(pid)) for pid in (0, *(child.pid for child in children))])
for child in children:
    child.kill()
"""


def placed(names: list[str], cores: set[int]) -> list[set[int]]:
    words = [",".join(names), ",".join(str(core) for core in cores)]
    done = subprocess.run(
        [sys.executable, "-c", HARNESS, *words], capture_output=True, text=True, check=True
    )
    return [set(found) for found in json.loads(done.stdout)]


def test_who_does_not_compute_keeps_off_the_cores_of_who_does() -> None:
    bound = {min(CORES)}
    us, core, worker = placed(["VLLM::EngineCore", "VLLM::Worker"], bound)

    assert (us, core, worker) == (CORES - bound, CORES - bound, bound)


def test_a_model_that_is_bound_nowhere_moves_nobody() -> None:
    assert placed(["VLLM::EngineCore", "VLLM::Worker"], CORES) == [CORES] * 3


def test_a_process_without_a_model_stays_where_it_is() -> None:
    assert placed(["VLLM::EngineCore"], set()) == [CORES] * 2
