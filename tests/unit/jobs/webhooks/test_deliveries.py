"""What is sent of a job: what became of it, and no text."""

import orjson
import pytest

from jobs.webhooks.deliveries import Delivery

EVENT = {
    "type": "job.partial", "at": "1700000003000000", "created": "1700000000000000",
    "id": "0190", "kind": "ingest", "state": "partial", "collection": "work",
}  # fmt: skip


def delivery(**event: str) -> Delivery:
    return Delivery("wh_1/msg_0190", 1, 1, "https://example.org", "", event, "wh_1")


def test_a_payload_tells_type_time_and_job_the_same_at_each_try() -> None:
    told = delivery(**EVENT)

    assert told.payload() == told.payload()
    assert orjson.loads(told.payload()) == {
        "type": "job.partial",
        "timestamp": "2023-11-14T22:13:23.000Z",
        "data": {
            "id": "0190", "kind": "ingest", "state": "partial", "collection": "work",
            "created_at": "2023-11-14T22:13:20.000Z", "finished_at": "2023-11-14T22:13:23.000Z",
            "links": {"self": "/api/jobs/0190"},
        },
    }  # fmt: skip


def test_a_delivery_knows_its_endpoint_and_its_message() -> None:
    assert (delivery(**EVENT).endpoint, delivery(**EVENT).message_id) == ("wh_1", "msg_0190")


@pytest.mark.parametrize(
    ("kind", "named"), [("batch.completed", "batch_0190"), ("response.failed", "resp_0190")]
)
def test_what_openai_knows_is_told_as_openai_does(kind: str, named: str) -> None:
    told = orjson.loads(delivery(**EVENT, openai=kind).payload())

    assert told == {
        "id": "evt_0190", "object": "event", "type": kind, "created_at": 1_700_000_003,
        "data": {"id": named},
    }  # fmt: skip
