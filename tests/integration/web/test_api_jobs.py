import time
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.units import Delta
from protocol.ids import new_id
from tests.support.workbench import hand_over
from web.callers import Caller
from web.http.event_stream import EventStream


def ask(client: FlaskClient, **body: Any) -> str:
    answer = client.post("/api/queries", json={"question": "What is A?"} | body)
    job_id: str = answer.get_json()["id"]
    return job_id


def events(client: FlaskClient, job_id: str, after: str = "") -> list[tuple[str, str, Any]]:
    """Read a stream to its end."""
    headers = {"Last-Event-ID": after} if after else {}
    with client.get(f"/api/jobs/{job_id}/events", headers=headers) as answer:
        text = answer.get_data(as_text=True)
    assert answer.status_code == 200, text
    assert answer.mimetype == "text/event-stream"
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if ": " in line)
        if "event" in fields:
            found.append((fields["id"], fields["event"], orjson.loads(fields["data"])))
    return found


def test_a_stream_tells_everything_in_order(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    worker.answer(job_id)

    told = events(client, job_id)

    assert [kind for _, kind, _ in told] == [
        "state", "state", "stage", "sources", "stage", "token", "token", "done",
    ]  # fmt: skip
    assert told[3][2]["sources"][0]["document_id"] == "a.md"
    assert "".join(data["text"] for _, kind, data in told if kind == "token") == "A is first. [1]"
    done = told[-1][2]
    assert done["state"] == "succeeded"
    assert done["result"]["sources"][0]["chunk_id"] == "a.md:1:0"


def test_a_stream_goes_on_after_the_last_event_seen(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    worker.answer(job_id)
    told = events(client, job_id)
    for n in range(len(told) - 1):
        assert events(client, job_id, after=told[n][0]) == told[n + 1 :]


def test_a_stream_that_was_read_to_its_end_has_no_content(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    worker.answer(job_id)
    last = events(client, job_id)[-1][0]

    answer = client.get(f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": last})

    assert answer.status_code == 204


def test_an_expired_stream_is_told_from_the_row(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    worker.answer(job_id)
    told = events(client, job_id)
    worker.storage.redis.delete(f"quern:events:{job_id}")
    replayed = events(client, job_id)
    resumed = events(client, job_id, after=told[4][0])
    over = client.get(f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": told[-1][0]})
    over_again = client.get(
        f"/api/jobs/{job_id}/events", headers={"Last-Event-ID": replayed[-1][0]}
    )

    assert [kind for _, kind, _ in replayed] == ["sources", "verdict", "token", "done"]
    assert replayed[1][2] == {"answered": True, "confidence": 0.9}
    assert replayed[2][2]["text"] == "A is first. [1]"
    assert replayed[-1][2] == told[-1][2]
    assert [kind for _, kind, _ in resumed] == ["reset", "sources", "verdict", "token", "done"]
    assert (over.status_code, over_again.status_code) == (204, 204)


def test_passages_in_the_blob_store_are_sent_in_full(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    blob = worker.storage.blobs.put_json([{"document_id": "far"}])
    hand_over(
        worker.ledger, worker.claim(job_id), stage="generate", fields={"sources_blob": blob},
        event="sources", data={"blob": blob},
    )  # fmt: skip
    worker.generate(job_id)
    told = events(client, job_id)

    assert [data for _, kind, data in told if kind == "sources"] == [
        {"sources": [{"document_id": "far"}]}
    ]
    assert told[-1][2]["result"]["sources"] == [{"document_id": "far"}]


def test_a_result_in_the_blob_store_is_shown_as_any_other(client: FlaskClient, worker: Any) -> None:
    job_id, other = ask(client, top_k=0), ask(client, top_k=0)
    blob = worker.storage.blobs.put_json({"answer": "long", "answered": True})
    for name, lies in ((job_id, blob), (other, "0" * 64)):
        worker.ledger.work.finish(
            worker.claim(name), state="succeeded", fields={"result_blob": lies}
        )

    shown = client.get(f"/api/jobs/{job_id}").get_json()
    assert shown["result"] == {"answer": "long", "answered": True, "sources": []}
    assert events(client, job_id)[-1][2]["result"] == shown["result"]
    gone = client.get(f"/api/jobs/{other}").get_json()
    assert (gone["state"], gone["error"]["type"]) == ("succeeded", "result_gone")


def test_a_new_attempt_resets_the_tokens(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client, top_k=0)
    unit = worker.claim(job_id)
    worker.ledger.work.append_deltas([Delta(unit, 1, "lost")])
    worker.ledger.work.release(unit, at_once=True)
    worker.generate(job_id)

    kinds = [kind for _, kind, _ in events(client, job_id)]
    assert kinds.index("reset") > kinds.index("token")


def test_an_ingest_tells_its_progress(client: FlaskClient, worker: Any) -> None:
    body = {"documents": [{"id": "a", "text": "x"}, {"id": "b", "text": "y"}]}
    job_id = client.post("/api/ingests", json=body).get_json()["id"]
    worker.ledger.submissions.listen(job_id)
    for name in worker.rows(job_id):
        worker.fail(name)
    told = events(client, job_id)

    progress = [data for _, kind, data in told if kind == "progress"]
    assert [data["done"] for data in progress] == [0, 1, 2]
    assert [data["document_id"] for data in progress[1:]] == ["a", "b"]
    assert told[-1][1:] == ("done", {"state": "failed"})


def test_the_end_of_a_job_leaves_no_place_taken(
    app: Flask, client: FlaskClient, worker: Any
) -> None:
    job_id = ask(client)
    worker.answer(job_id)
    for _ in range(10):
        events(client, job_id)

    assert app.extensions["quern"].places.streams.taken == 0


def test_a_senseless_event_id_is_refused(client: FlaskClient) -> None:
    headers = {"Last-Event-ID": "soon"}

    assert client.get(f"/api/jobs/{ask(client)}/events", headers=headers).status_code == 422


def test_a_waiting_job_is_cancelled_at_once(client: FlaskClient) -> None:
    job_id = ask(client)
    first, again = client.delete(f"/api/jobs/{job_id}"), client.delete(f"/api/jobs/{job_id}")

    assert (first.status_code, again.status_code) == (202, 200)
    assert first.get_json()["state"] == again.get_json()["state"] == "cancelled"


def test_a_running_job_is_told_to_stop(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    unit = worker.claim(job_id)
    answer = client.delete(f"/api/jobs/{job_id}")

    assert answer.status_code == 202
    assert answer.get_json()["state"] == "running"
    assert worker.ledger.work.finish(unit, state="succeeded", fields={}) == "cancelled"


def test_a_cancelled_ingest_ends_and_takes_no_more(client: FlaskClient) -> None:
    body = {"open": True, "documents": [{"id": "a", "text": "x"}]}
    job_id = client.post("/api/ingests", json=body).get_json()["id"]
    client.delete(f"/api/jobs/{job_id}")

    assert client.get(f"/api/jobs/{job_id}").get_json()["state"] == "cancelled"
    assert client.post(f"/api/jobs/{job_id}/documents", json=body).status_code in (409, 422)


def test_a_cancelled_ingest_counts_what_is_there(client: FlaskClient, worker: Any) -> None:
    documents = [{"id": name, "text": "Some text."} for name in ("a", "b", "c")]
    job_id = client.post("/api/ingests", json={"documents": documents}).get_json()["id"]
    first, second, _ = worker.rows(job_id)
    worker.publish(first, "Some text.", spans=[(0, 10)])
    hand_over(worker.ledger, worker.claim(second), stage="publish", fields={"chunks": 20})
    client.delete(f"/api/jobs/{job_id}")

    shown = client.get(f"/api/jobs/{job_id}").get_json()
    rows = client.get(f"/api/jobs/{job_id}/documents").get_json()["documents"]

    progress = {"done": 3, "total": 3, "unit": "documents", "failed": 0, "cancelled": 2}
    assert (shown["state"], shown["progress"]) == ("cancelled", progress)
    assert [row["chunks"] for row in rows] == [1, 0, 0]


def test_a_failed_question_is_retried_as_a_new_job(client: FlaskClient, worker: Any) -> None:
    job_id = ask(client)
    assert client.post(f"/api/jobs/{job_id}/retry").status_code == 409
    worker.fail(job_id)
    answer = client.post(f"/api/jobs/{job_id}/retry")

    assert answer.status_code == 202
    assert answer.get_json()["retry_of"] == job_id
    assert answer.headers["Location"] == f"/api/jobs/{answer.get_json()['id']}"
    before = client.get(f"/api/jobs/{job_id}").get_json()
    assert (before["error"]["type"], before["state"]) == ("corrupt", "failed")
    assert before["retried_as"] == answer.get_json()["id"]


@pytest.mark.parametrize("path", ["", "/events", "/documents"])
def test_an_unknown_job_is_not_found_and_an_old_one_gone(client: FlaskClient, path: str) -> None:
    old = new_id(now_ms=int(time.time() * 1000) - 8 * 86_400_000)

    assert client.get(f"/api/jobs/{new_id()}{path}").status_code == 404
    assert client.get(f"/api/jobs/{old}{path}").status_code == 410
    assert client.get(f"/api/jobs/nonsense{path}").status_code == 404


def test_jobs_are_listed_newest_first_in_pages(client: FlaskClient, worker: Any) -> None:
    made = [ask(client) for _ in range(5)]
    worker.storage.redis.delete(f"quern:unit:{made[2]}")
    seen, cursor = [], None
    while True:
        given = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = client.get("/api/jobs", query_string=given).get_json()
        seen += [job["id"] for job in page["jobs"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break

    assert seen == [made[4], made[3], made[1], made[0]]


def test_jobs_are_listed_by_state_kind_and_collection(client: FlaskClient, worker: Any) -> None:
    first, second = ask(client), ask(client)
    worker.answer(first)
    ingest = client.post("/api/ingests", json={"open": True, "collection": "books"}).get_json()[
        "id"
    ]

    def listed(**given: str) -> list[str]:
        jobs = client.get("/api/jobs", query_string=given).get_json()["jobs"]
        return [job["id"] for job in jobs]

    assert listed(state="succeeded") == [first]
    assert listed(state="queued", kind="query") == [second]
    assert listed(kind="ingest") == listed(collection="books") == [ingest]
    assert "result" not in client.get("/api/jobs?state=succeeded").get_json()["jobs"][0]


@pytest.mark.parametrize(
    "query", ["state=odd", "kind=odd", "limit=0", "limit=201", "limit=x", "cursor=%21", "cursor=YQ",
              "colour=red", "limit=1&limit=2"],
)  # fmt: skip
def test_a_wrong_parameter_is_refused(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/api/jobs?{query}")

    assert answer.status_code == 422
    assert answer.get_json()["errors"][0]["field"] == query.split("=", maxsplit=1)[0]


def test_a_silent_stream_is_kept_alive_by_comments(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web.http.event_stream.KEEP_ALIVE_S", 0.05)
    monkeypatch.setattr("web.http.event_stream.POLL_S", 0.02)
    parts = app.extensions["quern"]
    lines = stream(parts, ask(client)).lines()
    told = [next(lines) for _ in range(4)]
    lines.close()

    assert [line.split(":", maxsplit=1)[0] for line in told] == ["retry", "id", "", ""]
    assert told[-1].endswith("\n\n")


class Gone(Caller):
    """A caller who has closed the connection, once told so."""

    left = False

    @property
    def gone(self) -> bool:
        return self.left


def stream(parts: Any, job_id: str, caller: Caller | None = None) -> EventStream:
    """Open the stream of a job as its route does."""
    row = parts.intake.jobs.row(job_id)
    return EventStream(
        parts.intake, job_id, after="0-0", caller=caller or Caller({}),
        departures=parts.departures, reader=parts.intake.control.reader(job_id, row),
    )  # fmt: skip


def state(parts: Any, job_id: str) -> str:
    return str(parts.intake._storage.ledger.rows.unit(job_id)["state"])


def test_a_job_that_did_not_ask_for_it_outlives_its_reader(app: Flask, client: FlaskClient) -> None:
    parts = app.extensions["quern"]
    states = []
    for wanted in (False, True):
        job_id, caller = ask(client, cancel_on_disconnect=wanted), Gone({})
        lines = stream(parts, job_id, caller).lines()
        next(lines)
        caller.left = True
        lines.close()
        states.append(state(parts, job_id))

    assert states == ["queued", "cancelled"]


def test_a_server_that_ends_cancels_nothing(app: Flask, client: FlaskClient) -> None:
    parts = app.extensions["quern"]
    job_id = ask(client, cancel_on_disconnect=True)
    lines = stream(parts, job_id).lines()
    next(lines)
    lines.close()

    assert state(parts, job_id) == "queued"


def test_a_job_that_several_read_ends_with_the_last_of_them(
    app: Flask, client: FlaskClient
) -> None:
    parts = app.extensions["quern"]
    job_id = ask(client, cancel_on_disconnect=True)
    callers = [Gone({}), Gone({})]
    streams = [stream(parts, job_id, caller).lines() for caller in callers]
    for lines in streams:
        next(lines)
        next(lines)
    states = []
    for caller, lines in zip(callers, streams, strict=True):
        caller.left = True
        lines.close()
        states.append(state(parts, job_id))

    assert states == ["queued", "cancelled"]


# A key for whatever makes a job ---------------------------------------------------------------


def keyed(client: FlaskClient, worker: Any, what: str) -> dict[str, Any]:
    """A request that takes a key, and what it needs to be there."""
    made = client.post("/api/ingests", json={"documents": [{"id": "a", "text": "one"}]}).get_json()
    (row,) = worker.rows(made["id"])
    if what == "retry":
        worker.fail(row)
        return {"method": "POST", "path": f"/api/jobs/{made['id']}/retry"}
    worker.publish(row, "one", spans=[(0, 3)])
    opened = client.post("/api/ingests", json={"open": True}).get_json()["id"]
    base = "/api/collections/default/documents"
    known: dict[str, dict[str, Any]] = {
        "close": {"method": "POST", "path": f"/api/jobs/{opened}/close"},
        "delete": {"method": "DELETE", "path": f"{base}/a"},
        "delete many": {"method": "POST", "path": f"{base}/delete", "json": {"ids": ["a"]}},
        "reindex": {
            "method": "POST", "path": "/api/admin/reindex", "json": {"collection": "default"}
        },
        "check": {"method": "POST", "path": "/api/admin/check", "json": {}},
    }  # fmt: skip
    return known[what]


@pytest.mark.parametrize("what", ["retry", "close", "delete", "delete many", "reindex", "check"])
def test_a_request_that_comes_again_with_its_key_is_the_same_job(
    client: FlaskClient, worker: Any, what: str
) -> None:
    request = keyed(client, worker, what)
    key = {"Idempotency-Key": "once"}
    first, again = (client.open(**request, headers=key).get_json()["id"] for _ in range(2))
    client.delete(f"/api/jobs/{first}")
    ended = client.open(**request, headers=key).get_json()["id"]

    assert [again, ended] == [first, first]
    other = client.post("/api/queries", json={"question": "x"}, headers=key)
    assert other.status_code == 422
    unusable = {"Idempotency-Key": "with a space"}
    assert client.open(**request, headers=unusable).status_code == 422


def test_what_a_model_wrote_is_html_too_where_that_is_asked_for(
    client: FlaskClient, worker: Any
) -> None:
    job_id = ask(client, top_k=0)
    result = {"answer": "It is **so** <b>.", "answered": True, "generator": "a-model"}
    worker.ledger.work.finish(
        worker.claim(job_id), state="succeeded",
        fields={"result": orjson.dumps(result).decode()},
    )  # fmt: skip
    told = client.get(f"/api/jobs/{job_id}?html=true").get_json()["result"]

    assert told["answer_html"] == "<p>It is <strong>so</strong> &lt;b&gt;.</p>\n"
    assert "answer_html" not in client.get(f"/api/jobs/{job_id}").get_json()["result"]
    assert client.get(f"/api/jobs/{job_id}?html=1").status_code == 422
