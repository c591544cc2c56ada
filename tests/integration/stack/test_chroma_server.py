"""Chroma's server while somebody holds its database's write lock: told, and ended once it hangs."""

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest

from adapters.chroma.store import ChromaStore
from rag.documents import Chunk, chunk_id
from rag.errors import StoreUnavailable
from rag.ports import StoredChunk
from runtime.chroma_writes import takes_writes
from stack.chroma_server import GIVEN_UP
from stack.programs import child_environment
from stack.up import Stack
from tests.support.waiting import until
from web.health.stores import chroma, chroma_writes

#: A write that hangs is told after these; twelve and more seconds, were they the server's own.
EVERY_S, TIMEOUT_S = 0.1, 0.3


class Server:
    """A server of its own on a folder, which loses patience quickly."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        self.process = self.start()

    def start(self) -> "subprocess.Popen[bytes]":
        code = (
            f"from stack.chroma_server import serve;serve(every_s={EVERY_S}, timeout_s={TIMEOUT_S})"
        )
        with (self.folder.parent / "chroma.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", code],
                env=child_environment(
                    ANONYMIZED_TELEMETRY="False",
                    CHROMA_PERSIST_PATH=str(self.folder),
                    CHROMA_LISTEN_ADDRESS="127.0.0.1",
                    CHROMA_PORT=str(self._port),
                    RUST_LOG=os.environ.get("RUST_LOG", "warn"),
                ),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        until(self._answers, told="Chroma serves")
        return self.process

    def _answers(self) -> bool:
        try:
            return takes_writes(self.url, timeout_s=5)
        except OSError:
            return False

    @property
    def log(self) -> str:
        return (self.folder.parent / "chroma.log").read_text(errors="replace")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    server = Server(tmp_path / "chroma")
    yield server
    server.process.kill()
    server.process.wait()


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the lock that every write of Chroma's needs, as a thread of its own has been seen to."""
    with closing(sqlite3.connect(folder / "chroma.sqlite3", isolation_level=None)) as database:
        database.execute("begin immediate")
        yield
        database.execute("rollback")


def write(store: ChromaStore, text: str) -> None:
    stored = StoredChunk(chunk_id(text, 1, 0), Chunk(0, 0, len(text), text), 1, text, {})
    store.upsert("papers", [stored], np.ones((1, 3), dtype=np.float32))


def test_a_server_that_hangs_ends_itself_and_keeps_what_it_had(server: Server) -> None:
    with closing(ChromaStore(server.url)) as store:
        store.create("papers")
        write(store, "before")

        with locked(server.folder):
            began = time.monotonic()
            code = server.process.wait(timeout=60)
            took_s = time.monotonic() - began
        server.start()
        write(store, "after")

        assert code == GIVEN_UP
        assert took_s > 6 * TIMEOUT_S
        assert "ERROR 6 writes in a row have hung while nothing was worked on" in server.log
        assert store.present("papers", [chunk_id(t, 1, 0) for t in ("before", "after")]) == {
            "before:1:0", "after:1:0",
        }  # fmt: skip


def test_a_short_wait_ends_no_server(server: Server) -> None:
    before = takes_writes(server.url, timeout_s=5)
    with locked(server.folder):
        during = takes_writes(server.url, timeout_s=2 * TIMEOUT_S)
    after = takes_writes(server.url, timeout_s=5)
    time.sleep(3 * (EVERY_S + TIMEOUT_S))

    assert (before, during, after) == (True, False, True)
    assert server.process.poll() is None


def test_the_question_for_a_write_writes_nothing(server: Server) -> None:
    database = server.folder / "chroma.sqlite3"
    before = database.stat().st_mtime_ns, database.read_bytes()

    assert all(takes_writes(server.url, timeout_s=5) for _ in range(10))
    assert (database.stat().st_mtime_ns, database.read_bytes()) == before


# Chroma 1.5.9 sets SQLite's busy_timeout to 1,000 s, rust/sqlite/src/config.rs: a write that is
# kept from the lock says nothing for a quarter of an hour, while the heartbeat is as quick as ever.
def test_health_tells_a_server_that_takes_no_writes(tmp_path: Path) -> None:
    with Stack.start(data_dir=tmp_path, only=("chroma",)) as running:
        url = running.chroma_url
        well = chroma_writes(url).checks
        with locked(tmp_path / "chroma"):
            ill = chroma_writes(url).checks
            others = chroma(url).checks
            heartbeat = httpx.get(f"{url}/api/v2/heartbeat", trust_env=False, timeout=2)

        assert [(check.name, check.status) for check in well] == [("index:writes", "pass")]
        assert [(check.name, check.status) for check in ill] == [("index:writes", "fail")]
        assert "takes no writes" in str(ill[0].output)
        assert "fail" not in {check.status for check in others}
        assert heartbeat.status_code == httpx.codes.OK


def test_a_write_that_hangs_is_given_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.chroma.client.ChromaClient._ask.__kwdefaults__", {"timeout_s": 1})
    with closing(ChromaStore(server.url)) as store:
        store.create("papers")
        with locked(server.folder), pytest.raises(StoreUnavailable, match="does not answer"):
            write(store, "late")
        write(store, "later")

        assert "later:1:0" in store.present("papers", ["later:1:0"])
