"""How answers and passages are printed."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.fake_api import ANSWER, SOURCES, FakeApi, Quern, ok, question, refused

NO: dict[str, Any] = {"answered": False, "confidence": 0.1, "why": "not_in_documents"}


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


def test_a_hit_is_shown_below_the_header_of_its_table(quern: Quern, api: FakeApi) -> None:
    hit = SOURCES[0] | {"text": "Metal | 9-15", "context": "Workshop | Monday"}
    api.on("POST", "/api/search", ok({"results": [hit], "degraded": []}))

    lines = [line.strip() for line in quern("search", "metal").stdout.splitlines()]

    assert lines[1:3] == ["Workshop | Monday", "Metal | 9-15"]


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


# Many questions -------------------------------------------------------------------------------


def listed(state: str, done: int, failed: int = 0) -> httpx.Response:
    progress = {"done": done, "total": 2, "failed": failed, "cancelled": 0, "unit": "questions"}
    return ok({"id": "j1", "kind": "questions", "state": state, "progress": progress})


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    path = tmp_path / "questions.csv"
    path.write_text("question\nWhy?\nHow?\n")
    return path


def test_questions_of_a_file_are_one_job_and_come_back_as_a_file(
    quern: Quern, api: FakeApi, questions: Path
) -> None:
    answers = questions.with_name("answers.jsonl")
    api.on("POST", "/api/questions", listed("queued", 0))
    api.on("GET", "/api/jobs/j1", listed("running", 1), listed("succeeded", 2))
    api.on("GET", "/api/jobs/j1/export", httpx.Response(200, content=b"the answers"))

    result = quern(
        "ask", "--file", str(questions), "-o", str(answers), "-c", "work", "--filter", "year=1"
    )

    assert (result.exit_code, result.stdout) == (0, "")
    assert "2 questions done" in result.stderr
    assert answers.read_bytes() == b"the answers"
    assert {path.name for path in questions.parent.iterdir()} == {answers.name, questions.name}
    sent = api.asked[0]
    for part in (
        b"Why?",
        b'name="collection"\r\n\r\nwork',
        b'{"year": {"in": [1, "1"]}}',
        b"questions.csv",
    ):
        assert part in sent.content
    assert sent.headers["Idempotency-Key"]
    assert api.asked[-1].url.params["format"] == "jsonl"


def test_answers_go_to_the_standard_output_and_what_failed_is_told(
    quern: Quern, api: FakeApi, questions: Path
) -> None:
    api.on("POST", "/api/questions", listed("queued", 0))
    api.on("GET", "/api/jobs/j1", listed("partial", 2, failed=1))
    api.on("GET", "/api/jobs/j1/export", httpx.Response(200, content=b"n,answer\n"))

    result = quern("ask", "--file", str(questions))

    assert (result.exit_code, result.stdout) == (1, "n,answer\n")
    assert "1 question done, 1 failed" in result.stderr
    assert "quern retry j1" in result.stderr


def test_a_folder_that_is_not_there_is_found_before_anything_is_asked(
    quern: Quern, api: FakeApi, questions: Path
) -> None:
    result = quern("ask", "--file", str(questions), "-o", str(questions.parent / "no" / "a.csv"))

    assert result.exit_code == 2
    assert "cannot be written" in result.stderr
    assert api.asked == []


def test_a_list_that_is_refused_names_its_questions_and_leaves_no_file(
    quern: Quern, api: FakeApi, questions: Path
) -> None:
    errors = [{"field": "row 2.top_k", "message": "must be a whole number from 0 to 50"}]
    api.on("POST", "/api/questions", refused(422, title="No", errors=errors))

    result = quern("ask", "--file", str(questions), "-o", str(questions.parent / "a.csv"))

    assert result.exit_code == 1
    assert "row 2.top_k: must be a whole number" in result.stderr
    assert [path.name for path in questions.parent.iterdir()] == [questions.name]


@pytest.mark.parametrize("wrong", [["Why?"], ["--stream"], ["--json"], ["--fail-unanswered"]])
def test_a_file_goes_with_nothing_that_is_for_one_question(
    quern: Quern, questions: Path, wrong: list[str]
) -> None:
    assert quern("ask", "--file", str(questions), *wrong).exit_code == 2


@pytest.mark.parametrize("wrong", [[], ["Why?", "-o", "answers.csv"]])
def test_one_question_is_asked_without_a_file(quern: Quern, wrong: list[str]) -> None:
    assert quern("ask", *wrong).exit_code == 2
