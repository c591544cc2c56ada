"""The log queue: bounded, in order, never in the way, and nothing lost that need not be."""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from runtime.logging.log_lines import LINE_BYTES, JsonLines
from runtime.logging.log_writer import BOUND, ERROR_S, HARD, LogWriter, Payload
from tests.support.waiting import PATIENCE_S, below

ROOT = Path(__file__).parents[4]


def encode(payload: Payload, ids: Mapping[str, str]) -> bytes:
    return JsonLines(role="test").line(payload, ids)


class Sink:
    """A pipe that is read only when the test wants it."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.data = b""

    def read(self) -> list[dict[str, Any]]:
        """Return the lines so far, once nobody writes any more."""
        self.empty()
        return [json.loads(line) for line in self.data.splitlines() if line]

    def empty(self) -> None:
        """Take what is there."""
        os.set_blocking(self.reader, False)
        try:
            while block := os.read(self.reader, 1 << 20):
                self.data += block
        except BlockingIOError:
            pass

    @contextmanager
    def emptied(self) -> Iterator[None]:
        """Read all the time."""
        stop = threading.Event()

        def read() -> None:
            while not stop.is_set():
                self.empty()
                time.sleep(0.001)

        reader = threading.Thread(target=read)
        reader.start()
        try:
            yield
        finally:
            stop.set()
            reader.join()

    def fill(self) -> None:
        """Leave no room for a single byte."""
        os.set_blocking(self.writer, False)
        try:
            while True:
                os.write(self.writer, b"\n" * 4096)
        except BlockingIOError:
            pass
        os.set_blocking(self.writer, True)


@pytest.fixture
def sink() -> Iterator[Sink]:
    sink = Sink()
    yield sink
    for descriptor in (sink.reader, sink.writer):
        os.close(descriptor)


def put(writer: LogWriter, n: int, level: int = logging.INFO) -> None:
    writer.put(level, (time.time(), "seen", level, {"n": n}), {})


def stands_in_its_write(writer: LogWriter) -> None:
    """Wait until the thread has taken what waits, for a sink that takes nothing."""
    until = time.monotonic() + 20
    while writer.report().depth:
        assert time.monotonic() < until
        time.sleep(0.01)


def test_lines_come_out_in_the_order_they_went_in(sink: Sink) -> None:
    writer = LogWriter(encode, descriptor=sink.writer)
    for n in range(300):
        put(writer, n, logging.WARNING if n % 7 == 0 else logging.INFO)
    writer.close()

    assert [line["n"] for line in sink.read()] == list(range(300))
    assert sum(writer.report().written.values()) == 300


def test_an_error_is_in_the_sink_when_the_call_returns_with_all_before_it(
    sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.logging.log_writer.ERROR_S", PATIENCE_S)
    writer = LogWriter(encode, descriptor=sink.writer, flush_s=30)
    for n in range(20):
        put(writer, n)
    put(writer, 20, logging.ERROR)

    assert [line["n"] for line in sink.read()] == list(range(21))
    writer.close()


def test_a_full_queue_drops_and_counts_below_warning_and_says_so_once(sink: Sink) -> None:
    sink.fill()
    writer = LogWriter(encode, descriptor=sink.writer, bound=100)
    put(writer, -1)
    stands_in_its_write(writer)
    for n in range(150):
        put(writer, n)
    for n in range(150):
        put(writer, 1_000 + n, logging.WARNING)
    report = writer.report()

    assert report.dropped["INFO"] == 50
    assert report.dropped["WARNING"] == 50  # bounded too, at twice as many
    with sink.emptied():
        writer.close()
    lines = sink.read()
    assert [line["n"] for line in lines if line["event"] == "seen"] == [
        -1, *range(100), *range(1_000, 1_100),
    ]  # fmt: skip
    assert [line["n"] for line in lines if line["event"] == "log_dropped"] == [100]


def test_a_sink_that_stalls_stops_nobody_for_longer_than_an_error_may_wait(sink: Sink) -> None:

    def too_long_s() -> float:
        """Return by how much giving lines without end, or an error, waited longer than it may."""
        sink.fill()
        writer = LogWriter(encode, descriptor=sink.writer)
        put(writer, 0)
        stands_in_its_write(writer)
        began, worked = time.monotonic(), time.thread_time()
        for n in range(BOUND * HARD + 10):
            put(writer, n)
        worked_s = time.thread_time() - worked
        lines_s = time.monotonic() - began - worked_s
        began = time.monotonic()
        put(writer, 1, logging.ERROR)
        error_s = time.monotonic() - began
        with sink.emptied():  # or its thread would write into what comes next
            writer.close()
        return max(lines_s, error_s - ERROR_S) - 1  # the machine may be busy

    below(too_long_s, 0)


@pytest.mark.parametrize("threads", [1, 8])
def test_lines_given_are_lines_written_and_dropped(sink: Sink, threads: int) -> None:
    writer = LogWriter(encode, descriptor=sink.writer, bound=500)

    def give() -> None:
        for n in range(4_000):
            put(writer, n)

    givers = [threading.Thread(target=give) for _ in range(threads)]
    with sink.emptied():
        for giver in givers:
            giver.start()
        for giver in givers:
            giver.join()
        assert writer.flush(10)
        report = writer.report()
        writer.close()

    assert sum(report.written.values()) + sum(report.dropped.values()) == 4_000 * threads
    seen = [line for line in sink.read() if line["event"] == "seen"]
    assert len(seen) == sum(report.written.values())


def test_a_full_disk_is_counted_and_never_raised(tmp_path: Path) -> None:
    file = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    writer = LogWriter(encode, descriptor=file)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, hard))
    try:
        for n in range(100):
            put(writer, n)
        assert writer.flush(5)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    report = writer.report()
    put(writer, 100)  # there is room again: after the torn line a new one begins
    writer.close()
    os.close(file)

    whole = [line for line in (tmp_path / "log").read_text().splitlines() if line.endswith("}")]
    assert 0 < report.written["INFO"] < 100
    assert report.written["INFO"] + report.dropped["INFO"] == 100
    last = {line["event"]: line["n"] for line in map(json.loads, whole[-2:])}
    assert last == {"seen": 100, "log_dropped": report.dropped["INFO"]}


def test_whoever_counts_lines_is_told_once_they_are_written_and_stops_none(sink: Sink) -> None:
    told: list[int] = []

    def listen() -> None:
        told.append(writer.report().written["INFO"])
        put(writer, 2, logging.ERROR)  # a line from within is written, and tells of no telling
        raise ValueError

    writer = LogWriter(encode, written=listen, descriptor=sink.writer)
    put(writer, 1)
    assert writer.flush(PATIENCE_S)
    writer.close()

    assert told[0] == 1
    assert len(told) <= 2  # the line, the flush
    assert [line["n"] for line in sink.read()] == [1, *[2] * len(told)]


def test_a_reader_that_went_away_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.logging.log_writer.ERROR_S", PATIENCE_S)
    reader, descriptor = os.pipe()
    os.close(reader)
    writer = LogWriter(encode, descriptor=descriptor)
    put(writer, 0, logging.ERROR)
    report = writer.report()
    writer.close()
    os.close(descriptor)

    assert report.dropped["ERROR"] == 1


def test_a_line_keeps_to_its_length_and_its_secrets_out(sink: Sink) -> None:
    lines = JsonLines(role="test", secrets=["sk-hidden", 'a"b\\c'])
    writer = LogWriter(lines.line, descriptor=sink.writer)
    address = "redis://:hush@host/0"
    fields = {
        "url": address, "key": "sk-hidden", "odd": 'a"b\\c',
        "long": "ü" * 240 + address * 4_000, **{f"f{n}": "ü" * 3_000 for n in range(40)},
    }  # fmt: skip
    for told in ({k: fields[k] for k in ("url", "key", "odd")}, fields):
        writer.put(logging.INFO, (time.time(), "x", logging.INFO, told), {"job_id": "j1"})
    writer.close()
    short, long = sink.read()

    assert (short["url"], short["key"], short["odd"]) == ("redis://***@host/0", "***", "***")
    assert long["truncated"] is True
    assert long["job_id"] == "j1"
    assert len(sink.data.splitlines()[1]) <= LINE_BYTES
    assert not any(s in sink.data for s in (b"hush", b"sk-hidden", b'a\\"b'))


PROGRAM = """
import logging, os, signal, sys, threading, time
from runtime.logging import correlation, log_writer, logs
logs.configure(level="INFO", role="test", secrets=["sk-canary"])
log = logging.getLogger("jobs.test")
def many(n, start=0):
    for i in range(start, start + n):
        log.info("seen", extra={"n": i})
"""


def run(code: str, *, code_is: int = 0) -> list[dict[str, Any]]:
    """Run a program that logs; return its lines."""
    # Not measured: a child would wait for ever for a lock of the tracer's that the writing thread
    # held at the fork.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM + code],
        cwd=ROOT, env=environment, capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == code_is, ended.stderr[-2_000:]
    return [json.loads(line) for line in ended.stderr.splitlines()]


def numbers(lines: list[dict[str, Any]]) -> list[int]:
    return [line["n"] for line in lines if line["event"] == "seen"]


def test_nothing_is_lost_when_a_program_returns() -> None:
    assert numbers(run("many(5_000)")) == list(range(5_000))


def test_nothing_is_lost_when_a_program_raises_and_the_error_is_a_line() -> None:
    lines = run("many(5_000)\nraise ValueError('bad')", code_is=1)

    assert numbers(lines) == list(range(5_000))
    assert lines[-1]["event"] == "uncaught error"
    assert lines[-1]["exc"].endswith("ValueError: bad")


def test_nothing_is_lost_on_sigterm_with_the_default_action() -> None:
    lines = run("many(5_000)\nos.kill(os.getpid(), signal.SIGTERM)\ntime.sleep(30)", code_is=-15)

    assert numbers(lines) == list(range(5_000))


def test_nothing_up_to_an_error_is_lost_on_sigkill() -> None:
    code = """
log_writer.ERROR_S = 30
many(3_000)
log.error("last")
os.kill(os.getpid(), signal.SIGKILL)
"""
    lines = run(code, code_is=-9)

    assert numbers(lines) == list(range(3_000))
    assert lines[-1]["event"] == "last"


def test_a_fork_writes_its_own_lines_and_none_of_its_parents() -> None:
    lines = run(
        """
many(500)
if (child := os.fork()) == 0:
    many(500, start=500)
    sys.exit(0)
many(500, start=1_000)
os.waitpid(child, 0)
"""
    )

    assert sorted(numbers(lines)) == list(range(1_500))
    assert len({line["pid"] for line in lines if line["n"] < 500 or line["n"] >= 1_000}) == 1
    assert len({line["pid"] for line in lines}) == 2


def test_two_processes_that_share_a_full_pipe_tear_none_of_each_others_lines() -> None:
    reader, writer = os.pipe()
    child = """
import sys, time
from runtime.logging.log_writer import LogWriter
writer = LogWriter(lambda payload, ids: payload, descriptor=int(sys.argv[1]))
for _ in range(8):
    for n in range(1_000):
        writer.put(20, sys.argv[2].encode() * 150 + b"\\n", {})
    time.sleep(0.05)
writer.flush(60)
writer.close()
"""
    children = [
        subprocess.Popen([sys.executable, "-c", child, str(writer), letter], pass_fds=[writer])
        for letter in "ab"
    ]
    os.close(writer)
    time.sleep(1)  # now neither finds room for a whole batch
    with os.fdopen(reader, "rb", buffering=0) as pipe:
        lines = b"".join(iter(lambda: pipe.read(5_000), b"")).splitlines()

    assert [each.wait() for each in children] == [0, 0]
    assert set(lines) == {b"a" * 150, b"b" * 150}
    assert len(lines) == 16_000


def test_a_signal_handler_may_log_whatever_it_interrupts() -> None:
    lines = run(
        """
count = depth = 0
over = False
def soon():
    if not over: signal.setitimer(signal.ITIMER_REAL, 0.001)
def tick(*_):
    global count, depth
    count += 1; depth += 1
    if depth < 5: soon()  # interrupts this as well, but not for ever
    log.error("tick") if count % 10 == 0 else log.info("tick")
    depth -= 1
    if depth == 0: soon()
signal.signal(signal.SIGALRM, tick)
soon()
until = time.monotonic() + 1
n = 0
while time.monotonic() < until:
    many(50, start=n); n += 50
    time.sleep(0.002)
over = True
time.sleep(0.1)  # the last tick has come
log.info("end", extra={"n": n, "ticks": count})
"""
    )

    (end,) = [line for line in lines if line["event"] == "end"]
    assert sorted(numbers(lines)) == list(range(end["n"]))
    assert sum(line["event"] == "tick" for line in lines) == end["ticks"] > 0


def test_ids_arguments_and_errors_are_taken_as_they_are_at_the_call() -> None:
    lines = run(
        """
changing = ["before"]
with correlation.bound(job_id="j1", request_id="r1"):
    log.info("list %s", changing)
    logs.event("hot", k=3)
changing[0] = "after"
def fail():
    try: raise ValueError("the document says CANARY")
    except ValueError as error:
        log.exception("failed: %s", error)
        log.error("again", extra={"key": "sk-canary"})
thread = threading.Thread(target=fail); thread.start(); thread.join()
log.info("no %d", "fit")
"""
    )

    assert lines[0]["event"] == "list ['before']"
    assert (lines[1]["event"], lines[1]["k"], lines[1]["job_id"]) == ("hot", 3, "j1")
    assert all(line["request_id"] == "r1" for line in lines[:2])
    assert "CANARY" not in json.dumps(
        [{k: v for k, v in line.items() if k != "exc"} for line in lines]
    )
    assert "is withheld" in lines[2]["event"]
    assert lines[2]["exc"].endswith("characters is withheld")
    assert lines[3]["key"] == "***"
    assert lines[4]["event"] == "no %d (its arguments do not fit)"


def test_an_error_in_a_thread_is_a_line() -> None:
    lines = run("threading.Thread(target=lambda: 1 / 0, name='t7').start()")

    assert [(line["event"], line["thread_name"]) for line in lines] == [
        ("uncaught error in a thread", "t7")
    ]
