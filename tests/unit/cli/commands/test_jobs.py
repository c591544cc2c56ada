"""How jobs are listed, shown, cancelled and tried again."""

from pathlib import Path

import httpx
import pytest

from tests.support.fake_api import NOW, FakeApi, Quern, ok, question


def test_jobs_are_listed_with_what_they_are_about(quern: Quern, api: FakeApi) -> None:
    ingest = question(
        id="j2", kind="ingest", state="running", timings_ms={},
        progress={"done": 2, "total": 5, "unit": "documents", "failed": 1},
    )  # fmt: skip
    api.on("GET", "/api/jobs", ok({"jobs": [question(), ingest], "next_cursor": None}))

    lines = quern("jobs", "--state", "running", "--kind", "ingest").stdout.splitlines()

    assert lines[1].split()[:3] == ["j1", "succeeded", "What"]
    assert "What is k1?" in lines[1]
    assert "add 2 of 5 documents, 1 failed" in lines[2]
    assert dict(api.asked[0].url.params) == {"state": "running", "kind": "ingest", "limit": "20"}


def test_a_narrow_list_cuts_what_a_job_is_about_and_never_its_id(
    quern: Quern, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    name = "01a203b7-3d59-762a-8000-1234567890ab"
    job = question(id=name, request={"question": "a long question " * 9})
    api.on("GET", "/api/jobs", ok({"jobs": [job], "next_cursor": None}))

    line = quern("jobs").stdout.splitlines()[1]

    assert line.startswith(f"{name}  succeeded  a long")
    assert "\u2026" in line
    assert line.rstrip().endswith("1.5 s")


def test_a_cancelled_job_is_said_to_be_cancelled(quern: Quern, api: FakeApi) -> None:
    api.on("DELETE", "/api/jobs/j1", ok(question(state="running"), 202))
    api.on("GET", "/api/jobs/j1", ok(question(state="cancelled")))

    assert quern("cancel", "j1").stdout == "Cancelled.\n"


def test_a_job_that_takes_a_moment_to_stop_is_waited_for(quern: Quern, api: FakeApi) -> None:
    api.on("DELETE", "/api/jobs/j1", ok(question(state="running"), 202))
    api.on("GET", "/api/jobs/j1", ok(question(state="cancelled")), ok(question(state="running")))

    stopped, stopping = quern("cancel", "j1"), quern("cancel", "j1")

    assert (stopped.stderr, stopped.stdout) == ("Stopping\u2026\n", "Cancelled.\n")
    assert stopping.stdout == "It will stop at its next step.\n"
    assert api.asked[1].url.params["wait"] == "3"


def test_cancelled_documents_are_one_line_of_a_job(quern: Quern, api: FakeApi) -> None:
    progress = {"done": 61, "total": 62, "unit": "documents", "failed": 1, "cancelled": 60}
    stopped = question(kind="ingest", state="cancelled", progress=progress)
    del stopped["result"]
    rows = [{"document_id": f"{n}.md", "state": "cancelled", "chunks": 0} for n in range(60)]
    broken = {"document_id": "x.pdf", "state": "failed", "chunks": 0, "error": {"detail": "Torn."}}
    api.on("GET", "/api/jobs/j1", ok(stopped))
    api.on("GET", "/api/jobs/j1/documents", ok({"documents": [*rows, broken]}))

    lines = quern("job", "j1").stdout.splitlines()

    assert "60 documents cancelled" in lines
    assert "add 62 documents, 1 failed, 60 cancelled" in lines
    assert [line for line in lines if ".md" in line] == []
    assert any("x.pdf" in line and "Torn." in line for line in lines)


def test_a_retry_names_the_new_job(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/jobs/j1/retry", ok({"id": "j9"}, 202))

    assert quern("retry", "j1").stdout == "New job: j9\n"


def test_a_list_of_questions_is_counted_and_its_answers_are_written(
    quern: Quern, api: FakeApi, tmp_path: Path
) -> None:
    progress = {"done": 2, "total": 3, "failed": 1, "cancelled": 0, "unit": "questions"}
    shown = {
        "id": "j1", "kind": "questions", "state": "running", "collection": "work",
        "created_at": NOW, "progress": progress, "timings_ms": {},
    }  # fmt: skip
    api.on("GET", "/api/jobs/j1", ok(shown))
    api.on("GET", "/api/jobs/j1/export", httpx.Response(200, content=b"so far"))
    answers = tmp_path / "answers.csv"

    result = quern("job", "j1", "-o", str(answers))

    assert "answer 2 of 3 questions, 1 failed" in result.stdout
    assert answers.read_bytes() == b"so far"
