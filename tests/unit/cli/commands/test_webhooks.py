"""`quern webhooks` against a stand-in for the API."""

from tests.support.fake_api import NOW, FakeApi, Quern, ok

SHOWN = {
    "id": "wh_1", "url": "https://example.org/hook", "state": "disabled", "created_at": NOW,
    "links": {},
}  # fmt: skip
SENT = {
    "message_id": "msg_j1", "type": "job.failed", "job_id": "j1", "url": None, "state": "given_up",
    "tries": 7, "tried_at": NOW, "status": 500, "error": None, "took_ms": 1_200,
}  # fmt: skip


def test_webhooks_are_listed_with_their_states(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/webhooks", ok({"webhooks": [SHOWN]}))

    line = quern("webhooks").stdout.splitlines()[-1]

    assert line.split()[:2] == ["wh_1", "disabled"]
    assert line.endswith("https://example.org/hook")


def test_a_webhook_is_added_and_its_secret_printed_whole(quern: Quern, api: FakeApi) -> None:
    secret = "whsec_" + "A" * 120
    api.on("POST", "/api/webhooks", ok(SHOWN | {"secret": secret}, 201))

    done = quern("webhooks", "add", "https://example.org/hook")

    assert secret in done.stdout
    quern("webhooks", "add", "https://example.org/hook", "--openai")
    sent = {"url": "https://example.org/hook"}
    assert api.bodies("POST", "/api/webhooks") == [sent, sent | {"form": "openai"}]


def test_what_was_sent_is_listed_and_sent_again(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/webhooks/wh_1/deliveries", ok({"deliveries": [SENT]}))
    api.on("POST", "/api/webhooks/wh_1/deliveries/msg_j1/replay", ok({}, 202))
    api.on("POST", "/api/webhooks/wh_1/test", ok({"message_id": "msg_t"}, 202))
    api.on("DELETE", "/api/webhooks/wh_1", ok(None, 204))

    words = quern("webhooks", "deliveries", "wh_1").stdout.split()

    assert {"msg_j1", "job.failed", "given_up", "7", "500"} <= set(words)
    assert quern("webhooks", "replay", "wh_1", "msg_j1").stdout == "It will be sent.\n"
    assert "msg_t" in quern("webhooks", "test", "wh_1").stdout
    assert quern("webhooks", "remove", "wh_1").stdout == "Removed.\n"
