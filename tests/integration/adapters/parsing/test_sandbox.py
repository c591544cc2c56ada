"""The parser pool: limits hold, the pool outlives its parsers, and parsers die with it."""

import lzma
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email.message import EmailMessage
from pathlib import Path

import psutil
import pytest

from adapters.parsing.sandbox import parser_pool, parser_process
from adapters.parsing.sandbox.parser_pool import ParserPool
from rag.errors import Cancelled, DeadlineExceeded, NoText, Retryable, Unreadable
from tests.support.files.office_files import ole, xls, zipped
from tests.support.files.told_parsers import shadow_parsers
from tests.support.waiting import is_gone, until

if sys.platform != "linux":
    pytest.skip("limits and namespaces are those of Linux", allow_module_level=True)


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(processes=1, memory_mb=256, text_mb=1) as pool:
        yield pool


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ParserPool]:
    """A pool whose parsers do what they are told, reached by shadowing the module they import."""
    shadow_parsers(tmp_path, monkeypatch)
    with ParserPool(processes=1, memory_mb=256, text_mb=1) as pool:
        yield pool


def read(pool: ParserPool, data: bytes, timeout_s: float = 20.0) -> str:
    return pool.parse(data, filename="x.txt", timeout_s=timeout_s).text


def reason(pool: ParserPool, data: bytes, timeout_s: float = 20.0) -> str:
    with pytest.raises(Unreadable) as caught:
        read(pool, data, timeout_s)
    return caught.value.reason


def landlock_version() -> int:
    """Return which Landlock this kernel has, as a process of its own finds it."""
    program = (
        "import sys; from adapters.parsing.sandbox.fewer_rights import confine; sys.exit(confine())"
    )
    root = Path(parser_pool.__file__).resolve().parents[3]
    return subprocess.run([sys.executable, "-c", program], cwd=root, check=False).returncode


def is_read(pipe: Path, held: list[int]) -> bool:
    """Return True if somebody reads from *pipe*, and hold the end of it that they wait for."""
    try:
        held.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:
        return False
    return True


def test_bytes_and_paths_come_back_parsed(pool: ParserPool, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"# Title\n\nText \xf0\x9f\x98\x80.\n")

    document = pool.parse(path, filename="a.md", timeout_s=20)

    assert document == pool.parse(path.read_bytes(), filename="a.md", timeout_s=20)
    assert document.title == "Title"
    assert [block.kind for block in document.blocks] == ["heading", "paragraph"]
    assert document.text == "# Title\n\nText 😀.\n"


def test_files_within_files_are_read_without_writing_any(pool: ParserPool) -> None:
    inner = xls("Prices", [["Item", "Qty"], ["Pump", 5.0]])
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@example.org", "b@example.org", "Papers"
    mail["Message-ID"] = "<1@example.org>"
    mail.set_content("See below.")
    mail.add_attachment(
        lzma.compress(
            zipped({"prices.xls": inner, "note.msg": ole({"__properties_version1.0": b""})})
        ),
        maintype="application",
        subtype="x-xz",
        filename="all.zip.xz",
    )
    document = pool.parse(mail.as_bytes(), filename="x.eml", timeout_s=30)

    assert document.kind == "mail"
    assert "Item: Pump; Qty: 5" in document.text
    assert [note.split(" ")[1] for note in document.notes] == ["note.msg"]


def test_what_a_parser_refuses_is_raised_here(pool: ParserPool) -> None:
    with pytest.raises(NoText):
        read(pool, b"   ")
    assert reason(pool, b"\x89PNG\r\n\x1a\n") == "unsupported"


def test_one_process_reads_many_plain_texts_and_is_then_replaced(hostile: ParserPool) -> None:
    pids = [read(hostile, b"pid") for _ in range(parser_process.FILES + 5)]

    assert len(set(pids)) == 2
    assert pids.count(pids[0]) == parser_process.FILES


def test_a_file_that_is_no_plain_text_has_a_process_of_its_own(hostile: ParserPool) -> None:
    shared = read(hostile, b"pid")
    alone = [read(hostile, b"format") for _ in range(3)]
    again = read(hostile, b"pid")
    hostile.close()
    with hostile:
        first = read(hostile, b"format")
        second = read(hostile, b"pid")

    assert len({shared, *alone}) == 4
    assert again == shared
    assert first != second


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (b"sleep 30", "parser_timeout"),
        (b"spin", "parser_timeout"),
        (b"crash", "parser_crashed"),
        (b"fill", "parser_memory"),
        (b"talk 3000000", "too_much_text"),
        (b"blocks 600000", "too_much_text"),
        (b"bug", "parser_failed"),
    ],
)
def test_a_file_that_breaks_a_limit_fails_alone(
    hostile: ParserPool, order: bytes, expected: str
) -> None:
    patience_s = 0.5 if expected == "parser_timeout" else 60.0

    assert reason(hostile, order, timeout_s=patience_s) == expected
    assert read(hostile, b"pid").isdigit()


def test_the_kernel_ends_a_parser_that_takes_too_much_processor_time() -> None:
    program = (
        "from adapters.parsing.sandbox import parser_process as p\n"
        "p._limit_processor(0)\nwhile True: pass"
    )
    root = Path(parser_pool.__file__).resolve().parents[3]
    ended = subprocess.run([sys.executable, "-c", program], cwd=root, timeout=60, check=False)

    assert ended.returncode == -signal.SIGXCPU


def test_a_parser_writes_no_files(hostile: ParserPool, tmp_path: Path) -> None:
    target = tmp_path / "target"

    assert reason(hostile, b"write " + str(target).encode()) == "parser_failed"
    assert not target.exists() or target.stat().st_size == 0


def test_a_parser_changes_no_file_starts_nothing_and_reaches_no_other_process(
    hostile: ParserPool, tmp_path: Path
) -> None:
    if not landlock_version():
        pytest.skip("this kernel has no Landlock")
    file = tmp_path / "file"
    file.write_text("kept")

    def outcome(call: str) -> str:
        return read(hostile, f"call {call}".encode())

    assert outcome(f"write {tmp_path / 'new'}") == "EACCES"
    assert outcome(f"remove {file}") == "EACCES"
    assert outcome(f"program {sys.executable}") == "EACCES"
    assert outcome(f"look /proc/{os.getpid()}/environ") == "EACCES"
    assert outcome(f"look {file}") == "done"
    assert file.read_text() == "kept"
    if landlock_version() >= 3:
        assert outcome(f"truncate {file}") == "EACCES"
    if landlock_version() >= 6:
        assert outcome(f"interrupt {os.getpid()}") == "EPERM"


def test_a_parser_sees_no_secret_of_the_environment(
    hostile: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUERN_REDIS_URL", "redis://:secret@host")
    hostile.close()
    with hostile:
        names = read(hostile, b"environment").split()

    assert "PATH" in names
    assert not [name for name in names if name.startswith("QUERN_")]


def test_a_parser_killed_from_outside_is_replaced_and_the_file_parsed(hostile: ParserPool) -> None:
    first = int(read(hostile, b"pid"))
    os.kill(first, signal.SIGKILL)

    assert int(read(hostile, b"pid")) != first


def test_a_template_that_died_is_started_again(hostile: ParserPool) -> None:
    first = int(read(hostile, b"pid"))
    assert hostile._template is not None
    hostile._template.process.kill()
    # The kernel ends the parsers with their template.
    until(lambda: is_gone(first))

    assert int(read(hostile, b"pid")) != first


def test_a_caller_can_stop_a_parse_and_the_wait_for_one(
    hostile: ParserPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    with ThreadPoolExecutor() as threads:
        busy = threads.submit(read, hostile, f"await {gate}".encode())
        held: list[int] = []
        until(lambda: is_read(gate, held))
        with pytest.raises(DeadlineExceeded):
            hostile.parse(b"pid", filename="x", timeout_s=5, wait_s=0.2)
        with pytest.raises(Cancelled):
            hostile.parse(b"pid", filename="x", timeout_s=5, abort=lambda: True)
        os.close(held[0])
        assert busy.result().isdigit()
    started = time.monotonic()
    with pytest.raises(Cancelled):
        hostile.parse(
            b"sleep 30", filename="x", timeout_s=60, abort=lambda: time.monotonic() > started + 0.5
        )

    assert time.monotonic() - started < 5
    assert read(hostile, b"pid").isdigit()


def test_many_threads_share_a_pool() -> None:
    with ParserPool(processes=2) as pool, ThreadPoolExecutor(8) as threads:
        texts = [f"text number {n}" for n in range(60)]
        results = list(threads.map(lambda text: read(pool, text.encode()), texts))

    assert results == texts


def test_a_closed_pool_says_so(pool: ParserPool) -> None:
    pool.close()

    with pytest.raises(Retryable, match="closed"):
        read(pool, b"text")


def test_no_process_outlives_a_pool_or_its_worker() -> None:
    program = (
        "import sys, time\n"
        "from adapters.parsing.sandbox.parser_pool import ParserPool\n"
        "pool = ParserPool().__enter__()\n"
        "pool.parse(b'text', filename='x', timeout_s=20)\n"
        "print(pool._template.pid, pool._idle[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(parser_pool.__file__).resolve().parents[3]
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=root
    ) as worker:
        assert worker.stdout is not None
        pids = [int(pid) for pid in worker.stdout.readline().split()]
        alive = [psutil.Process(pid) for pid in pids]
        worker.kill()
    _, left = psutil.wait_procs(alive, timeout=10)

    assert not [process for process in left if process.status() != "zombie"]
    assert len(pids) == 2


def test_the_template_has_no_threads(pool: ParserPool) -> None:
    assert pool._template is not None

    assert psutil.Process(pool._template.pid).num_threads() == 1
