"""The supervisor with trivial children, each run in a process of its own as `quern up` is."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from stack import process_tree
from tests.support.waiting import PATIENCE_S, is_gone, until

ROOT = Path(__file__).parents[3]

HARNESS = """
import json, sys
from pathlib import Path
from stack.supervisor import Program, StartFailed, Supervisor

folder = Path(sys.argv[1])

def say(*words):
    print(*words, flush=True)

class Report:
    def changed(self, children):
        if (folder / "full").exists():
            raise OSError(28, "No space left on device")
        (folder / "record").write_text(" ".join(f"{c.name}={c.pid}" for c in children))
    def ready(self, child, *, after_s): say("ready", child.name, child.pid)
    def all_ready(self): say("all ready")
    def died(self, child, *, how, again_in_s): say("died", child.name, again_in_s, how)
    def stopping(self, names): say("stopping", *names)

def proof(name):
    file = folder / f"{name}.ready"
    return lambda pid: file.exists() and file.read_text() == str(pid)

programs = []
for fields in json.loads(sys.argv[2]):
    name, code = fields["name"], fields.pop("code", "")
    fields.setdefault("command", [sys.executable, "-c", code, str(folder), name])
    programs.append(Program(log=folder / f"{name}.log", ready=proof(name), **fields))
try:
    sys.exit(0 if Supervisor(programs, report=Report()).run() else 3)
except StartFailed as error:
    say("failed", error, "|", *error.tail)
    sys.exit(1)
"""

# What every child begins with: `tell` appends to a file that all share, `serve` proves readiness.
CHILD = """
import os, signal, subprocess, sys, time
folder, name = sys.argv[1:]
def tell(word):
    with open(f"{folder}/told", "a") as told: told.write(word + "\\n")
def serve():
    with open(f"{folder}/{name}.new", "w") as file: file.write(str(os.getpid()))
    os.replace(f"{folder}/{name}.new", f"{folder}/{name}.ready")
def grandchild():
    process = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with open(f"{folder}/grandchild", "w") as file: file.write(str(process.pid))
def leave(*_):
    tell("stopped " + name)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
"""
SERVES = CHILD + "tell('started ' + name); serve(); time.sleep(60)"
IGNORES = CHILD + "signal.signal(signal.SIGTERM, signal.SIG_IGN); serve(); time.sleep(60)"
PARENT = CHILD + "grandchild(); serve(); time.sleep(60)"


class Run:
    """A supervisor at work, and what it says."""

    def __init__(self, folder: Path, programs: tuple[dict[str, Any], ...]) -> None:
        self.folder = folder
        self._heard = (folder / "heard").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-c", HARNESS, str(folder), json.dumps(programs)],
            cwd=ROOT,
            stdout=self._heard,
            start_new_session=True,
        )

    def lines(self, start: str) -> list[str]:
        return [
            line
            for line in (self.folder / "heard").read_text().splitlines()
            if line.startswith(start)
        ]

    def told(self) -> list[str]:
        return (self.folder / "told").read_text().splitlines()

    def until(self, start: str, *, times: int = 1) -> list[str]:
        until(lambda: len(self.lines(start)) >= times)
        return self.lines(start)

    def pids(self, name: str) -> list[int]:
        return [int(line.split()[2]) for line in self.lines(f"ready {name} ")]

    def stop(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(timeout=PATIENCE_S)

    def close(self) -> None:
        if self.process.poll() is None:
            self.stop()
        self._heard.close()


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    runs = []

    def start(*programs: dict[str, Any]) -> Run:
        runs.append(Run(tmp_path, programs))
        return runs[-1]

    yield start
    for run in runs:
        run.close()


def test_programs_start_when_what_they_need_is_ready_and_stop_stage_by_stage(
    supervise: Callable[..., Run],
) -> None:
    run = supervise(
        {"name": "web", "code": SERVES, "needs": ["store"], "stop_stage": 0},
        {"name": "worker", "code": SERVES, "needs": ["web"], "stop_stage": 1},
        {"name": "store", "code": SERVES, "stop_stage": 2},
    )
    run.until("all ready")

    code = run.stop()

    assert code == 0
    assert run.told() == [
        *("started store", "started web", "started worker"),
        *("stopped web", "stopped worker", "stopped store"),
    ]


def test_what_dies_is_started_again_after_a_delay_that_doubles(
    supervise: Callable[..., Run],
) -> None:
    run = supervise({"name": "a", "code": SERVES}, {"name": "b", "code": SERVES})
    run.until("all ready")
    for times in (1, 2):
        os.kill(run.pids("b")[-1], signal.SIGKILL)
        run.until("ready b", times=times + 1)

    assert run.stop() == 0
    assert run.lines("died") == [
        "died b 0.5 it was ended by SIGKILL",
        "died b 1.0 it was ended by SIGKILL",
    ]
    assert len(run.pids("a")) == 1


def test_a_full_disk_ends_nothing_and_what_could_not_be_written_down_is_later(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    run = supervise({"name": "a", "code": SERVES})
    run.until("all ready")
    (tmp_path / "full").touch()
    os.kill(run.pids("a")[0], signal.SIGKILL)
    run.until("ready a", times=2)
    (tmp_path / "full").unlink()

    until(lambda: (tmp_path / "record").read_text() == f"a={run.pids('a')[1]}")
    assert run.stop() == 0


def test_what_cannot_be_started_now_is_started_later(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    run = supervise({"name": "a", "code": SERVES}, {"name": "b", "code": SERVES})
    run.until("all ready")
    log = tmp_path / "b.log"
    log.unlink()
    log.mkdir()
    os.kill(run.pids("b")[0], signal.SIGKILL)
    died = run.until("died b", times=2)
    log.rmdir()
    run.until("ready b", times=2)

    assert died[1] == "died b 1.0 it cannot be started: Is a directory"
    assert run.stop() == 0
    assert len(run.pids("a")) == 1


def test_a_death_during_the_first_start_is_an_error_at_once_and_shows_the_log(
    supervise: Callable[..., Run],
) -> None:
    run = supervise(
        {"name": "store", "code": SERVES, "stop_stage": 1},
        {"name": "bad", "code": "print('the model\\nis missing'); raise SystemExit(7)"},
    )
    began = time.monotonic()

    code = run.process.wait(timeout=PATIENCE_S)

    assert code == 1
    assert time.monotonic() - began < 5
    assert run.lines("failed") == [
        "failed bad did not start: it ended with exit code 7 | the model is missing"
    ]
    assert all(is_gone(pid) for pid in run.pids("store"))


def test_what_a_foreign_program_says_is_in_our_form_and_a_failed_start_in_its_own_words(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    run = supervise(
        {"name": "store", "code": "print('WARNING: low', flush=True)" + SERVES, "foreign": True},
        {
            "name": "bad", "foreign": True, "needs": ["store"],
            "code": "print('the model\\nis missing'); raise SystemExit(7)",
        },
    )  # fmt: skip

    assert run.process.wait(timeout=PATIENCE_S) == 1
    assert "| INFO: the model INFO: is missing" in run.lines("failed")[0]
    (line,) = [json.loads(line) for line in (tmp_path / "store.log").read_text().splitlines()]
    assert (line["event"], line["level"]) == ("WARNING: low", "WARNING")
    assert line["pid"] == run.pids("store")[0]


def test_a_foreign_program_never_waits_for_a_supervisor_that_stands_still(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    code = CHILD + "serve(); time.sleep(1); print('x' * 1_000_000, flush=True); tell('said')"
    run = supervise({"name": "a", "code": code + "; time.sleep(60)", "foreign": True})
    run.until("all ready")

    run.process.send_signal(signal.SIGSTOP)
    try:
        until(lambda: (tmp_path / "told").exists() and run.told() == ["said"])
    finally:
        run.process.send_signal(signal.SIGCONT)


def test_a_program_that_is_not_there_is_named(supervise: Callable[..., Run]) -> None:
    run = supervise({"name": "bad", "command": ["/nowhere/program"]})

    assert run.process.wait(timeout=PATIENCE_S) == 1
    assert run.lines("failed") == [
        (
            "failed bad did not start: it ended with exit code 127"
            " | cannot run /nowhere/program: No such file or directory"
        )
    ]


def test_a_program_that_never_serves_is_an_error_after_its_time(
    supervise: Callable[..., Run],
) -> None:
    code = CHILD + "time.sleep(60)"
    run = supervise({"name": "mute", "code": code, "start_timeout_s": 0.5})

    assert run.process.wait(timeout=PATIENCE_S) == 1
    assert "mute did not start: it does not serve after" in run.lines("failed")[0]


def test_a_program_that_ignores_the_request_to_end_is_killed_and_the_stop_is_not_clean(
    supervise: Callable[..., Run],
) -> None:
    run = supervise({"name": "deaf", "code": IGNORES, "stop_timeout_s": 0.3})
    run.until("all ready")

    assert run.stop() == 3
    assert is_gone(run.pids("deaf")[0])


def test_a_second_signal_ends_all_patience(supervise: Callable[..., Run]) -> None:
    run = supervise({"name": "deaf", "code": IGNORES, "stop_timeout_s": 60})
    run.until("all ready")
    run.process.send_signal(signal.SIGINT)
    run.until("stopping deaf")
    began = time.monotonic()

    assert run.stop() == 3
    assert time.monotonic() - began < 5
    assert is_gone(run.pids("deaf")[0])


@pytest.mark.skipif(sys.platform != "linux", reason="sub-reapers are a Linux thing")
def test_programs_share_their_session_and_have_a_process_group_each(
    supervise: Callable[..., Run],
) -> None:
    run = supervise({"name": "one", "code": SERVES}, {"name": "two", "code": SERVES})
    run.until("all ready")
    one, two = run.pids("one")[0], run.pids("two")[0]

    assert os.getsid(one) == os.getsid(two) == os.getsid(run.process.pid)
    assert (os.getpgid(one), os.getpgid(two)) == (one, two)


def test_what_a_killed_program_started_in_a_session_of_its_own_is_killed(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    run = supervise({"name": "parent", "code": PARENT})
    run.until("all ready")
    grandchild = int((tmp_path / "grandchild").read_text())
    assert not is_gone(grandchild)

    os.kill(run.pids("parent")[0], signal.SIGKILL)
    run.until("died parent")

    until(lambda: is_gone(grandchild))


def test_a_stop_leaves_no_grandchild_either(supervise: Callable[..., Run], tmp_path: Path) -> None:
    run = supervise({"name": "parent", "code": PARENT})
    run.until("all ready")
    grandchild = int((tmp_path / "grandchild").read_text())

    assert run.stop() == 0
    assert is_gone(grandchild)


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is a Linux thing")
def test_no_program_outlives_a_supervisor_that_was_killed(
    supervise: Callable[..., Run],
) -> None:
    run = supervise({"name": "a", "code": SERVES}, {"name": "b", "code": SERVES})
    run.until("all ready")

    run.process.kill()
    run.process.wait(timeout=PATIENCE_S)

    until(lambda: is_gone(run.pids("a")[0]) and is_gone(run.pids("b")[0]))
    assert sorted(run.told()[2:]) == ["stopped a", "stopped b"]


def test_a_large_log_is_moved_aside_at_the_start(
    supervise: Callable[..., Run], tmp_path: Path
) -> None:
    with (tmp_path / "a.log").open("wb") as log:
        log.truncate(20_000_000)
    run = supervise({"name": "a", "code": "print('hello', flush=True)" + SERVES})
    run.until("all ready")

    assert (tmp_path / "a.log").read_text() == "hello\n"
    assert (tmp_path / "a.log.1").stat().st_size == 20_000_000


def test_groups_of_an_earlier_run_are_ended_by_force_but_a_pid_that_came_round_is_spared(
    tmp_path: Path,
) -> None:
    command = [sys.executable, "-c", IGNORES, str(tmp_path)]
    old = subprocess.Popen([*command, "old"], process_group=0)
    other = subprocess.Popen([*command, "other"], process_group=0)
    with old, other:
        until(lambda: (tmp_path / "old.ready").exists() and (tmp_path / "other.ready").exists())
        leaders = {old.pid: psutil.Process(old.pid).create_time(), other.pid: time.time() - 3600}

        ended = process_tree.end_groups(leaders, patience_s=0.2)

        assert ended == 1
        assert old.wait(timeout=5) == -signal.SIGKILL
        assert other.poll() is None
        other.kill()
