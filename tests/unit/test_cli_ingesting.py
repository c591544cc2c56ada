"""Which files are handed over, under which ids, and what is said of those that fail."""

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from cli import ingesting
from cli.files import LocalFile, batches, find_files
from cli.main import main
from cli.session import Session
from rag.errors import InvalidRequest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("b.md", "sub/a.txt", ".hidden", ".git/config", "sub/.cache/x"):
        path = tmp_path / "docs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path / "docs"


class FakeIngest:
    """Takes uploads into one job; files called bad* are refused, files called broken* fail."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.uploads: list[list[str]] = []
        self.asked: dict[str, Any] = {}
        self.closed = False
        self.held: dict[str, str] = {}
        self.asks = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        match request.method, request.url.path:
            case "POST", "/api/collections/default/diff":
                return self.compare(json.loads(request.content))
            case "POST", "/api/ingests":
                self.asked = json.loads(request.content)
                return self.job()
            case "POST", "/api/jobs/j1/close":
                self.closed = True
                return self.job()
            case "POST", "/api/jobs/j1/documents":
                return self.take(re.findall(r'filename="([^"]+)"', request.content.decode()))
            case "GET", "/api/jobs/j1":
                return self.job()
            case "GET", "/api/jobs/j1/documents":
                return httpx.Response(200, json={"documents": self.rows, "next_cursor": None})
        raise AssertionError(request.url)

    def compare(self, listing: list[dict[str, str]]) -> httpx.Response:
        self.asks += 1
        if any(Path(entry["id"]).name.startswith("bad") for entry in listing):
            return httpx.Response(422, json={"title": "Invalid"})
        send = [entry["id"] for entry in listing if self.held.get(entry["id"]) != entry["sha256"]]
        return httpx.Response(200, json={"send": send, "gone": [], "unchanged": 0})

    def job(self) -> httpx.Response:
        failed = sum(row["state"] == "failed" for row in self.rows)
        state = "partial" if failed else "succeeded"
        progress = {"done": len(self.rows), "total": len(self.rows), "failed": failed}
        job = {"id": "j1", "state": state, "timings_ms": {"total": 2_000.0}, "progress": progress}
        return httpx.Response(200, json=job)

    def take(self, names: list[str]) -> httpx.Response:
        if any(Path(name).name.startswith("bad") for name in names):
            errors = [{"field": "files[0]", "message": "has no file name"}]
            return httpx.Response(422, json={"title": "Invalid", "errors": errors})
        self.uploads.append(names)
        for name in names:
            row: dict[str, Any] = {"document_id": name, "state": "succeeded", "chunks": 2}
            if Path(name).name.startswith("broken"):
                row |= {"state": "failed", "chunks": 0, "error": {"detail": "This PDF is damaged."}}
            if Path(name).name.startswith("blank"):
                row |= {"outcome": "empty", "chunks": 0, "note": "the page is a picture"}
            if Path(name).name.startswith("noted"):
                row["note"] = "Two pictures were left out."
            if Path(name).name.startswith("stopped"):
                row |= {"state": "cancelled", "chunks": 0}
            self.rows.append(row)
        return self.job()


def ingest(api: FakeIngest, *arguments: str) -> Result:
    session = Session(given_url="http://quern", transport=httpx.MockTransport(api))
    return CliRunner().invoke(main, ["ingest", *arguments], obj=session)


def test_a_folder_gives_relative_ids_and_leaves_hidden_files_out(folder: Path) -> None:
    assert [file.document_id for file in find_files([folder])] == ["b.md", "sub/a.txt"]
    assert [file.document_id for file in find_files([folder / "sub/a.txt"])] == ["a.txt"]


def test_two_files_of_one_id_are_refused(folder: Path) -> None:
    (folder / "a.txt").write_text("other")

    with pytest.raises(InvalidRequest, match=r"same document as .*a\.txt; name their common"):
        find_files([folder / "a.txt", folder / "sub"])


def test_batches_hold_so_many_files_and_bytes_and_lose_none() -> None:
    sizes = (5, 5, 20, 1, 1, 1, 1)
    files = [LocalFile(str(n), Path(str(n)), size) for n, size in enumerate(sizes)]

    split = list(batches(files, most_files=3, most_bytes=10))

    assert [[file.document_id for file in batch] for batch in split] == [
        ["0", "1"],
        ["2"],
        ["3", "4", "5"],
        ["6"],
    ]


def test_a_file_without_text_is_named_and_not_counted_as_ready(folder: Path) -> None:
    (folder / "blank.pdf").write_text("picture")

    result = ingest(FakeIngest(), str(folder))

    assert result.exit_code == 0
    assert "2 documents ready" in result.stdout
    assert "blank.pdf: nothing to index; the page is a picture" in result.stdout


def test_what_a_parser_remarks_is_printed_and_fails_nothing(folder: Path) -> None:
    for n in range(25):
        (folder / f"noted{n:02}.docx").write_text("x")

    result = ingest(FakeIngest(), str(folder))

    assert result.exit_code == 0
    assert "27 documents ready" in result.stdout
    assert "noted00.docx: Two pictures were left out." in result.stdout.replace("\n", " ")
    assert result.stdout.count("pictures") == 20
    assert "remarks on 5 more documents" in result.stdout


def test_what_was_cancelled_is_counted_and_not_listed(folder: Path) -> None:
    for name in ("stopped1.md", "stopped2.md"):
        (folder / name).write_text("x")

    result = ingest(FakeIngest(), str(folder))

    assert "2 documents ready" in result.stdout
    assert "2 documents cancelled" in result.stdout
    assert "stopped" not in result.stdout


def test_everything_in_a_folder_becomes_one_job(folder: Path) -> None:
    api = FakeIngest()

    result = ingest(api, str(folder))

    assert result.exit_code == 0
    assert result.stdout == "2 documents ready, 4 passages, in 2.0 s\n"
    assert api.uploads == [["b.md", "sub/a.txt"]]
    assert api.closed


def test_what_the_server_has_already_is_not_sent_again(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"b.md": hashlib.sha256(b"b.md").hexdigest(), "sub/a.txt": "of other bytes"}

    result = ingest(api, str(folder))

    assert result.stdout == "1 document unchanged\n1 document ready, 2 passages, in 2.0 s\n"
    assert api.uploads == [["sub/a.txt"]]


def test_with_metadata_everything_is_sent_because_only_bytes_are_compared(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"b.md": hashlib.sha256(b"b.md").hexdigest()}

    result = ingest(api, str(folder), "--metadata", "author=Knuth", "--metadata", "year=1968")

    assert result.exit_code == 0
    assert api.asked["metadata"] == {"author": "Knuth", "year": 1968}
    assert api.uploads == [["b.md", "sub/a.txt"]]
    assert api.asks == 0


def test_where_nothing_changed_no_job_is_made(folder: Path) -> None:
    api = FakeIngest()
    api.held = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("b.md", "sub/a.txt")}

    result = ingest(api, str(folder))

    assert (result.exit_code, result.stdout) == (0, "2 documents unchanged\n")
    assert (api.rows, api.closed) == ([], False)


def test_a_long_list_of_files_is_compared_in_parts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ingesting, "DIFF_FILES", 1)
    api = FakeIngest()

    result = ingest(api, str(folder))

    assert (result.exit_code, api.asks) == (0, 2)
    assert api.uploads == [["b.md", "sub/a.txt"]]


def test_a_name_that_is_written_in_another_form_is_the_same_document(tmp_path: Path) -> None:
    (tmp_path / "cafe\u0301.txt").write_text("x")
    api = FakeIngest()
    api.held = {"caf\u00e9.txt": hashlib.sha256(b"x").hexdigest()}

    result = ingest(api, str(tmp_path))

    assert result.stdout == "1 document unchanged\n"


def test_one_refused_file_does_not_keep_the_others_out(folder: Path) -> None:
    for name in ("bad.md", "c.md", "d.md"):
        (folder / name).write_text(name)
    api = FakeIngest()

    result = ingest(api, str(folder))

    assert result.exit_code == 1
    assert sorted(row["document_id"] for row in api.rows) == ["b.md", "c.md", "d.md", "sub/a.txt"]
    assert re.search(r"bad\.md +has no file name", result.stdout)
    assert api.closed


def test_failed_files_are_listed_with_what_is_wrong(folder: Path) -> None:
    (folder / "broken.pdf").write_text("%PDF")

    result = ingest(FakeIngest(), str(folder))

    assert result.exit_code == 1
    assert "2 documents ready" in result.stdout
    assert "1 file failed:" in result.stdout
    assert re.search(r"broken\.pdf +This PDF is damaged\.", result.stdout)


def test_a_file_that_cannot_be_read_fails_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = find_files([folder])
    (folder / "b.md").unlink()
    monkeypatch.setattr(ingesting, "find_files", lambda _: files)

    result = ingest(FakeIngest(), str(folder))

    assert result.exit_code == 1
    assert re.search(r"b\.md +cannot be read: No such file or directory", result.stdout)


def test_without_watching_the_job_is_named_and_nothing_awaited(folder: Path) -> None:
    result = ingest(FakeIngest(), str(folder), "--no-watch-progress")

    assert result.exit_code == 0
    assert result.stdout == "Job j1: 2 documents handed over\n"


def test_an_empty_folder_is_a_mistake(tmp_path: Path) -> None:
    result = ingest(FakeIngest(), str(tmp_path))

    assert result.exit_code == 2
    assert "there are no files there" in result.stderr
