"""What CI does with a failure in a test of the whole stack, on small trees of tests."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
#: Tells the first run of a test from the second, across fixtures and processes.
ONCE = """\
import os, pathlib, signal, time
import pytest

def first(name):
    mark = pathlib.Path(__file__).with_name(name + ".tried")
    was = mark.exists()
    mark.touch()
    return not was
"""
PASSES = "def test_passes():\n    pass\n"
FLAKY = "def test_by_chance():\n    print('the stack says')\n    assert not first('chance')\n"
FAILS = "def test_always():\n    print('it says')\n    assert 1 == 2\n"


class Ran:
    """What a run said, how it ended, and what its last line counts."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code = done.returncode
        self.said = done.stdout + done.stderr
        self.last = done.stdout.rstrip().rpartition("\n")[2]
        counts = re.findall(r"(\d+) (\w+)", self.last.partition(" in ")[0])
        self.counts = {what: int(count) for count, what in counts}


class Tree:
    """A folder of tests with a pytest of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pytest.ini").write_text("[pytest]\naddopts = -ra\n")

    def add(self, path: str, code: str) -> None:
        file = self.folder / "tests" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ONCE + code)

    def run(self, *arguments: str, ci: str = "true") -> Ran:
        known = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "COV"))}
        environment = known | {
            "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": ci,
        }  # fmt: skip
        command = [sys.executable, "-m", "pytest", "-p", "tests.support.folder_times"]
        command += ["-p", "tests.support.second_try", "--import-mode=importlib", *arguments]
        return Ran(
            subprocess.run(
                command, cwd=self.folder, env=environment, capture_output=True, text=True,
                check=False, timeout=60,
            )
        )  # fmt: skip


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


@pytest.mark.parametrize("folder", ["e2e", "browser", "vllm"])
def test_a_chance_failure_passes_and_is_told(tree: Tree, folder: str) -> None:
    tree.add(f"{folder}/test_one.py", FLAKY + PASSES)
    tree.add("unit/test_two.py", PASSES)
    ran = tree.run()
    name = f"tests/{folder}/test_one.py::test_by_chance"

    assert ran.code == 0
    assert ran.counts == {"passed": 3, "flaky": 1}
    assert f"first try of {name}, call" in ran.said
    assert "assert not True" in ran.said
    assert "the stack says" in ran.said
    assert f"FLAKY {name}: failed, then passed by itself" in ran.said
    assert f"FAILED {name}" not in ran.said


def test_the_second_try_comes_after_all_others(tree: Tree) -> None:
    tree.add("browser/test_one.py", FLAKY)
    tree.add("vllm/test_two.py", PASSES)
    ran = tree.run("-v")
    shown = re.findall(r"::(test_\w+) (PASSED|FAILED)", ran.said)

    assert shown[:3] == [
        ("test_by_chance", "FAILED"), ("test_passes", "PASSED"), ("test_by_chance", "PASSED"),
    ]  # fmt: skip


def test_what_fails_twice_fails_the_run_and_counts_once(tree: Tree) -> None:
    tree.add("e2e/test_one.py", FAILS + PASSES)
    ran = tree.run()

    assert ran.code == 1
    assert ran.counts == {"failed": 1, "passed": 1}
    assert "FAILED TWICE tests/e2e/test_one.py::test_always" in ran.said
    assert "first try of tests/e2e/test_one.py::test_always, call" in ran.said
    assert ran.said.count("\nit says\n") == 2  # once for each


def test_three_pass_and_a_fourth_fails_the_run(tree: Tree) -> None:
    for n in range(3):
        tree.add(f"e2e/test_{n}.py", FLAKY.replace("'chance'", f"'chance{n}'"))
    three = tree.run()
    for path in tree.folder.glob("tests/e2e/*.tried"):
        path.unlink()
    tree.add("vllm/test_3.py", FLAKY)
    four = tree.run()

    assert (three.code, three.counts) == (0, {"passed": 3, "flaky": 3})
    assert (four.code, four.counts) == (1, {"failed": 4})
    assert "4 tests failed: no second try for so many" in four.said


@pytest.mark.parametrize("folder", ["unit", "architecture", "contract", "integration"])
def test_elsewhere_a_failure_is_a_failure(tree: Tree, folder: str) -> None:
    tree.add(f"{folder}/test_one.py", FLAKY)
    tree.add("e2e/test_two.py", FLAKY)
    ran = tree.run()

    assert ran.code == 1
    assert ran.counts == {"failed": 1, "passed": 1, "flaky": 1}


def test_outside_ci_nothing_is_run_again(tree: Tree) -> None:
    tree.add("e2e/test_one.py", FLAKY)
    ran = tree.run(ci="")

    assert (ran.code, ran.counts) == (1, {"failed": 1})


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_what_does_not_start_or_end_is_a_failure_and_is_started_anew(
    tree: Tree, scope: str
) -> None:
    tree.add(
        "e2e/test_one.py",
        f"@pytest.fixture(scope='{scope}')\ndef starts():\n    assert not first('start')\n\n"
        f"@pytest.fixture(scope='{scope}')\ndef ends():\n"
        "    yield\n    assert not first('end')\n\n"
        "def test_start(starts):\n    pass\n\ndef test_end(ends):\n    pass\n",
    )
    ran = tree.run()

    assert ran.code == 0
    assert ran.counts == {"passed": 2, "flaky": 2}
    assert "first try of tests/e2e/test_one.py::test_start, setup" in ran.said
    assert "first try of tests/e2e/test_one.py::test_end, teardown" in ran.said


def test_each_second_try_has_a_stack_of_its_own(tree: Tree) -> None:
    tree.add(
        "e2e/conftest.py",
        "@pytest.fixture(scope='session')\ndef stack():\n"
        "    with open('starts', 'a') as starts:\n        starts.write('+')\n    yield\n"
        "    with open('starts', 'a') as starts:\n        starts.write('-')\n",
    )
    code = "def test_one(stack):\n    assert not first('1')\n"
    tree.add("e2e/test_one.py", code + code.replace("1", "2").replace("one", "two"))
    ran = tree.run()

    assert ran.counts == {"passed": 2, "flaky": 2}
    assert (tree.folder / "starts").read_text() == "+-+-+-"


def test_a_skip_is_no_second_try(tree: Tree) -> None:
    tree.add(
        "e2e/test_one.py",
        "def test_one():\n    if not first('1'):\n        pytest.skip('no')\n    assert False\n",
    )
    ran = tree.run()

    assert ran.code == 1
    assert ran.counts == {"failed": 1, "skipped": 1}


def test_a_second_try_that_hangs_is_ended_too(tree: Tree) -> None:
    tree.add("e2e/test_one.py", "def test_hangs():\n    time.sleep(60)\n")
    ran = tree.run("-p", "pytest_timeout", "--timeout=0.5")

    assert (ran.code, ran.counts) == (1, {"failed": 1})
    assert ran.said.count("Timeout (>0.5s) from pytest-timeout") >= 2


@pytest.mark.parametrize(
    ("end", "code"), [("os._exit(7)", 7), ("os.kill(os.getpid(), signal.SIGKILL)", -9)]
)
@pytest.mark.parametrize("when", ["first", "second"])
def test_a_crash_is_one(tree: Tree, end: str, code: int, when: str) -> None:
    crash = f"    {end}\n" if when == "first" else f"    assert not first('1')\n    {end}\n"
    tree.add("e2e/test_one.py", "def test_crashes():\n" + crash)

    assert tree.run().code == code


def test_a_keyboard_interrupt_in_a_second_try_leaves_the_failure(tree: Tree) -> None:
    tree.add(
        "e2e/test_one.py",
        "def test_one():\n    assert not first('1')\n    raise KeyboardInterrupt\n",
    )
    ran = tree.run()

    assert ran.code == pytest.ExitCode.INTERRUPTED
    assert ran.counts == {"failed": 1}


def test_coverage_is_of_both_tries_and_still_asked_for(tree: Tree) -> None:
    (tree.folder / "measured.py").write_text("def one():\n    return 1\n\n\ndef two():\n    pass\n")
    tree.add(
        "e2e/test_one.py",
        "import measured\n\ndef test_one():\n"
        "    assert not first('1')\n    assert measured.one() == 1\n",
    )
    options = ("-p", "pytest_cov", "-o", "pythonpath=.", "--cov=measured")
    enough = tree.run(*options, "--cov-fail-under=75")
    (tree.folder / "tests" / "e2e" / "1.tried").unlink()
    too_little = tree.run(*options, "--cov-fail-under=76")

    assert (enough.code, enough.counts) == (0, {"passed": 1, "flaky": 1})
    assert too_little.code == 1
    assert "less than fail-under=76" in too_little.said


def test_the_time_of_each_folder_stands_before_the_last_line(tree: Tree) -> None:
    tree.add("e2e/test_one.py", PASSES + FLAKY)
    tree.add("unit/test_two.py", PASSES)
    tree.add("unit/test_three.py", "def test_waits():\n    time.sleep(0.2)\n")
    ran = tree.run()
    rows = re.findall(r"^(\w+) +(\d+\.\d) s +(\d+) tests$", ran.said, re.MULTILINE)

    assert [(folder, count) for folder, _, count in rows] == [("unit", "2"), ("e2e", "2")]
    assert float(rows[0][1]) >= 0.2
    assert ran.last.strip("= ").startswith("4 passed, 1 flaky in")
