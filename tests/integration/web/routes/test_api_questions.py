"""Lists of questions over HTTP: what is taken in, what is shown, what comes out as a file."""

import csv
import io
from dataclasses import replace
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus.archiver import Archiver
from protocol.keys import key
from runtime.settings import Settings
from tests.integration.conftest import ANSWER, SOURCE, HandWorker, parts_of
from tests.support.waiting import until
from web.app import create_app

TABLE = """\
id,question,top_k
leave,How long is parental leave?,3
,"Who pays, and when?",
"""
LINES = """\
{"id": "leave", "question": "How long is parental leave?", "top_k": 3}

{"question": "Who pays, and when?"}
"""


def send(client: FlaskClient, *questions: Any, **of_all: Any) -> Any:
    return client.post("/api/questions", json={"questions": list(questions), **of_all})


def ask(client: FlaskClient, *texts: str, **of_all: Any) -> str:
    answer = send(client, *({"question": text} for text in texts), **of_all)
    assert answer.status_code == 202, answer.get_json()
    return str(answer.get_json()["id"])


def shown(client: FlaskClient, job: str, **given: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get(
        f"/api/jobs/{job}/questions", query_string=given
    ).get_json()["questions"]
    return found


def requests(worker: HandWorker, job: str) -> list[dict[str, Any]]:
    rows = worker.ledger.rows.documents(job, first=0, last=99)
    return [orjson.loads(row["request"]) for row in rows]


def test_a_list_is_one_job_whose_questions_are_told_in_their_order(
    client: FlaskClient, worker: HandWorker
) -> None:
    answer = send(
        client,
        {"id": "a", "question": "Why?"},
        {"question": "How?"},
        {"id": 7, "question": "When?"},
    )
    job = answer.get_json()
    first, second, third = worker.rows(job["id"])
    worker.answer(first)
    worker.fail(second, kind="broken")

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert "Retry-After" in answer.headers
    assert (job["kind"], job["collection"], job["filling"]) == ("questions", "default", False)
    counts = {"done": 0, "failed": 0, "cancelled": 0}
    assert job["progress"] == counts | {"total": 3, "unit": "questions"}
    one, two, three = shown(client, job["id"])
    told = ("n", "id", "question", "state", "answered", "answer", "confidence")
    assert [one[name] for name in told] == [
        1, "a", "Why?", "succeeded", True, "A is first. [1]", 0.9,
    ]  # fmt: skip
    assert (two["id"], two["state"], two["error"]["type"]) == ("2", "failed", "broken")
    assert (three["id"], three["state"], three["answer"]) == ("7", "queued", None)
    worker.answer(third)
    ended = client.get(f"/api/jobs/{job['id']}").get_json()
    assert (ended["state"], ended["progress"]["done"], ended["progress"]["failed"]) == (
        "partial", 3, 1,
    )  # fmt: skip


def test_what_holds_of_all_is_in_each_question_that_does_not_say_otherwise(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = send(
        client, {"question": "Why?"},
        {"question": "How?", "top_k": 0, "filters": {}, "history": [{"role": "user", "text": "x"}]},
        top_k=4, filters={"year": 2024}, temperature=0.5, deadline_s=60,
    ).get_json()["id"]  # fmt: skip

    first, second = requests(worker, job)
    common = {"priority": "batch", "temperature": 0.5, "deadline_s": 60}
    assert first == common | {"question": "Why?", "top_k": 4, "filters": {"year": 2024}}
    history = [{"role": "user", "text": "x"}]
    assert second == common | {"question": "How?", "top_k": 0, "filters": None, "history": history}
    rows = worker.ledger.rows.documents(job, first=0, last=1)
    assert [(row["stage"], row["class"], row["owner"]) for row in rows] == [
        ("retrieve", "batch", f"questions:{job}"), ("generate", "batch", f"questions:{job}"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("mimetype", "body"),
    [
        ("text/csv", TABLE),
        ("text/csv", "\ufeff" + TABLE.replace(",", ";").replace("pays;", "pays,")),
        (
            "application/x-ndjson",
            LINES,
        ),
    ],
)
def test_a_table_and_lines_of_json_are_the_same_list(
    client: FlaskClient, worker: HandWorker, mimetype: str, body: str
) -> None:
    answer = client.post(
        "/api/questions?deadline_s=60&top_k=5", data=body.encode(), content_type=mimetype
    )

    job = answer.get_json()["id"]
    assert [(row["id"], row["question"]) for row in shown(client, job)] == [
        ("leave", "How long is parental leave?"), ("2", "Who pays, and when?"),
    ]  # fmt: skip
    assert [(told["top_k"], told["deadline_s"]) for told in requests(worker, job)] == [
        (3, 60), (5, 60),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("mine.CSV", TABLE),
        ("mine.jsonl", '{"question": "Why?"}\n{"question": "How?"}'),
        ("mine.json", '[{"question": "Why?"}, {"question": "How?"}]'),
        ("mine.json", '{"questions": [{"question": "Why?"}, {"question": "How?"}]}'),
    ],
)
def test_a_form_brings_one_file_and_fields_of_all(
    client: FlaskClient, worker: HandWorker, name: str, content: str
) -> None:
    answer = client.post(
        "/api/questions",
        data={"file": (io.BytesIO(content.encode()), name), "filters": '{"year": 1}'},
        content_type="multipart/form-data",
    )

    job = answer.get_json()["id"]
    assert [told["filters"] for told in requests(worker, job)] == [{"year": 1}, {"year": 1}]


def test_every_wrong_question_is_told_with_its_place_and_nothing_is_accepted(
    client: FlaskClient, worker: HandWorker
) -> None:
    table = "id,question,top_k\na,,\nb,Why?,many\nb,How?,1\na,When?,2\n"
    answer = client.post("/api/questions", data=table, content_type="text/csv")

    problem = answer.get_json()
    assert (answer.status_code, problem["type"]) == (422, "/problems/invalid")
    assert [(error["field"], error["message"]) for error in problem["errors"]] == [
        ("row 2.question", "must be a non-empty string"),
        ("row 3.top_k", "must be a whole number from 0 to 50"),
    ]
    assert worker.storage.redis.keys(key("job", "*")) == []
    assert worker.storage.blobs.is_empty()


@pytest.mark.parametrize(
    ("mimetype", "body", "field", "message"),
    [
        ("application/json", '{"questions": []}', "questions", "must not be empty"),
        ("application/json", "{}", "questions", "must be a list of {question, id, …}"),
        ("application/json", "7", "body", "must be a JSON object with questions"),
        ("application/json", '{"questions": [7]}', "questions[0]",
         "must be an object with question"),
        ("application/json", '{"questions": [{"question": "x", "collection": "a"}]}',
         "questions[0].collection", "is not a known field"),
        ("application/json", '{"questions": [{"question": "x"}], "priority": "batch"}',
         "priority", "is not a known field"),
        ("application/x-ndjson", '\n{"question": "x"', "line 2", None),
        ("text/csv", "id,text\na,b", "row 1",
         "must name the columns, one of them `question`"),
        ("text/csv", "question,question\na,b", "row 1",
         "names the column 'question' twice"),
        ("text/csv", "question,mood\na,b", "row 2.mood", "is not a known field"),
        ("text/csv", "question\na,b", "row 2",
         "has more cells than the first row, which has 1"),
        ("text/csv", 'question\n"a', "row 2", None),
        ("text/csv", "question,filters\na,{", "row 2.filters", None),
    ],
)  # fmt: skip
def test_a_list_that_cannot_be_read_says_where_and_what_to_do(
    client: FlaskClient, mimetype: str, body: str, field: str, message: str | None
) -> None:
    answer = client.post("/api/questions", data=body.encode(), content_type=mimetype)

    error = answer.get_json()["errors"][0]
    assert (answer.status_code, error["field"]) == (422, field)
    assert message in (None, error["message"])


def test_text_that_is_no_utf_8_and_other_types_are_refused(client: FlaskClient) -> None:
    latin = client.post("/api/questions", data=b"question\n\xfc", content_type="text/csv")
    plain = client.post("/api/questions", data=b"Why?", content_type="text/plain")

    assert "CSV UTF-8" in latin.get_json()["detail"]
    assert plain.status_code == 415


def test_a_list_is_as_long_as_the_setting_allows(settings: Settings) -> None:
    app = create_app(replace(settings, max_questions=3))
    table = "question\n" + "x\n" * 3
    with app.test_client() as client:
        fits = client.post("/api/questions", data=table, content_type="text/csv")
        more = client.post("/api/questions", data=table + "x\n", content_type="text/csv")
    parts_of(app).close()

    assert fits.get_json()["progress"]["total"] == 3
    assert (more.status_code, more.get_json()["limit"]) == (413, 3)


def test_a_list_that_is_sent_again_with_its_key_is_the_same_job(client: FlaskClient) -> None:
    def post(question: str) -> Any:
        return client.post(
            "/api/questions", json={"questions": [{"question": question}]},
            headers={"Idempotency-Key": "k"},
        )  # fmt: skip

    first = post("Why?").get_json()["id"]

    assert post("Why?").get_json()["id"] == first
    assert post("How?").get_json()["type"] == "/problems/idempotency-conflict"


def test_questions_of_an_unknown_collection_are_refused(
    client: FlaskClient, worker: HandWorker
) -> None:
    answer = send(client, {"question": "Why?"}, collection="nowhere")

    assert answer.status_code == 404
    assert worker.storage.blobs.is_empty()


def test_a_page_goes_on_and_shows_one_state(client: FlaskClient, worker: HandWorker) -> None:
    job = ask(client, *"abcde")
    for row in worker.rows(job)[1::2]:
        worker.answer(row)
    first = client.get(f"/api/jobs/{job}/questions?limit=3").get_json()
    second = client.get(
        f"/api/jobs/{job}/questions?limit=3&cursor={first['next_cursor']}"
    ).get_json()

    assert [row["question"] for row in first["questions"]] == ["a", "b", "c"]
    assert [row["question"] for row in second["questions"]] == ["d", "e"]
    assert second["next_cursor"] is None
    assert [row["n"] for row in shown(client, job, state="succeeded")] == [2, 4]
    assert [row["n"] for row in shown(client, job, state="succeeded", limit=1)] == [2]
    assert [row["n"] for row in shown(client, job, state="queued")] == [1, 3, 5]


def test_questions_without_rows_are_shown_as_waiting_and_then_as_cancelled(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.long_jobs.LISTED_MEMORY_SHARE", 0.0)
    monkeypatch.setattr("jobs.long_jobs.FEW_MEMORY_SHARE", 0.0)
    job = ask(client, "Why?", "How?")
    before = client.get(f"/api/jobs/{job}").get_json()
    waiting = shown(client, job)
    client.delete(f"/api/jobs/{job}")
    after = client.get(f"/api/jobs/{job}").get_json()

    assert (before["state"], before["filling"], before["progress"]["total"]) == ("queued", True, 2)
    assert [(row["question"], row["state"]) for row in waiting] == [
        ("Why?", "queued"), ("How?", "queued"),
    ]  # fmt: skip
    counts = {"done": 2, "total": 2, "failed": 0, "cancelled": 2, "unit": "questions"}
    assert (after["state"], after["filling"], after["progress"]) == ("cancelled", False, counts)
    assert [row["state"] for row in shown(client, job, state="cancelled")] == ["cancelled"] * 2
    assert shown(client, job, state="queued") == []


def test_a_retry_asks_what_was_not_answered_and_what_never_had_a_row(
    client: FlaskClient, worker: HandWorker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jobs.ledger.pace.MOST_ROWS", 2)
    monkeypatch.setattr("intake.question_lists.recording.FIRST_LIST_TURN_S", 0)
    answer = send(client, *({"id": f"q{n}", "question": f"{n}?"} for n in range(5)), top_k=3)
    job = answer.get_json()["id"]
    worker.answer(worker.rows(job)[0])
    client.delete(f"/api/jobs/{job}")
    retry = client.post(f"/api/jobs/{job}/retry").get_json()

    assert (retry["retry_of"], retry["progress"]["total"]) == (job, 4)
    assert [row["id"] for row in shown(client, retry["id"])] == ["q1", "q2", "q3", "q4"]
    assert {told["top_k"] for told in requests(worker, retry["id"])} == {3}
    assert client.post(f"/api/jobs/{job}/retry").get_json()["id"] == retry["id"]


def test_a_retry_of_a_list_that_is_being_forgotten_asks_nothing_that_it_knows_to_be_answered(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ask(client, "first?", "second?", "third?")
    first, second, third = worker.rows(job)
    worker.fail(first)
    worker.answer(second)
    worker.fail(third)
    worker.storage.redis.lpop(key("rows", job))
    worker.storage.redis.delete(key("unit", first))
    retry = client.post(f"/api/jobs/{job}/retry").get_json()["id"]

    assert [row["question"] for row in shown(client, retry)] == ["first?", "third?"]


def test_a_list_shows_the_same_from_the_archive_and_is_retried_from_it(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ask(client, "Why?", "How?")
    first, second = worker.rows(job)
    worker.answer(first)
    worker.fail(second)
    before = shown(client, job), client.get(f"/api/jobs/{job}/export").get_data()
    assert worker.ledger.archive is not None
    assert Archiver(worker.storage, worker.ledger.archive).archive(at_once=True) == 2

    assert (shown(client, job), client.get(f"/api/jobs/{job}/export").get_data()) == before
    retry = client.post(f"/api/jobs/{job}/retry").get_json()["id"]
    assert [row["question"] for row in shown(client, retry)] == ["How?"]


def test_the_export_is_a_table_that_no_spreadsheet_runs(
    client: FlaskClient, worker: HandWorker
) -> None:
    citation = {"document_id": "a.pdf", "page": 3, "quote": "q"}
    answer = {
        "answer": "=1+1", "answered": True, "confidence": 0.5, "why": None,
        "citations": [citation, citation, {"document_id": "b.md"}],
    }  # fmt: skip
    job = ask(client, "-1 degrees, what now?", "@home?", "Why?")
    rows = worker.rows(job)
    worker.ledger.work.finish(
        worker.claim(rows[0]), state="succeeded",
        fields={"result": orjson.dumps(answer).decode()},
    )  # fmt: skip
    worker.fail(rows[1])
    sent = client.get(f"/api/jobs/{job}/export")

    assert sent.content_type == "text/csv; charset=utf-8"
    assert f"answers-{job}.csv" in sent.headers["Content-Disposition"]
    table = list(csv.reader(io.StringIO(sent.get_data().decode("utf-8-sig"))))
    assert table == [
        ["n", "id", "question", "state", "answered", "confidence", "answer", "sources", "error"],
        ["1", "1", "'-1 degrees, what now?", "succeeded", "yes", "0.5", "'=1+1",
         "a.pdf, page 3; b.md", ""],
        ["2", "2", "'@home?", "failed", "", "", "", "", "No: It is broken."],
        ["3", "3", "Why?", "queued", "", "", "", "", ""],
    ]  # fmt: skip


def test_the_export_in_lines_of_json_is_what_the_pages_show(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ask(client, "Why?", "=x")
    worker.answer(worker.rows(job)[0])
    sent = client.get(f"/api/jobs/{job}/export?format=jsonl")

    assert sent.mimetype == "application/x-ndjson"
    assert [orjson.loads(line) for line in sent.get_data().splitlines()] == shown(client, job)


def test_an_export_gives_its_place_back(app: Flask, client: FlaskClient) -> None:
    job = ask(client, "Why?")
    with client.get(f"/api/jobs/{job}/export"):
        assert app.extensions["quern"].places.streams.taken == 1

    assert app.extensions["quern"].places.streams.taken == 0


def test_answers_of_a_list_withhold_what_a_deleted_document_said(
    client: FlaskClient, worker: HandWorker
) -> None:
    source = SOURCE | {"generation": 1}
    citation = {
        "marker": 1, "source": 0, "start": 0, "end": 11, "quote": "A is first.", "shown": "",
        "document_id": "a.md", "chunk_id": "a.md:1:0", "page": None,
    }  # fmt: skip
    result = ANSWER | {"citations": [citation]}
    documents = [{"id": "a.md", "text": "A is first."}]
    ingest = client.post("/api/ingests", json={"documents": documents}).get_json()["id"]
    worker.publish(worker.rows(ingest)[0], "A is first.", spans=[(0, 5)])
    job = ask(client, "Why?")
    worker.ledger.work.finish(
        worker.claim(worker.rows(job)[0]), state="succeeded",
        fields={
            "sources": orjson.dumps([source]).decode(), "result": orjson.dumps(result).decode(),
        },
    )  # fmt: skip
    delete = client.delete("/api/collections/default/documents/a.md").get_json()["id"]
    worker.remove(worker.rows(delete)[0])
    (row,) = shown(client, job)

    assert row["deleted"] == ["a.md"]
    assert "A is first" not in orjson.dumps(row).decode()
    assert b"A is first" not in client.get(f"/api/jobs/{job}/export").get_data()


def test_only_a_list_has_questions_and_it_has_no_documents(client: FlaskClient) -> None:
    listed = ask(client, "Why?")
    alone = client.post("/api/queries", json={"question": "Why?"}).get_json()["id"]

    assert client.get(f"/api/jobs/{alone}/questions").status_code == 404
    assert client.get(f"/api/jobs/{alone}/export").status_code == 404
    assert client.get(f"/api/jobs/{listed}/documents").status_code == 404
    assert client.get("/api/jobs?kind=questions").get_json()["jobs"][0]["id"] == listed


def test_events_count_the_questions_while_somebody_reads(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ask(client, "Why?", "How?")
    worker.ledger.submissions.listen(job)
    for row in worker.rows(job):
        worker.answer(row)
    told = client.get(f"/api/jobs/{job}/events").get_data(as_text=True)
    worker.storage.redis.delete(key("events", job))
    later = client.get(f"/api/jobs/{job}/events").get_data(as_text=True)

    events = [part.split("\n") for part in told.strip().split("\n\n")[1:]]
    kinds = [event[1].removeprefix("event: ") for event in events]
    assert kinds == ["state", "progress", "state", "progress", "progress", "done"]
    ends = [orjson.loads(event[2].removeprefix("data: ")) for event in events[3:5]]
    assert ends == [
        {"done": n, "total": 2, "unit": "questions", "n": n, "id": f"{n}", "state": "succeeded"}
        for n in (1, 2)
    ]
    assert '"total":2,"unit":"questions"' in later


def test_metrics_count_lists_as_jobs_and_their_questions_apart(
    client: FlaskClient, worker: HandWorker
) -> None:
    job = ask(client, "Why?", "How?", "When?")
    first, second, third = worker.rows(job)
    worker.answer(first)
    worker.fail(second)
    worker.answer(third)

    def counted() -> set[str]:
        text = client.get("/metrics").get_data(as_text=True)
        return {line for line in text.splitlines() if line.startswith("quern_")}

    expected = {
        'quern_jobs_submitted_total{kind="questions"} 1.0',
        'quern_jobs_finished_total{kind="questions",outcome="partial"} 1.0',
        'quern_questions_finished_total{outcome="ok"} 2.0',
        'quern_questions_finished_total{outcome="failed"} 1.0',
        'quern_documents_finished_total{outcome="failed"} 0.0',
    }
    # What cannot be read within a quarter second is absent from that scrape.
    assert until(lambda: expected <= counted(), told="the counts of questions")


def test_a_purge_forgets_a_list_with_its_questions(client: FlaskClient, worker: HandWorker) -> None:
    job = ask(client, "Why?", "How?")
    for row in worker.rows(job):
        worker.answer(row)
    answer = worker.ledger.scripts("purge", job, 2**53, "", 100, 0)

    assert answer[:3] == [1, 2, ""]
    assert client.get(f"/api/jobs/{job}").status_code == 404
    assert worker.storage.redis.keys(f"*{job}*") == []
