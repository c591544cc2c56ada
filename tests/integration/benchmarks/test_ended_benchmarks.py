"""A benchmark that is ended leaves no process behind, and says how far it came."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from tests.support.waiting import PATIENCE_S, is_gone, until

ROOT = Path(__file__).parents[3]
#: Has a stack, a Redis, two programs with a child each, of which one obeys and the other does not
#: and has its child in another group, and a thread that goes on until it is told.
STAND_IN = """\
import sys, threading, time
from pathlib import Path

import psutil

from benchmarks.running.private_redis import PrivateRedis
from benchmarks.running.processes import go_on, run, running
from benchmarks.running.progress import ProgressBars
from stack.up import Stack

SLEEPS = "[sys.executable, '-c', 'import time; time.sleep(600)']"
OBEYS = f"import subprocess, sys; subprocess.run({SLEEPS})"
STUBBORN = (
    "import signal, subprocess, sys; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
    f"subprocess.run({SLEEPS}, process_group=0)"
)

def ask():
    while True:
        go_on()
        time.sleep(0.01)

def main():
    folder = Path(sys.argv[1])
    (folder / "redis").mkdir()
    with (
        ProgressBars() as progress,
        Stack.start(data_dir=folder / "data", only=["redis-queue"]),
        PrivateRedis(folder / "redis"),
        running([sys.executable, "-c", OBEYS]),
        running([sys.executable, "-c", STUBBORN], patience_s=1),
    ):
        bar = progress.add_task("stand-in", total=2)
        threading.Thread(target=ask).start()
        while len(psutil.Process().children(recursive=True)) < 7:
            time.sleep(0.05)
        progress.advance(bar)
        time.sleep(600)

run(main)
"""

Start = Callable[..., "Benchmark"]


class Benchmark:
    """A benchmark at work, and the processes that were below it when it was last waited for."""

    def __init__(self, *command: str, output: Path) -> None:
        self._output = output
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *command], cwd=ROOT, stdout=file, stderr=file
            )
        self.programs: list[psutil.Process] = []
        self.below: list[psutil.Process] = []

    @property
    def said(self) -> str:
        return self._output.read_text("utf-8", errors="replace")

    def wait_for(self, text: str) -> None:
        until(lambda: text in self.said, told=f"the benchmark says {text}")
        top = psutil.Process(self.process.pid)
        self.programs, self.below = top.children(), top.children(recursive=True)

    def end(self, number: int) -> int:
        os.kill(self.process.pid, number)
        return self.process.wait(PATIENCE_S)

    def left(self) -> list[psutil.Process]:
        return [process for process in self.below if not is_gone(process.pid)]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Benchmark] = []

    def begin(*command: str) -> Benchmark:
        started.append(Benchmark(*command, output=tmp_path / f"output-{len(started)}"))
        return started[-1]

    yield begin
    for benchmark in started:
        benchmark.process.kill()
        benchmark.process.wait()
        for process in benchmark.left():
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_everything_it_started_ends_with_it(start: Start, tmp_path: Path, number: int) -> None:
    if signal.getsignal(number) == signal.SIG_IGN:
        pytest.skip("who runs these tests wants this signal ignored")
    benchmark = start("-c", STAND_IN, str(tmp_path))
    benchmark.wait_for("stand-in: 50 %")
    code = benchmark.end(number)

    assert len(benchmark.below) == 7
    assert benchmark.left() == []
    assert code == 128 + number
    assert re.search(r"stand-in .* 50%", benchmark.said)  # the bar as it was left
    assert "Traceback" not in benchmark.said


@pytest.mark.skipif(sys.platform != "linux", reason="the leash is a Linux thing")
def test_of_one_that_is_killed_every_program_that_obeys_ends(start: Start, tmp_path: Path) -> None:
    benchmark = start("-c", STAND_IN.replace("SIG_IGN", "SIG_DFL"), str(tmp_path))
    benchmark.wait_for("stand-in: 50 %")
    benchmark.end(signal.SIGKILL)

    assert len(benchmark.programs) == 4
    until(lambda: all(is_gone(program.pid) for program in benchmark.programs))


def test_a_real_one_ends_in_order_too(start: Start) -> None:
    benchmark = start("-m", "benchmarks.metrics")
    benchmark.wait_for("metrics: 20 %")
    code = benchmark.end(signal.SIGTERM)

    assert benchmark.programs
    assert benchmark.left() == []
    assert code == 128 + signal.SIGTERM


def test_one_that_reads_files_leaves_no_parser(start: Start, tmp_path: Path) -> None:
    row = '{"file": "a.txt", "kind": "txt", "expect": "text"}'
    (tmp_path / "a.txt").write_text("words", "utf-8")
    (tmp_path / "manifest.jsonl").write_text(row, "utf-8")
    command = ("-m", "benchmarks.documents", "--data", str(tmp_path), "--no-peer")
    benchmark = start(*command, "--rounds", "10000")
    benchmark.wait_for("documents: 10 %")
    code = benchmark.end(signal.SIGTERM)

    assert len(benchmark.below) == 2  # the template and a parser
    assert benchmark.left() == []
    assert code == 128 + signal.SIGTERM
