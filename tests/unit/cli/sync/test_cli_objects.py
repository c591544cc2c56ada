"""Files that lie at addresses: `memory://`, `file://`, a server of the web, an archive."""

import builtins
import hashlib
import json
import re
import sqlite3
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.session import Session
from cli.sync import objects
from cli.sync.files import File
from cli.sync.object_hashes import ObjectHashes, default_path
from cli.sync.objects import RemoteFile, listed, without_credentials
from cli.sync.sources import gather
from rag.errors import InvalidRequest


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return default_path()


@pytest.fixture
def store() -> Iterator[Any]:
    system = fsspec.filesystem("memory")
    system.store.clear()
    for name in ("b.md", "sub/a.txt", ".hidden", "sub/.cache/x", "~$b.docx", "__MACOSX/b.md"):
        system.pipe(f"/docs/{name}", name.encode())
    yield system
    system.store.clear()


class Server:
    """Holds documents by their hashes, and counts what is sent."""

    def __init__(self) -> None:
        self.held: dict[str, str] = {}
        self.sent: list[str] = []
        self.diffs: list[dict[str, str]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = request.read()
        match request.method, request.url.path:
            case "POST", "/api/collections/default/diff":
                return self._diff({row["id"]: row["sha256"] for row in json.loads(body)})
            case "POST", "/api/jobs/j1/documents":
                for name, data in re.findall(
                    rb'filename="([^"]+)"\r\n[^\r]+\r\n\r\n(.*?)\r\n--', body, re.DOTALL
                ):
                    self.sent.append(name.decode())
                    self.held[name.decode()] = hashlib.sha256(data).hexdigest()
            case "GET", "/api/jobs/j1/documents":
                return httpx.Response(200, json={"documents": [], "next_cursor": None})
            case "GET", "/api/collections/default/hashes":
                held = [{"id": name, "sha256": self.held[name]} for name in sorted(self.held)]
                return httpx.Response(200, json={"documents": held, "next_cursor": None})
            case "POST", "/api/collections/default/documents/delete":
                for name in json.loads(body)["ids"]:
                    del self.held[name]
                return httpx.Response(202, json={"id": "j1"})
        job = {"id": "j1", "state": "succeeded", "timings_ms": {}, "progress": {"done": 0}}
        return httpx.Response(200, json=job)

    def _diff(self, hashes: dict[str, str]) -> httpx.Response:
        self.diffs.append(hashes)
        told: dict[str, Any] = {"new": [], "changed": [], "failed": []}
        for name, sha256 in hashes.items():
            if name not in self.held:
                told["new"].append(name)
            elif self.held[name] != sha256:
                told["changed"].append(name)
        return httpx.Response(200, json=told | {"gone": None})


def ingest(server: Server, *arguments: str) -> Result:
    session = Session(given_url="http://quern", transport=httpx.MockTransport(server))
    return CliRunner().invoke(main, ["ingest", *arguments], obj=session)


def ids(files: Sequence[File]) -> list[str]:
    return [file.document_id for file in files]


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the ids of the objects that are read, as they are."""
    seen: list[str] = []
    read = RemoteFile._read

    def told(self: RemoteFile, to: Any) -> str:
        seen.append(self.document_id)
        return read(self, to)

    monkeypatch.setattr(RemoteFile, "_read", told)
    return seen


@pytest.mark.usefixtures("store")
def test_a_folder_of_a_store_is_a_folder() -> None:
    found = gather(["memory://docs"])

    assert ids(found.files) == ["b.md", "sub/a.txt"]
    assert [path.name for path in found.left_out] == ["b.md", "~$b.docx"]
    assert found.alone == []
    with found.files[1].open() as data:
        assert (data.read(), data.seek(0), data.read()) == (b"sub/a.txt", 0, b"sub/a.txt")


@pytest.mark.usefixtures("store")
def test_an_object_that_was_named_itself_is_called_by_its_name() -> None:
    found = gather(["memory://docs/sub/a.txt"])

    assert ids(found.files) == ["a.txt"]
    assert found.alone == ["memory://docs/sub/a.txt"]


def test_objects_are_sent_and_what_is_unchanged_is_not_read_again(
    store: Any, reads: list[str]
) -> None:
    server = Server()

    first = ingest(server, "memory://docs")
    assert first.exit_code == 0, first.output
    assert server.sent == ["b.md", "sub/a.txt"]
    assert server.held["b.md"] == hashlib.sha256(b"b.md").hexdigest()
    assert reads == ["b.md", "sub/a.txt"]  # once: what is new is not read to be compared

    again = ingest(server, "memory://docs")
    assert "2 documents unchanged" in again.stdout
    assert len(server.sent) == len(reads) == 2

    store.pipe("/docs/b.md", b"B.MD")
    ingest(server, "memory://docs")
    assert server.sent == ["b.md", "sub/a.txt", "b.md"]
    assert server.held["b.md"] == hashlib.sha256(b"B.MD").hexdigest()


@pytest.mark.usefixtures("store")
def test_where_nothing_is_remembered_what_the_server_has_is_read_and_compared(
    reads: list[str],
) -> None:
    server = Server()
    server.held = {
        "b.md": hashlib.sha256(b"b.md").hexdigest(), "sub/a.txt": "other", "gone.txt": "x",
    }  # fmt: skip

    result = ingest(server, "memory://docs", "--delete-missing", "--yes")

    assert result.exit_code == 0, result.output
    assert "1 document unchanged" in result.stdout
    assert server.sent == ["sub/a.txt"]
    assert reads == ["b.md", "sub/a.txt", "sub/a.txt"]
    assert sorted(server.held) == ["b.md", "sub/a.txt"]
    ingest(server, "memory://docs")
    assert len(reads) == 3


@pytest.mark.usefixtures("store")
def test_a_cache_that_cannot_be_kept_is_done_without(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("no folder")
    server = Server()

    assert ingest(server, "memory://docs").exit_code == 0
    assert ingest(server, "memory://docs").stdout.endswith("2 documents unchanged\n")
    assert server.sent == ["b.md", "sub/a.txt"]


@pytest.mark.usefixtures("store")
def test_a_damaged_cache_is_done_without(cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"no database" * 1000)

    assert ingest(Server(), "memory://docs").exit_code == 0


def test_what_was_not_seen_for_long_is_forgotten_and_no_address_is_kept(cache: Path) -> None:
    ObjectHashes(cache).remember("s3://bucket/name", "m", "h")
    known = ObjectHashes(cache)
    assert known.hash_of("s3://bucket/name", "m") == "h"
    assert known.hash_of("s3://bucket/name", "other") is None
    assert b"bucket" not in cache.read_bytes()

    with sqlite3.connect(cache) as data:
        data.execute("UPDATE objects SET seen = 1")
    data.close()

    assert ObjectHashes(cache).hash_of("s3://bucket/name", "m") is None


def test_a_file_of_this_machine_has_an_address_too(tmp_path: Path) -> None:
    folder = tmp_path / "docs"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("a")

    assert ids(gather([f"file://{folder}"]).files) == ["sub/a.txt"]
    assert ids(gather([f"file://{folder}/sub/a.txt"]).files) == ["a.txt"]


def test_an_archive_is_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("in/a.txt", "a")
        archive.writestr("b.txt", "b")

    found = gather([f"zip://::{tmp_path}/x.zip"])
    assert ids(found.files) == ["b.txt", "in/a.txt"]
    assert ids(gather([f"zip://in::file://{tmp_path}/x.zip"]).files) == ["a.txt"]
    assert ids(gather([f"zip://in/a.txt::{tmp_path}/x.zip"]).files) == ["a.txt"]
    assert found.files[0].read_hash() == found.files[0].known_hash()


@pytest.mark.usefixtures("store")
def test_paths_and_addresses_may_be_named_together(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("c")

    assert ids(gather([tmp_path / "c.txt", "memory://docs"]).files) == [
        "c.txt", "b.md", "sub/a.txt",
    ]  # fmt: skip
    (tmp_path / "b.md").write_text("b")
    with pytest.raises(InvalidRequest, match="is at two of these places"):
        gather([tmp_path / "b.md", "memory://docs"])


class Site(BaseHTTPRequestHandler):
    """Answers with files: with sizes and marks, or as a stream that tells neither."""

    def do_GET(self) -> None:
        name = self.path.partition("?")[0]
        if name == "/shut.pdf":
            self.send_error(403)
        elif name not in ("/a%20b.pdf", "/stream", "/", "/big"):
            self.send_error(404)
        else:
            data = f"<a href='/other'>{name}</a>".encode()
            data = b"x" * 6_000_000 if name == "/big" else data
            self.send_response(200)
            if name in ("/a%20b.pdf", "/big"):
                self.send_header("Content-Length", str(len(data)))
                self.send_header("ETag", '"v1"')
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

    do_HEAD = do_GET  # noqa: N815 - the base class calls it so

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def site() -> Iterator[str]:
    pytest.importorskip("aiohttp")
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_file_of_the_web_is_one_file_with_or_without_a_size(site: str, reads: list[str]) -> None:
    server = Server()
    addresses = [f"{site}/a%20b.pdf?key=secret", f"{site}/stream"]

    for _ in range(2):
        result = ingest(server, *addresses)
        assert result.exit_code == 0, result.output

    assert server.sent == ["a b.pdf", "stream"]
    assert reads == ["a b.pdf", "stream", "stream"]  # nothing tells whether that one changed
    assert ids(gather([f"{site}/"]).files) == [site.removeprefix("http://")]


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_large_file_is_read_from_a_server_without_ranges(site: str) -> None:
    (file,) = gather([f"{site}/big"]).files

    with file.open() as data:
        assert len(data.read()) == file.size == 6_000_000
    assert file.known_hash() == hashlib.sha256(b"x" * 6_000_000).hexdigest()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_what_is_not_there_or_shut_is_said_without_secrets(site: str) -> None:
    for name, why in (("gone.pdf", "nothing there"), ("shut.pdf", "403")):
        address = f"{site.replace('//', '//me:hidden@')}/{name}?sig=hidden"

        result = ingest(Server(), address)

        assert result.exit_code == 2
        assert why in result.output
        assert "hidden" not in result.output


def test_an_object_that_goes_away_fails_alone(store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server()
    opened = type(store).open

    def shut(self: Any, path: str, *args: Any, **more: Any) -> Any:
        if path.endswith("b.md"):
            raise PermissionError("Access to memory://me:pw@docs is denied")
        return opened(self, path, *args, **more)

    monkeypatch.setattr(type(store), "open", shut)

    result = ingest(server, "memory://docs")

    assert result.exit_code == 1
    assert server.sent == ["sub/a.txt"]
    assert "cannot be read: Access to memory://docs is denied" in " ".join(result.output.split())


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("memory://nothing", "there is nothing there"),
        ("s9://bucket", "cannot be read: Protocol not known: s9"),
        ("file:///no/such/place", "there is nothing there"),
    ],
)
def test_an_address_of_nothing_is_told_in_a_sentence(address: str, said: str) -> None:
    result = ingest(Server(), address)

    assert result.exit_code == 2
    assert result.output.startswith(f"{address}: {said}")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)

    assert "pip install s3fs\n" in ingest(Server(), "s3://bucket/folder").output
    assert "pip install gcsfs\n" in ingest(Server(), "zip://::gs://bucket/x.zip").output
    assert "Install s3fs" in ingest(Server(), "dvc://x").output


def test_without_fsspec_paths_work_and_addresses_say_what_they_need(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.txt").write_text("a")
    importing: Callable[..., Any] = builtins.__import__

    def without(name: str, *args: Any, **more: Any) -> Any:
        if name.startswith("fsspec"):
            raise ImportError(name)
        return importing(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    monkeypatch.setattr(objects, "import_module", without)

    assert ingest(Server(), str(tmp_path / "a.txt")).exit_code == 0
    told = ingest(Server(), "s3://bucket/folder")
    assert (told.exit_code, "pip install fsspec s3fs" in told.output) == (2, True)


@pytest.mark.usefixtures("store")
def test_delete_missing_is_for_folders() -> None:
    result = ingest(Server(), "memory://docs/b.md", "--delete-missing")

    assert result.exit_code == 2
    assert "memory://docs/b.md is a file" in result.output


def test_credentials_are_not_shown() -> None:
    assert without_credentials("sftp://me:pw@host/a@b?x=y") == "sftp://host/a@b"
    assert without_credentials("zip://::https://u:p@h/x.zip?sig=1") == "zip://::https://h/x.zip"


def test_a_store_that_tells_no_mark_is_read_each_time(store: Any, cache: Path) -> None:
    class Bare:
        def info(self, path: str) -> dict[str, Any]:
            return {"name": path, "type": "file"}

        def open(self, path: str, _: str) -> Any:
            return store.open(path)

    file = objects._file(
        objects._Store(Bare(), "memory://docs", ObjectHashes(cache)), "b.md", "/docs/b.md", {}
    )

    assert (file.size, file.mark, file.known_hash()) == (None, "", None)
    assert file.read_hash() == hashlib.sha256(b"b.md").hexdigest()
    assert file.known_hash() is None


def test_the_command_starts_without_the_libraries_of_stores() -> None:
    # What was there before does not count: to measure coverage takes SQLite.
    code = (
        "import sys; before = {*sys.modules}; import cli.commands.ingest;"
        "print({'fsspec', 'sqlite3', 'aiohttp'} & ({*sys.modules} - before))"
    )
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert run.stdout.strip() == "set()"


@pytest.mark.usefixtures("store")
def test_what_is_listed_has_sizes(cache: Path) -> None:
    found = listed("memory://docs/sub", ObjectHashes(cache)).files

    assert {file.document_id: file.size for file in found} == {"a.txt": 9, ".cache/x": 12}
