"""The clock of one process is wrong, of all others right."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from chaos.faults.clock_hook.sitecustomize import ShiftedClock, role_of
from chaos.faults.clocks import Clocks


@pytest.mark.parametrize(
    ("command", "role"),
    [
        (["python", "-P", "-m", "workers.ingestion"], "ingestion"),
        (["python", "-P", "-m", "gunicorn", "web.app:create_app()", "--bind=:0"], "web"),
        (["python", "-m", "stack.up"], ""),
    ],
)
def test_the_processes_of_a_stack_are_told_by_their_commands(command: list[str], role: str) -> None:
    assert role_of(command) == role


def test_a_clock_is_as_wrong_as_the_file_says_and_right_without_one(tmp_path: Path) -> None:
    file = tmp_path / "web"
    assert abs(ShiftedClock(str(file)).time() - time.time()) < 5
    file.write_text("-300.0")
    clock = ShiftedClock(str(file))

    assert -305 < clock.time() - time.time() < -295
    assert -305 < (clock.time_ns() - time.time_ns()) / 1e9 < -295


def test_a_process_has_the_clock_of_its_role(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path)
    clocks.shift("chosen", 3600)
    code = "import time; print(time.time())"
    told = [
        float(
            subprocess.run(
                # The interpreter hands on what stands after the code: the hook reads the role.
                [sys.executable, "-c", code, f"workers.{role}"],
                env=clocks.environment, capture_output=True, text=True, check=True,
            ).stdout
        )
        for role in ("chosen", "other")
    ]  # fmt: skip

    assert told[0] - time.time() > 3000
    assert abs(told[1] - time.time()) < 60


def test_clocks_are_set_right(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path)
    clocks.shift("web", 300)
    clocks.set_right()
    assert float((tmp_path / "web").read_text()) == 0
