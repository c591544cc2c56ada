"""Which files are uploaded, under which ids, and what is said of those that fail."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.commands import ingest as ingesting
from cli.main import main
from cli.session import Session
from cli.sync import comparing
from cli.sync.files import LocalFile, batches, find_files, scan
from cli.sync.sources import Gathered, gather
from cli.sync.uploading import FIRST_POLL_S, until_next_poll
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
        self.outcomes: dict[str, str] = {}
        self.deleted: list[str] = []
        self.keys: list[str] = []
        self.lost = 0
        self.barren: dict[str, str] = {}
        self.asks = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        match request.method, request.url.path:
            case "POST", "/api/collections/default/diff":
                return self.compare(json.loads(request.content))
            case "POST", "/api/ingests" | "/api/jobs/j1/close" as path:
                self.closed = path.endswith("close")
                self.asked = self.asked or json.loads(request.content)
                return self.job()
            case "POST", "/api/jobs/j1/documents":
                return self.take(re.findall(r'filename="([^"]+)"', request.content.decode()))
            case "GET", "/api/jobs/j1":
                if self.lost:
                    self.lost -= 1
                    raise httpx.ReadError("reset by peer")
                return self.job()
            case "GET", "/api/jobs/j1/documents":
                return httpx.Response(200, json={"documents": self.rows, "next_cursor": None})
        return self.delete(request)

    def delete(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/collections/default/hashes":
            return self.page(request.url.params.get("cursor", ""))
        if request.url.path == "/api/jobs/d1":
            return httpx.Response(200, json={"id": "d1", "state": "succeeded"})
        assert request.url.path == "/api/collections/default/documents/delete"
        self.keys.append(request.headers["Idempotency-Key"])
        for name in json.loads(request.content)["ids"]:
            self.deleted.append(name)
        return httpx.Response(202, json={"id": "d1"})

    def page(self, after: str) -> httpx.Response:
        """Return one document of those that are held, in the order of their names."""
        names = sorted(name for name in self.held if name > after)
        found = [{"id": name, "sha256": self.held[name]} for name in names[:1]]
        cursor = names[0] if len(names) > 1 else None
        return httpx.Response(200, json={"documents": found, "next_cursor": cursor})

    def compare(self, listing: list[dict[str, str]]) -> httpx.Response:
        self.asks += 1
        if any(Path(entry["id"]).name.startswith("bad") for entry in listing):
            return httpx.Response(422, json={"title": "Invalid"})
        hashes = {entry["id"]: entry["sha256"] for entry in listing}
        failed = [name for name in hashes if self.barren.get(name) == hashes[name]]
        other = [name for name in hashes if self.held.get(name) != hashes[name]]
        send = [name for name in other if name not in failed]
        said = {
            "send": send,
            "new": [name for name in send if name not in self.held],
            "changed": [name for name in send if name in self.held],
            "failed": failed,
            "gone": None,
            "unchanged": len(hashes) - len(send) - len(failed),
        }
        return httpx.Response(200, json=said)

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
            if name in self.outcomes:
                row["outcome"] = self.outcomes[name]
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


@pytest.mark.parametrize("names", [("caf\u00e9.txt", "cafe\u0301.txt"), ("a/b.txt", "a\\b.txt")])
def test_two_files_whose_names_are_one_to_the_server_are_refused(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)

    with pytest.raises(InvalidRequest, match="would be the same document as"):
        find_files([tmp_path])


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


def test_where_nothing_changed_no_job_is_made(folder: Path) -> None:
    api = FakeIngest()
    api.held = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("b.md", "sub/a.txt")}

    result = ingest(api, str(folder))

    assert (result.exit_code, result.stdout) == (0, "2 documents unchanged\n")
    assert (api.rows, api.closed) == ([], False)


def test_a_long_list_of_files_is_compared_in_parts(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparing, "DIFF_FILES", 1)
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
    monkeypatch.setattr(ingesting, "gather", lambda _: Gathered(files))

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


#: What programs leave beside people's files, and files whose names only look like it.
LEFT_OUT = (
    "~$plan.docx", "~$Budget.XLSX", "~WRL0003.tmp", "~WRD0000.TMP", "8A3F1200.tmp",
    ".~lock.plan.odt#", "Thumbs.db", "thumbs.DB", "ehthumbs.db", "desktop.ini", ".DS_Store",
    "notes.md~", "notes.md.~2~",
    "notes.md.swp", "notes.bak", "notes.bak2", "#notes.md#", "film.crdownload", "film.part",
    "Icon\r", "plan.docx.sb-1a2b3c4d-Xy12Zz", "base.laccdb", "letter.wbk", "~box~1a2b.idlk",
)  # fmt: skip
KEPT = (
    "plan~final.md", "$prices.txt", "# notes.md", "backup.md", "temp.md", "part.txt",
    "my.partial.md",
    "bak", "thumbs.db.md", "desktop.ini.md", "Budget$.csv", "C#.md", "swp.txt", "a.tmpl",
)  # fmt: skip
LEFT_FOLDERS = (
    "$RECYCLE.BIN", "__MACOSX", ".Trash-1000", "@eaDir", "__pycache__", "node_modules",
    "System Volume Information", "lost+found", "#recycle",
)  # fmt: skip


@pytest.mark.parametrize("below", ["", "team/deep"])
def test_what_programs_leave_beside_files_is_left_out(tmp_path: Path, below: str) -> None:
    place = tmp_path / below
    for name in (*LEFT_OUT, *KEPT, *(f"{folder}/a.md" for folder in LEFT_FOLDERS)):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(name)

    found = scan([tmp_path])

    assert sorted(file.path.name for file in found.files) == sorted(KEPT)
    hidden = [name for name in (*LEFT_OUT, *LEFT_FOLDERS) if name.startswith(".")]
    assert len(found.left_out) == len(LEFT_OUT) + len(LEFT_FOLDERS) - len(hidden)


def test_a_file_that_was_named_itself_is_taken_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "notes.bak").write_text("x")

    assert [file.document_id for file in find_files([tmp_path / "notes.bak"])] == ["notes.bak"]


def test_what_is_left_out_is_counted_in_a_line_and_is_no_failure(folder: Path) -> None:
    for name in ("~$b.md", "Thumbs.db"):
        (folder / name).write_bytes(b"\0")

    result = ingest(FakeIngest(), str(folder))

    assert result.exit_code == 0
    first, *_ = result.stdout.splitlines()
    assert first == "2 lock, temporary, backup or system files left out: Thumbs.db, ~$b.md"


def test_an_empty_file_is_a_remark_and_is_not_sent(folder: Path) -> None:
    (folder / "sub/__init__.py").write_bytes(b"")
    api = FakeIngest()

    result = ingest(api, str(folder))

    assert result.exit_code == 0
    assert "1 empty file left out: sub/__init__.py\n" in result.stdout
    assert api.uploads == [["b.md", "sub/a.txt"]]


def test_a_document_whose_file_was_emptied_is_sent(folder: Path) -> None:
    (folder / "b.md").write_bytes(b"")
    api = FakeIngest()
    api.held = {"b.md": "of other bytes"}

    ingest(api, str(folder))

    assert api.uploads == [["b.md", "sub/a.txt"]]


@pytest.mark.parametrize("metadata", [(), ("--metadata", "year=1968")])
def test_what_failed_with_the_same_content_is_sent_again_only_if_asked(
    folder: Path, metadata: tuple[str, ...]
) -> None:
    api = FakeIngest()
    api.barren = {"b.md": hashlib.sha256(b"b.md").hexdigest()}

    result = ingest(api, str(folder), *metadata)
    again = ingest(api, str(folder), "--retry-failed", *metadata)

    assert (result.exit_code, again.exit_code) == (0, 0)
    assert "nothing could be made of the same content before: b.md (--retry-failed" in result.stdout
    assert "--retry-failed" not in again.stdout
    assert api.uploads == [["sub/a.txt"], ["b.md", "sub/a.txt"]]


def test_what_became_of_each_document_is_said_as_the_page_says_it(folder: Path) -> None:
    (folder / "c.md").write_text("c")
    api = FakeIngest()
    api.outcomes = {"b.md": "updated", "c.md": "created", "sub/a.txt": "unchanged"}

    result = ingest(api, str(folder))

    assert result.stdout.splitlines() == [
        "b.md: updated, 2 passages",
        "c.md: added, 2 passages",
        "sub/a.txt: already there, unchanged, 2 passages",
        "3 documents ready (1 added, 1 updated, 1 already there), 6 passages, in 2.0 s",
    ]


def test_of_many_documents_only_the_counts_are_said(folder: Path) -> None:
    api = FakeIngest()
    for n in range(30):
        (folder / f"{n}.md").write_text(str(n))
        api.outcomes[f"{n}.md"] = "created"

    result = ingest(api, str(folder))

    assert result.stdout == "32 documents ready (30 added), 64 passages, in 2.0 s\n"


def test_a_lost_connection_is_told_and_the_jobs_real_end_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("quern.flows.FIRST_LOST_PAUSE_S", 0.01)
    (folder / "broken.pdf").write_text("%PDF")
    api = FakeIngest()
    api.lost = 2

    result = ingest(api, str(folder))

    assert result.exit_code == 1
    assert "The connection to Quern was lost" in result.stderr
    assert "Quern answers again." in result.stderr
    assert "1 file failed:" in result.stdout


def test_what_is_missing_is_deleted_last_and_after_a_yes(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"old/x.md": "h", "a b.md": "h"}

    result = ingest(api, str(folder), "--delete-missing", "--yes")

    assert result.exit_code == 0
    assert api.uploads == [["b.md", "sub/a.txt"]]
    assert sorted(api.deleted) == ["a b.md", "old/x.md"]
    assert result.stdout.endswith(
        "2 documents of default not in the folder any more:\n  a b.md\n  old/x.md\n"
        "Deleted 2 documents.\n"
    )


def test_without_a_yes_nothing_is_deleted(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"x.md": "h"}

    result = ingest(api, str(folder), "--delete-missing")

    assert result.exit_code == 1
    assert "Delete 1 document?" in result.output
    assert api.deleted == []
    assert api.uploads == [["b.md", "sub/a.txt"]]


def test_without_the_option_what_is_missing_stays(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"x.md": "h"}

    assert ingest(api, str(folder), "--yes").exit_code == 0
    assert api.deleted == []


def test_a_dry_run_says_all_and_does_nothing(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"b.md": "of other bytes", "x.md": "h"}

    result = ingest(api, str(folder), "--delete-missing", "--dry-run", "--yes")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "would change  b.md",
        "would add  sub/a.txt",
        "would delete  x.md",
        "2 files to send, 1 document to delete in default; nothing was done",
    ]
    assert (api.uploads, api.deleted, api.asked) == ([], [], {})


def test_a_renamed_file_is_there_before_the_old_name_goes(folder: Path) -> None:
    api = FakeIngest()
    api.held = {"was.md": hashlib.sha256(b"b.md").hexdigest()}
    order: list[str] = []
    take, api.take = api.take, lambda names: order.append("sent") or take(names)  # type: ignore[method-assign,func-returns-value]
    api.deleted = type("Told", (list,), {"append": lambda _, name: order.append(name)})()

    ingest(api, str(folder), "--delete-missing", "--yes")

    assert order == ["sent", "was.md"]


@pytest.mark.parametrize("extra", ["file", "closed", "nothing"])
def test_where_it_is_not_known_what_is_missing_nothing_is_done(
    folder: Path, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeIngest()
    api.held = {"x.md": "h"}
    paths = [str(folder)]
    if extra == "file":
        paths = [str(folder / "b.md")]
    elif extra == "closed":
        found = gather([folder])
        found.unseen.append(folder / "sub")
        monkeypatch.setattr(ingesting, "gather", lambda _: found)
    else:
        for file in list(folder.rglob("*")):
            if file.is_file():
                file.unlink()

    result = ingest(api, *paths, "--delete-missing", "--yes")

    assert result.exit_code == 2
    assert (api.uploads, api.deleted) == ([], [])


def test_where_the_server_cannot_compare_nothing_is_deleted(folder: Path) -> None:
    (folder / "bad.md").write_text("x")
    api = FakeIngest()
    api.held = {"x.md": "h"}

    result = ingest(api, str(folder), "--delete-missing", "--yes")

    assert result.exit_code == 2
    assert api.deleted == []


def test_a_folder_that_cannot_be_looked_into_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def scandir(path: Any) -> Any:
        if Path(path).name == "sub":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)

    assert scan([folder]).unseen == [folder / "sub"]


def test_a_job_is_looked_at_more_often_where_it_is_about_to_end() -> None:
    far = until_next_poll(1.0, share=0.1, took_s=10.0)
    near = until_next_poll(1.0, share=0.9, took_s=9.0)
    nearest = until_next_poll(1.0, share=0.999, took_s=10.0)

    assert (far, near, nearest) == (1.0, pytest.approx(0.5), FIRST_POLL_S)


def test_before_anything_has_ended_nobody_knows_when_a_job_will() -> None:
    assert until_next_poll(0.7, share=0.0, took_s=100.0) == 0.7
