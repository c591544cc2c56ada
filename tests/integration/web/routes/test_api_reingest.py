"""Reading a document again from the bytes that were kept of it."""

from io import BytesIO
from typing import Any

from flask.testing import FlaskClient

from protocol.keys import key
from tests.integration.conftest import HandWorker

PATH = "/api/collections/default/documents/a/b.md"


def ended(client: FlaskClient, worker: HandWorker, job: Any) -> dict[str, Any]:
    for row in worker.rows(job["id"]):
        worker.publish(row, "Parsed.", spans=[(0, 7)])
    (row,) = client.get(f"/api/jobs/{job['id']}/documents").get_json()["documents"]
    return dict(row)


def test_a_text_is_read_again_as_it_came(client: FlaskClient, worker: HandWorker) -> None:
    document = {"id": "a/b.md", "text": "# One", "title": "Given", "metadata": {"by": "me"}}
    ended(client, worker, client.post("/api/ingests", json={"documents": [document]}).get_json())
    before = client.get(PATH).get_json()
    answer = client.post(f"{PATH}/reingest")
    job = answer.get_json()
    (unit,) = worker.rows(job["id"])
    row = worker.storage.redis.hgetall(key("unit", unit))

    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/jobs/{job['id']}"
    assert (row["title"], row["filename"]) == ("T", "")
    assert client.get(PATH).get_json()["generation"] == before["generation"]
    assert ended(client, worker, job)["outcome"] == "updated"
    after = client.get(PATH).get_json()
    assert after["generation"] > before["generation"]
    assert (after["sha256"], after["metadata"]) == (before["sha256"], {"by": "me"})


def test_a_file_keeps_its_name_and_its_title_is_read_anew(
    client: FlaskClient, worker: HandWorker
) -> None:
    files = {"files": (BytesIO(b"# One"), "a/b.md"), "metadata": '{"by": "me"}'}
    job = client.post("/api/ingests", data=files).get_json()
    ended(client, worker, job)
    (unit,) = worker.rows(client.post(f"{PATH}/reingest").get_json()["id"])
    row = worker.storage.redis.hgetall(key("unit", unit))

    assert (row["title"], row["filename"]) == ("", "a/b.md")


def test_asked_twice_with_a_key_it_is_one_job(client: FlaskClient, worker: HandWorker) -> None:
    document = {"id": "a/b.md", "text": "# One"}
    ended(client, worker, client.post("/api/ingests", json={"documents": [document]}).get_json())
    headers = {"Idempotency-Key": "again"}
    first = client.post(f"{PATH}/reingest", headers=headers).get_json()
    again = client.post(f"{PATH}/reingest", headers=headers).get_json()

    assert first["id"] == again["id"]


def test_what_is_not_there_or_lost_its_bytes_cannot_be_read_again(
    client: FlaskClient, worker: HandWorker
) -> None:
    missing = client.post(f"{PATH}/reingest").status_code
    document = {"id": "a/b.md", "text": "# One"}
    ended(client, worker, client.post("/api/ingests", json={"documents": [document]}).get_json())
    sha256 = client.get(PATH).get_json()["sha256"]
    (worker.storage.blobs._folder / sha256[:2] / sha256).unlink()
    answer = client.post(f"{PATH}/reingest")

    assert missing == 404
    assert answer.status_code == client.get(f"{PATH}/file").status_code
    assert "missing" in answer.get_json()["detail"]
