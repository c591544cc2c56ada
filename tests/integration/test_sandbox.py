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

from rag.errors import Cancelled, DeadlineExceeded, NoText, Retryable, Unreadable
from tests.office_files import ole, xls, zipped
from tests.waiting import is_gone, until
from workers import parser_process, sandbox
from workers.sandbox import ParserPool

if sys.platform != "linux":
    pytest.skip("limits and namespaces are those of Linux", allow_module_level=True)

# Stands in for `formats.parse` in a template of its own: does what the file says.
HOSTILE = """
import os, signal, socket, time
from rag.documents import Block, ParsedDocument
from workers.parsing.plainness import NotPlain

def parse(data, *, filename, plain_only=False):
    word, _, rest = data.decode().partition(" ")
    if plain_only and word == "format":
        raise NotPlain
    if word == "sleep":
        time.sleep(float(rest))
    elif word == "await":
        os.mkdir(rest + ".begun")
        while not os.path.exists(rest):
            time.sleep(0.01)
    elif word == "spin":
        while True:
            pass
    elif word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "fill":
        hog = [bytearray(2**20) for _ in range(2**20)]
    elif word == "talk":
        return ParsedDocument("x" * int(rest), "text")
    elif word == "blocks":
        return ParsedDocument("x" * int(rest), "text", None, tuple(Block("paragraph", n, n + 1) for n in range(int(rest))))
    elif word == "bug":
        raise LookupError("no such thing")
    elif word == "write":
        with open(rest, "wb") as file:
            file.write(b"x")
            file.flush()
    elif word == "connect":
        socket.create_connection(("127.0.0.1", int(rest)), timeout=1)
    elif word == "environment":
        return ParsedDocument(" ".join(sorted(os.environ)), "text")
    return ParsedDocument(str(os.getpid()), "text")
"""  # noqa: E501 - a program in a string


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    with ParserPool(processes=1, memory_mb=256, text_mb=1) as pool:
        yield pool


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ParserPool]:
    """A pool whose parsers do what they are told, reached by shadowing the module they import."""
    package = tmp_path / "workers"
    (package / "parsing").mkdir(parents=True)
    real = Path(sandbox.__file__).resolve()
    (package / "__init__.py").touch()
    (package / "parsing" / "__init__.py").touch()
    (package / "parsing" / "formats.py").write_text(HOSTILE)
    for name in ("no_network.py", "parser_process.py", "parsing/plainness.py"):
        (package / name).symlink_to(real.parent / name)
    for name in ("rag", "runtime"):
        (tmp_path / name).symlink_to(real.parents[1] / name)
    monkeypatch.setattr(sandbox, "_ROOT", tmp_path)
    with ParserPool(processes=1, memory_mb=256, text_mb=1) as pool:
        yield pool


def read(pool: ParserPool, data: bytes, timeout_s: float = 20.0) -> str:
    return pool.parse(data, filename="x.txt", timeout_s=timeout_s).text


def reason(pool: ParserPool, data: bytes, timeout_s: float = 20.0) -> str:
    with pytest.raises(Unreadable) as caught:
        read(pool, data, timeout_s)
    return caught.value.reason


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


def test_bytes_come_back_whole_whether_lent_in_memory_or_on_disk() -> None:
    for size in (1, sandbox._SMALL, sandbox._SMALL + 1):
        data = b"a" * (size // 2) + b"b" * (size - size // 2)
        with sandbox._descriptor(data) as lent:
            found = os.pread(lent, size + 1, 0)

        assert found == data


def test_what_a_parser_refuses_is_raised_here(pool: ParserPool) -> None:
    with pytest.raises(NoText):
        read(pool, b"   ")
    assert reason(pool, b"\x89PNG\r\n\x1a\n") == "unsupported"


def test_one_process_parses_many_files_and_is_then_replaced(hostile: ParserPool) -> None:
    pids = [read(hostile, b"pid") for _ in range(parser_process.FILES + 5)]

    assert len(set(pids)) == 2
    assert pids.count(pids[0]) == parser_process.FILES


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
    patience_s = 2.0 if expected == "parser_timeout" else 60.0

    assert reason(hostile, order, timeout_s=patience_s) == expected
    assert read(hostile, b"pid").isdigit()


def test_a_parser_writes_no_files(hostile: ParserPool, tmp_path: Path) -> None:
    target = tmp_path / "target"

    assert reason(hostile, b"write " + str(target).encode()) == "parser_failed"
    assert not target.exists() or target.stat().st_size == 0


def test_a_parser_reaches_no_network_where_it_says_so(hostile: ParserPool) -> None:
    import socket  # noqa: PLC0415 - for this test alone

    if hostile.isolation != "namespace":
        pytest.skip("this kernel lets nobody leave the network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        assert reason(hostile, f"connect {port}".encode()) == "parser_failed"


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
    hostile._template.kill()
    # The kernel ends the parsers with their template.
    until(lambda: is_gone(first))

    assert int(read(hostile, b"pid")) != first


def test_a_caller_can_stop_a_parse_and_the_wait_for_one(
    hostile: ParserPool, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    with ThreadPoolExecutor() as threads:
        busy = threads.submit(read, hostile, f"await {gate}".encode())
        until((tmp_path / "gate.begun").exists)
        with pytest.raises(DeadlineExceeded):
            hostile.parse(b"pid", filename="x", timeout_s=5, wait_s=0.2)
        with pytest.raises(Cancelled):
            hostile.parse(b"pid", filename="x", timeout_s=5, abort=lambda: True)
        gate.touch()
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
        "from workers.sandbox import ParserPool\n"
        "pool = ParserPool().__enter__()\n"
        "pool.parse(b'text', filename='x', timeout_s=20)\n"
        "print(pool._template.pid, pool._idle[0].pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    root = Path(sandbox.__file__).resolve().parents[1]
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
