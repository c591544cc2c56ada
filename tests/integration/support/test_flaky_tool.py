"""`make flaky` on small trees of tests."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import PATIENCE_S, is_gone, until

ROOT = Path(__file__).parents[3]
TESTS = """\
import os, pathlib, pytest

def round_number():
    file = pathlib.Path(__file__).with_name("rounds")
    number = int(file.read_text()) if file.exists() else 1
    file.write_text(str(number + 1))
    return number

NUMBER = round_number()

def test_never(): pass

def test_sometimes():
    print(f"it says {NUMBER}")
    assert NUMBER not in (2, 3)

@pytest.fixture
def ends():
    yield
    assert NUMBER != 3, "no end"

def test_does_not_end(ends): pass

def test_skipped(): pytest.skip("no")

def test_crashes():
    if NUMBER == 4:
        os._exit(1)

def test_last(): assert NUMBER == 4

if NUMBER == 5:
    import atexit, signal
    atexit.register(os.kill, os.getpid(), signal.SIGKILL)
"""


def begin(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    (folder / "pytest.ini").write_text("[pytest]\n")
    more = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "true"}
    return subprocess.Popen(
        [sys.executable, "-m", "tests.support.flaky", *arguments],
        cwd=folder, env=dict(os.environ) | more, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip


def test_every_round_is_run_and_each_test_is_counted(tmp_path: Path) -> None:
    (tmp_path / "test_some.py").write_text(TESTS)
    with begin(tmp_path, "--rounds", "5", "test_some.py") as process:
        said, _ = process.communicate(timeout=5 * PATIENCE_S)

    assert process.returncode == 1
    for line in (
        "   2 of   5 failed  test_some.py::test_sometimes",
        "   1 of   5 failed  test_some.py::test_does_not_end",
        "   1 of   5 failed  test_some.py::test_crashes",
        "   4 of   4 failed  test_some.py::test_last",
        "   1 of   5 failed  pytest itself",
        "1 of 5 tests never failed, 1 were skipped",
    ):
        assert line in said
    assert "===== test_some.py::test_sometimes\n===== round 2, in call:" in said
    assert "it says 2" in said
    assert "it says 3" not in said
    assert "===== test_some.py::test_does_not_end\n===== round 3, in teardown:" in said
    assert "===== test_some.py::test_crashes\n===== round 4, pytest ended in it with 1:" in said
    assert "5 rounds on busy cores in " in said


@pytest.mark.parametrize("arguments", [["no_such_test.py"], []])
def test_without_tests_it_says_so(tmp_path: Path, arguments: list[str]) -> None:
    with begin(tmp_path, *arguments) as process:
        said, _ = process.communicate(timeout=PATIENCE_S)

    assert process.returncode
    assert "no_such_test.py" in said or "name the tests" in said


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is a Linux thing")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_its_load_ends_with_it(tmp_path: Path, number: int) -> None:
    (tmp_path / "test_waits.py").write_text(
        "import pathlib, pytest, time\n\n@pytest.fixture\ndef ends():\n    yield\n"
        "    pathlib.Path('ended').touch()\n\ndef test_waits(ends):\n"
        "    pathlib.Path('began').touch()\n    time.sleep(600)\n"
    )
    with begin(tmp_path, "test_waits.py") as process:
        until((tmp_path / "began").exists)
        below = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.communicate(timeout=PATIENCE_S)

    assert len(below) == len(os.sched_getaffinity(0)) + 1
    until(lambda: all(is_gone(child.pid) for child in below))
    assert (tmp_path / "ended").exists()
