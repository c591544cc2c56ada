"""Who asked to hear that a job ended hears it, signed, and though the sender is killed."""

import base64
from collections.abc import Iterator

import pytest
from redis import Redis

from protocol.keys import key
from runtime.settings import Settings
from stack.up import Stack
from tests.support.waiting import until
from tests.support.whole_stack import Api, quick_stack
from tests.support.worlds.webhook_receiver import Receiver

SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = Settings(webhook_secret=SECRET, webhook_allow_private="127.0.0.1")
    with quick_stack(data_dir=tmp_path_factory.mktemp("webhooks"), settings=settings) as running:
        yield running


def test_a_job_tells_its_own_url_and_every_webhook_and_a_refusal_is_tried_again(
    own: Stack,
) -> None:
    with (
        Api(own.url) as api,
        Receiver() as mine,
        Receiver(answer=lambda n: 500 if n == 0 else 200) as all_jobs,
    ):
        webhook = api.post("/api/webhooks", {"url": all_jobs.url})
        job = api.post(
            "/api/ingests",
            {"collection": "c", "webhook_url": mine.url, "documents": [{"id": "a", "text": "A."}]},
        )

        until(lambda: mine.heard, told="the job's own URL heard")
        until(lambda: len(all_jobs.heard) == 2, told="the webhook heard again")

        ((message, told),) = mine.messages(SECRET)
        assert message == f"msg_{job['id']}"
        assert told["type"] == "job.succeeded"
        assert told["data"]["id"] == job["id"]
        assert all_jobs.messages(webhook["secret"]) == [(message, told), (message, told)]
        where = f"/api/webhooks/{webhook['id']}"

        def delivered() -> bool:
            (last,) = api.get(f"{where}/deliveries")["deliveries"]
            return (last["state"], last["tries"], last["status"]) == ("delivered", 2, 200)

        until(delivered, told="the log says so")
        api.http.delete(where)


def test_a_sender_that_is_killed_in_the_middle_sends_the_same_message_again(own: Stack) -> None:
    with Api(own.url) as api, Receiver(answer=lambda n: 0 if n == 0 else 204) as receiver:
        webhook = api.post("/api/webhooks", {"url": receiver.url})
        asked = api.post("/api/queries", {"question": "Where is A?", "collection": "c"})
        until(lambda: receiver.heard, told="the first try is under way")

        before = own.kill("retrieval")
        own.wait_until_ready("retrieval", other_than=before)
        with Redis.from_url(own.redis_url) as redis:  # a minute later
            for name in redis.zrange(key("deliveries"), 0, -1):
                redis.zadd(key("deliveries"), {name: 0})
        until(lambda: len(receiver.heard) == 2, told="another sender tries again")

        first, second = receiver.messages(webhook["secret"])
        assert first == second
        assert first[0] == f"msg_{asked['id']}"
        api.http.delete(f"/api/webhooks/{webhook['id']}")
