"""What the command prints and how it ends, in front of a small stand-in for the API."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.session import Session

PROBLEM = "application/problem+json"
SOURCES = [
    {"document_id": "a.pdf", "title": "Ranking", "page": 7, "text": "k1 is 1.2.", "score": 0.5}
]
ANSWER = {
    "answer": "It is 1.2. [1]",
    "citations": [{"marker": 1, "source": 0, "start": 0, "end": 10, "quote": "k1 is\n1.2."}],
    "sources": SOURCES,
    "answered": True,
    "confidence": 0.9,
    "generator": "extractive",
    "degraded": [],
}
NOW = "2026-01-01T00:00:00.000Z"


def question(**changes: Any) -> dict[str, Any]:
    job = {
        "id": "j1", "kind": "query", "state": "succeeded", "collection": "default",
        "created_at": NOW, "request": {"question": "What is k1?"}, "result": ANSWER,
        "timings_ms": {"queued": 1.5, "retrieve": 20.0, "total": 1_500.0},
    }  # fmt: skip
    return job | changes


@dataclass
class FakeApi:
    """Answers each (method, path) in turn, the last answer for ever; remembers what was asked."""

    answers: dict[tuple[str, str], list[httpx.Response]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *responses: httpx.Response) -> None:
        self.answers[method, path] = list(responses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        waiting = self.answers[request.method, request.url.path]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [
            json.loads(request.content)
            for request in self.asked
            if (request.method, request.url.path) == (method, path)
        ]


def ok(body: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refused(status: int, **problem: object) -> httpx.Response:
    headers = {"Content-Type": PROBLEM}
    return httpx.Response(status, content=json.dumps(problem), headers=headers)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def quern(api: FakeApi, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run the command with the stand-in behind it."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> Result:
        session = Session(given_url="http://quern", transport=httpx.MockTransport(api))
        return CliRunner().invoke(main, arguments, obj=session)

    return run


Quern = Callable[..., Result]


def test_an_answer_is_printed_with_title_page_quote_and_timings(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1", ok(question(state="running")), ok(question()))

    result = quern("ask", "What is k1?", "--top-k", "3")

    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "It is 1.2. [1]",
        "",
        "[1] Ranking  a.pdf, page 7",
        "    \u201ck1 is 1.2.\u201d",
        "",
        "Confidence 90 %: of 100 questions with this figure, the documents answer about 90.",
        "quoted, no language model; waited 1.5 ms, searched 20 ms, in all 1.5 s",
    ]
    asked = {"question": "What is k1?", "collection": "default", "top_k": 3}
    assert api.bodies("POST", "/api/queries") == [asked]


def test_json_is_the_apis_own_to_the_byte(quern: Quern, api: FakeApi) -> None:
    own = '{ "state":"succeeded",  "kind": "query" }'
    headers = {"Content-Type": "application/json"}
    api.on("GET", "/api/jobs/j1", httpx.Response(200, content=own, headers=headers))

    result = quern("job", "j1", "--json")

    assert result.stdout == own + "\n"


def test_what_the_documents_do_not_answer_is_said(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    weak = ANSWER | {"answered": False, "degraded": ["sparse"]}
    api.on("GET", "/api/jobs/j1", ok(question(result=weak)))

    result = quern("ask", "What?")

    assert result.stdout.startswith(
        "The documents do not seem to answer this. Below is the closest that was found.\nIt is 1.2"
    )
    assert "The word index was behind" in result.stdout


@pytest.mark.parametrize(("flags", "code"), [([], 0), (["--fail-unanswered"], 3)])
def test_a_script_may_tell_by_the_exit_code_that_there_is_no_answer(
    quern: Quern, api: FakeApi, flags: list[str], code: int
) -> None:
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202), ok({"id": "j2"}, 202))
    api.on("GET", "/api/jobs/j1", ok(question(result=ANSWER | {"answered": False})))
    api.on("GET", "/api/jobs/j2", ok(question()))

    assert quern("ask", "What?", *flags).exit_code == code
    assert quern("ask", "What?", "--json", *flags).exit_code == 0


def test_a_filter_that_matches_nothing_is_told_apart(quern: Quern, api: FakeApi) -> None:
    told = {
        "why": "nothing_matches_filter", "documents": 2, "waiting": 0,
        "filter_hints": ["no document has a field 'Version'; did you mean 'version'?", "x"],
    }  # fmt: skip
    nothing = {"answered": False, "confidence": 0.0, "citations": [], "sources": []}
    words = {"answer": "The documents do not seem to answer this."}
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1", ok(question(result=ANSWER | nothing | words | told)))
    api.on("POST", "/api/search", ok({"results": [], "degraded": []} | told))

    asked, searched = quern("ask", "What?").stdout, quern("search", "what").stdout

    why = "no document matches the filter. No document has a field 'Version'; "
    why += "did you mean 'version'? X."
    assert asked.startswith(f"No answer, because {why}\n")
    assert "do not seem to answer" not in asked
    assert "Confidence" not in asked
    assert searched == f"Nothing found, because {why}\n"


@pytest.mark.parametrize(
    ("standing", "said"),
    [
        ({"documents": 0, "waiting": 0}, "There are no documents yet in this collection."),
        ({"documents": 0, "waiting": 48}, "48 documents are still being added."),
        ({"documents": 12, "waiting": 1}, "1 document is still being added."),
    ],
)
def test_an_answer_without_all_documents_says_so(
    quern: Quern, api: FakeApi, standing: dict[str, int], said: str
) -> None:
    degraded = ["ingesting"] if standing["waiting"] else []
    nothing = {"answered": False, "answer": "", "citations": [], "sources": []}
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    result = ANSWER | nothing | standing | {"degraded": degraded}
    api.on("GET", "/api/jobs/j1", ok(question(result=result)))
    api.on("POST", "/api/search", ok({"results": [], "degraded": []} | standing))

    printed = [quern("ask", "What?").stdout, quern("search", "what").stdout]

    assert all(said in text for text in printed)
    assert ("do not seem to answer" in printed[0]) == (standing["documents"] > 0)
    assert not any("ingesting" in text for text in printed)


def test_a_failed_question_ends_with_1_and_says_why(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    failed = question(state="failed", error={"title": "Died", "detail": "Three times."})
    del failed["result"]
    api.on("GET", "/api/jobs/j1", ok(failed))

    result = quern("ask", "What?")

    assert result.exit_code == 1
    assert result.stdout == "No answer: Three times.\n"


def test_what_a_filter_passes_over_is_said_beside_an_answer(quern: Quern, api: FakeApi) -> None:
    hints = {"filter_hints": ["the field 'v' holds text too"], "why": None}
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1", ok(question(result=ANSWER | hints)))

    shown = quern("ask", "What?").stdout

    assert shown.startswith("It is 1.2.")
    assert shown.count("The field 'v' holds text too.\n") == 1


def test_a_stream_is_printed_as_it_comes_and_its_citations_after_it(
    quern: Quern, api: FakeApi
) -> None:
    events = (
        "retry: 1000\n\n"
        'id: 1-0\nevent: token\ndata: {"text":"It is","attempt":1}\n\n'
        ": still here\n\n"
        'id: 2-0\nevent: token\ndata: {"text":" 1.2. [1]","attempt":1}\n\n'
        'id: 3-0\nevent: done\ndata: {"state":"succeeded"}\n\n'
    )
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1/events", httpx.Response(200, content=events))
    api.on("GET", "/api/jobs/j1", ok(question()))

    result = quern("ask", "What?", "--stream")

    assert result.stdout.startswith("It is 1.2. [1]\n\n[1] Ranking")
    assert result.stdout.count("It is 1.2.") == 1


def streamed(api: FakeApi, *events: tuple[str, dict[str, Any]], **result: Any) -> None:
    """Let a question tell events, and then have a result."""
    told = [*events, ("done", {"state": "succeeded"})]
    lines = [f"id: {n}-0\nevent: {k}\ndata: {json.dumps(d)}\n\n" for n, (k, d) in enumerate(told)]
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1/events", httpx.Response(200, content="".join(lines)))
    api.on("GET", "/api/jobs/j1", ok(question(result=ANSWER | result)))


NO: dict[str, Any] = {"answered": False, "confidence": 0.1, "why": "not_in_documents"}


def test_a_stream_says_that_there_is_no_answer_before_it_quotes(quern: Quern, api: FakeApi) -> None:
    streamed(api, ("verdict", NO), ("token", {"text": "It is 1.2. [1]", "attempt": 1}), **NO)

    lines = quern("ask", "What?", "--stream").stdout.splitlines()

    assert lines[0] == (
        "The documents do not seem to answer this. Below is the closest that was found."
    )
    assert lines[1] == "It is 1.2. [1]"
    assert sum("do not seem to answer" in line for line in lines) == 1
    assert sum("It is 1.2." in line for line in lines) == 1


@pytest.mark.parametrize("events", [[("verdict", NO)], []], ids=["quoted", "written"])
def test_a_stream_without_anything_to_quote_says_so_once(
    quern: Quern, api: FakeApi, events: list[tuple[str, dict[str, Any]]]
) -> None:
    said = {"text": "The documents do not seem to answer this.", "attempt": 1}
    nothing = {"answer": said["text"], "citations": [], "sources": []}
    streamed(api, *events, ("token", said), **NO, **nothing)

    shown = quern("ask", "What?", "--stream").stdout

    assert shown.count("do not seem to answer") == 1
    assert "closest" not in shown


def test_a_model_that_declines_does_not_hide_that_there_are_no_documents(
    quern: Quern, api: FakeApi
) -> None:
    said = {"text": "The documents do not seem to answer this.", "attempt": 1}
    nothing = {"answer": said["text"], "citations": [], "sources": [], "generator": "m"}
    streamed(api, ("token", said), **NO | nothing | {"why": "no_documents"})

    assert "There are no documents yet" in quern("ask", "What?", "--stream").stdout


def test_an_answer_that_streams_is_no_less_one_for_its_verdict(quern: Quern, api: FakeApi) -> None:
    yes = {"answered": True, "confidence": 0.9, "why": None}
    streamed(api, ("verdict", yes), ("token", {"text": "It is 1.2. [1]", "attempt": 1}))

    assert quern("ask", "What?", "--stream").stdout.startswith("It is 1.2. [1]\n\n[1] Ranking")


def test_a_refusal_shows_title_detail_and_every_field(quern: Quern, api: FakeApi) -> None:
    fields = [{"field": "top_k", "message": "must be a whole number from 0 to 50"}]
    api.on(
        "POST", "/api/queries", refused(422, title="Invalid", detail="Not possible", errors=fields)
    )

    result = quern("ask", "What?", "--top-k", "99")

    assert result.exit_code == 1
    assert result.stderr == (
        "Invalid: Not possible\n  top_k: must be a whole number from 0 to 50\n"
    )


def test_a_server_that_is_not_there_is_named_with_the_remedy() -> None:
    result = CliRunner().invoke(main, ["--url", "http://127.0.0.1:9", "jobs"])

    assert result.exit_code == 2
    assert result.stderr == (
        "Quern is not running at http://127.0.0.1:9; start it with: quern up\n"
    )


def test_another_server_on_the_port_is_not_taken_for_quern(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/jobs", httpx.Response(200, html="<p>Hello</p>"))

    result = quern("jobs")

    assert result.exit_code == 2
    assert "What answers at http://quern is not Quern" in result.stderr


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


def test_every_page_of_documents_is_listed(quern: Quern, api: FakeApi) -> None:
    api.on(
        "GET",
        "/api/collections/default/documents",
        ok({"documents": [{"document_id": "a[1].md", "chunks": 2}], "next_cursor": "c"}),
        ok({"documents": [{"document_id": "b.md", "chunks": 3}], "next_cursor": None}),
    )

    result = quern("documents")

    assert "a[1].md" in result.stdout
    assert "b.md" in result.stdout
    assert result.stdout.endswith("2 documents, 5 passages\n")


def test_documents_are_listed_with_their_metadata_where_any_has_some(
    quern: Quern, api: FakeApi
) -> None:
    listed = [
        {"document_id": "a", "chunks": 2, "metadata": {"v": "1.1", "tags": ["pump", "out"]}},
        {"document_id": "b", "chunks": 2, "metadata": {"v": 1.1, "long": "x" * 5_000}},
        {"document_id": "c", "chunks": 2},
    ]
    api.on("GET", "/api/collections/default/documents", ok({"documents": listed}))

    shown = quern("documents").stdout

    assert 'v="1.1", tags=pump, tags=out' in " ".join(shown.split())
    assert "v=1.1," in shown
    assert shown.count("x") < 200


def test_collections_are_listed_with_their_sizes(quern: Quern, api: FakeApi) -> None:
    small = {"name": "a", "documents": 0, "created_at": NOW, "embedder": None}
    large = small | {"name": "work", "documents": 1_234, "embedder": {"model": "minilm"}}
    api.on("GET", "/api/collections", ok({"collections": [small, large]}))

    first, second = quern("collections").stdout.splitlines()[-2:]

    assert first.split()[:2] == ["a", "0"]
    assert second.split()[:2] == ["work", "1,234"]
    assert "minilm" in second


def test_a_collection_is_deleted_only_after_a_yes(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/collections/work", ok({"name": "work", "documents": 3}))
    api.on("DELETE", "/api/collections/work", ok({"id": "d1"}, 202))
    api.on("GET", "/api/jobs/d1", ok(question(kind="delete_collection")))

    unsaid = quern("collections", "--delete", "work")
    before = [request.method for request in api.asked]
    said = quern("collections", "--delete", "work", "--yes")

    assert (unsaid.exit_code, before) == (1, ["GET"])
    assert said.stdout == "Deleted work with 3 documents.\n"


def test_a_document_s_text_is_printed_as_it_is(quern: Quern, api: FakeApi) -> None:
    written = "[bold]a[/bold] " + "long " * 60 + "\n| a |  | c |"
    api.on("GET", "/api/collections/work/documents/a/b c.md/text", ok({"text": written}))

    assert quern("text", "a/b c.md", "-c", "work").stdout == written + "\n"


def test_a_document_is_deleted_by_its_whole_id(quern: Quern, api: FakeApi) -> None:
    path = "/api/collections/default/documents/notes/a b?.md"
    api.on("DELETE", path, ok({"id": "j3"}, 202))
    api.on("GET", "/api/jobs/j3", ok(question(state="succeeded")))

    result = quern("delete", "notes/a b?.md")

    assert result.stdout == "Deleted notes/a b?.md.\n"


@pytest.fixture
def sub_folder(api: FakeApi) -> FakeApi:
    """Have a folder of two documents, one of which is gone before it is deleted."""
    base = "/api/collections/default/documents"
    found = [{"document_id": "sub/a.md", "chunks": 1}, {"document_id": "sub/b.md", "chunks": 1}]
    api.on(
        "GET",
        base,
        ok({"documents": found[:1], "next_cursor": "c"}),
        ok({"documents": found[1:], "next_cursor": None}),
    )
    api.on("DELETE", f"{base}/sub/a.md", ok({"id": "j3"}, 202))
    api.on("DELETE", f"{base}/sub/b.md", ok({"title": "Not found"}, 404))
    api.on("GET", "/api/jobs/j3", ok(question(state="succeeded")))
    return api


def test_a_folder_is_deleted_with_all_that_is_in_it(quern: Quern, sub_folder: FakeApi) -> None:
    result = quern("delete", "sub/", "--yes")

    assert result.stdout == "Deleted 2 documents in sub/.\n"
    assert sub_folder.asked[0].url.params["prefix"] == "sub/"


def test_a_folder_is_not_deleted_without_a_yes(quern: Quern, sub_folder: FakeApi) -> None:
    result = quern("delete", "sub/")

    assert result.exit_code == 1
    assert "Delete 2 documents in sub/?" in result.stdout
    assert [one.method for one in sub_folder.asked] == ["GET", "GET"]


def test_a_folder_that_is_not_there_is_a_mistake(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/collections/default/documents", ok({"documents": [], "next_cursor": None}))

    result = quern("delete", "nowhere/", "--yes")

    assert result.exit_code == 1
    assert "no documents in nowhere/" in result.stderr


def test_a_hit_is_shown_below_the_header_of_its_table(quern: Quern, api: FakeApi) -> None:
    hit = SOURCES[0] | {"text": "Metal | 9-15", "context": "Workshop | Monday"}
    api.on("POST", "/api/search", ok({"results": [hit], "degraded": []}))

    lines = [line.strip() for line in quern("search", "metal").stdout.splitlines()]

    assert lines[1:3] == ["Workshop | Monday", "Metal | 9-15"]


def test_a_reindex_is_watched_to_its_end(quern: Quern, api: FakeApi) -> None:
    job = question(id="j9", kind="reindex", state="running", collection="work")
    counted = {"progress": {"done": 1, "total": 2, "unit": "documents"}}
    ended = {"state": "succeeded", "result": {"documents": 2}, "timings_ms": {"total": 1500}}
    api.on("POST", "/api/admin/reindex", ok(job, 202))
    api.on("GET", "/api/jobs/j9", ok(job | counted), ok(job | counted | ended))

    result = quern("reindex", "work")

    assert api.bodies("POST", "/api/admin/reindex") == [{"collection": "work"}]
    assert result.stdout == "work: 2 documents reindexed in 1.5 s.\n"


def test_a_reindex_that_fails_says_why(quern: Quern, api: FakeApi) -> None:
    error = {"type": "passages_missing", "title": "No", "detail": "Passages are missing."}
    job = question(id="j9", kind="reindex", state="failed", error=error)
    api.on("POST", "/api/admin/reindex", ok(job, 202))
    api.on("GET", "/api/jobs/j9", ok(job))

    result = quern("reindex", "work")

    assert result.exit_code == 1
    assert "Passages are missing." in result.stderr


def test_a_reindex_can_be_asked_for_without_waiting(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/admin/reindex", ok(question(id="j9", kind="reindex"), 202))

    assert quern("reindex", "work", "--no-watch-progress").stdout == "Job j9\n"


def test_health_is_shown_part_by_part_also_when_it_fails(quern: Quern, api: FakeApi) -> None:
    body = {
        "status": "fail",
        "checks": {"redis:memory": [{"status": "fail", "observedValue": 97, "observedUnit": "%"}]},
    }
    api.on("GET", "/health", ok(body, 503))

    result = quern("health")

    assert result.exit_code == 1
    assert "not well" in result.stdout
    assert "redis:memory" in result.stdout
    assert "97 %" in result.stdout


def test_health_shows_the_worst_first_and_when_a_queue_last_finished(
    quern: Quern, api: FakeApi
) -> None:
    queue = {"status": "pass", "observedValue": 0, "observedUnit": "waiting", "lastFinished": NOW}
    stuck = {"status": "warn", "output": "retrieval/host/7: pool makes no progress for 12 s"}
    body = {"status": "warn", "checks": {"queue:embed": [queue], "workers:retrieve": [stuck]}}
    api.on("GET", "/health", ok(body))

    told = quern("health").stdout

    assert told.index("pool makes no progress for 12 s") < told.index("queue:embed")
    assert "0 waiting, last finished" in told


def test_an_ordinary_start_is_not_said_to_need_a_look(quern: Quern, api: FakeApi) -> None:
    begun = {"status": "warn", "output": "starting"}
    body = {"status": "warn", "output": "starting", "checks": {"workers:retrieve": [begun]}}
    api.on("GET", "/health", ok(body))

    told = quern("health").stdout

    assert "http://quern: starting; what is asked now waits until all is there" in told
    assert "look" not in told


def test_search_prints_the_passages_in_order(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/search", ok({"results": SOURCES, "degraded": []}))

    result = quern("search", "k1", "--mode", "sparse")

    assert result.stdout.startswith("[1] Ranking  a.pdf, page 7, 0.500\n    k1 is 1.2.")
    assert api.bodies("POST", "/api/search") == [
        {"query": "k1", "collection": "default", "mode": "sparse"}
    ]


def test_a_filter_is_sent_with_a_question_and_with_a_search(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/search", ok({"results": [], "degraded": []}))
    api.on("POST", "/api/queries", ok({"id": "j1"}, 202))
    api.on("GET", "/api/jobs/j1", ok(question()))
    searched = quern("search", "k1", "--filter", "author=Robertson", "--filter", "year>=1994")
    asked = quern("ask", "What is k1?", "--filter", "author=Robertson")
    wrong = quern("ask", "What is k1?", "--filter", "author")

    assert (searched.exit_code, asked.exit_code, wrong.exit_code) == (0, 0, 2)
    both = {"and": [{"author": "Robertson"}, {"year": {"gte": 1994}}]}
    assert api.bodies("POST", "/api/search")[0]["filters"] == both
    assert api.bodies("POST", "/api/queries")[0]["filters"] == {"author": "Robertson"}
    assert "no condition" in wrong.stderr


def test_search_explains_its_ranking(quern: Quern, api: FakeApi) -> None:
    both = {
        "dense": {"rank": 2, "score": 0.71, "part": 0.4},
        "sparse": {"rank": 1, "score": 12.5, "part": 0.1},
    }
    near = {"rank": 1, "score": 0.9, "part": 0.25}
    candidates = [
        {"chunk_id": "a.pdf:1:0", "rank": 1, "score": 0.5} | both,
        {
            "chunk_id": "b.md:1:3",
            "rank": 2,
            "score": 0.25,
            "dense": near,
        },
        {"chunk_id": "c.md:1:0", "rank": 3, "score": 0.1},
    ]
    trace = {"candidates": candidates, "dropped": {"d.md:1:0": "not the current generation"}}
    two = [SOURCES[0] | {"chunk_id": name} for name in ("a.pdf:1:0", "b.md:1:3")]
    api.on("POST", "/api/search", ok({"results": two, "degraded": [], "trace": trace}))

    result = quern("search", "k1", "--explain")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["[1]", "0.500", "0.400", "#2", "(0.71)", "0.100", "#1", "(12.5)", "a.pdf:1:0"] in lines
    assert ["[2]", "0.250", "0.250", "#1", "(0.9)", "-", "b.md:1:3"] in lines
    assert "1 candidate ranked below" in result.stdout
    assert "left out: d.md:1:0, not the current generation" in result.stdout
    assert api.bodies("POST", "/api/search")[0]["trace"] is True


def test_search_explains_what_a_reranker_changed(quern: Quern, api: FakeApi) -> None:
    near = {"rank": 1, "score": 0.9, "part": 0.5}
    candidates = [
        {"chunk_id": "a:1:0", "rank": 1, "score": 0.5, "dense": near},
        {"chunk_id": "b:1:0", "rank": 2, "score": 0.4, "dense": near,
         "rerank": {"rank": 1, "score": 0.987}},
    ]  # fmt: skip
    trace = {"candidates": candidates, "dropped": {"c:1:0": "near-duplicate of a:1:0"}}
    two = [SOURCES[0] | {"chunk_id": name} for name in ("b:1:0", "a:1:0")]
    body = {"results": two, "degraded": ["rerank", "other"], "trace": trace}
    api.on("POST", "/api/search", ok(body))

    result = quern("search", "k1", "--explain")

    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["[1]", "0.987", "0.400", "#2", "0.500", "#1", "(0.9)", "-", "b:1:0"] in lines
    assert ["[2]", "-", "0.500", "#1", "0.500", "#1", "(0.9)", "-", "a:1:0"] in lines
    assert "left out: c:1:0, near-duplicate of a:1:0" in result.stdout
    assert "The reranker was not available" in result.stdout
    assert "Not available in this search: other" in result.stdout


def test_an_unknown_setting_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("QUERN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("QUERN_URL", "http://elsewhere")

    result = CliRunner().invoke(main, ["jobs"])

    assert result.exit_code == 2
    assert result.stderr == "unknown settings: QUERN_URL; the README lists every setting\n"
