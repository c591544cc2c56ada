"""`POST /api/admin/check`: a job like any other, with counted progress and a result."""

import orjson
import pytest
from flask.testing import FlaskClient

from tests.integration.conftest import HandWorker

RESULT = {"repair": True, "consistent": True, "collections": []}


def test_a_check_is_a_job_with_progress_and_a_result(
    client: FlaskClient, worker: HandWorker
) -> None:
    client.post("/api/collections", json={"name": "papers"})
    response = client.post("/api/admin/check", json={"collection": "papers", "repair": True})
    job_id = response.json["id"]
    unit = worker.claim(job_id)
    worker.ledger.work.progress(unit, done=3, total=7, what="entries")
    running = client.get(f"/api/jobs/{job_id}").json
    worker.ledger.work.finish(
        unit, state="succeeded", fields={"result": orjson.dumps(RESULT).decode()}
    )
    ended = client.get(f"/api/jobs/{job_id}").json

    assert response.status_code == 202
    assert response.headers["Location"] == f"/api/jobs/{job_id}"
    assert (running["kind"], running["stage"], running["collection"]) == (
        "check", "check", "papers",
    )  # fmt: skip
    assert running["progress"] == {"done": 3, "total": 7, "unit": "entries", "failed": 0}
    assert ended["progress"] == {"done": 7, "total": 7, "unit": "entries", "failed": 0}
    assert ended["result"] == RESULT
    assert unit.json("request") == {"collection": "papers", "repair": True}
    listed = client.get("/api/jobs?kind=check").json["jobs"]
    assert [job["id"] for job in listed] == [job_id]
    assert "result" not in listed[0]
    events = client.get(f"/api/jobs/{job_id}/events").text
    assert 'event: progress\ndata: {"done":3,"total":7,"unit":"entries"}' in events


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"collection": "nowhere"}, 404),
        ({"collection": 7}, 422),
        ({"repair": "yes"}, 422),
        ({"force": True}, 422),
        ([], 422),
    ],
)
def test_what_cannot_be_checked_is_refused(client: FlaskClient, body: object, status: int) -> None:
    assert client.post("/api/admin/check", json=body).status_code == status


def test_all_collections_are_checked_where_none_is_named(
    client: FlaskClient, worker: HandWorker
) -> None:
    shown = client.post("/api/admin/check", json={}).json

    assert shown["collection"] is None
    assert worker.claim(shown["id"]).json("request") == {"collection": None, "repair": False}
