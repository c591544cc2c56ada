"""The sender on a real ledger and a real receiver."""

import base64

import pytest

from adapters.webhooks.addresses import Allowed
from adapters.webhooks.sender import WebhookSender, pause_after
from jobs.webhooks.deliveries import Deliveries
from protocol import timings
from protocol.keys import key
from tests.support.waiting import until
from tests.support.workbench import Workbench
from tests.support.worlds.webhook_receiver import Receiver

SECRET = "whsec_" + base64.b64encode(b"j" * 24).decode()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timings, "WEBHOOK_POLL_S", 0.02)
    monkeypatch.setattr(timings, "WEBHOOK_PAUSES_S", (0.02, 0.02))


@pytest.fixture
def deliveries(bench: Workbench) -> Deliveries:
    return Deliveries(bench.redis, bench.scripts)


def sender(deliveries: Deliveries, *, secret: str = SECRET) -> WebhookSender:
    return WebhookSender(deliveries, allowed=Allowed("127.0.0.1"), job_secret=secret)


def state(deliveries: Deliveries, endpoint: str) -> list[tuple[str, str]]:
    return [(told["state"], told["attempts"]) for told in deliveries.log(endpoint)]


def test_what_is_refused_is_tried_again_and_given_up_after_the_last_pause(
    deliveries: Deliveries,
) -> None:
    with Receiver(answer=lambda _n: 503) as receiver, sender(deliveries):
        endpoint, secret = deliveries.add_endpoint(receiver.url)
        message = deliveries.test(endpoint)
        until(lambda: state(deliveries, endpoint) == [("given_up", "3")], told="it is given up")

    assert [name for name, _ in receiver.messages(secret)] == [message] * 3


def test_a_receiver_that_is_gone_hears_nothing_more(deliveries: Deliveries) -> None:
    with Receiver(answer=lambda _n: 410) as receiver, sender(deliveries):
        endpoint, _ = deliveries.add_endpoint(receiver.url)
        deliveries.test(endpoint)
        until(lambda: "disabled" in deliveries.endpoints()[0], told="it is disabled")

    assert len(receiver.heard) == 1


def test_of_whom_nothing_is_sent_to_any_more_nothing_is_kept(deliveries: Deliveries) -> None:
    with Receiver() as receiver, sender(deliveries) as sending:
        endpoint, _ = deliveries.add_endpoint(receiver.url)
        deliveries.test(endpoint)
        until(lambda: state(deliveries, endpoint) == [("delivered", "1")], told="it is delivered")

    assert list(sending._running) == []


@pytest.mark.parametrize("secret", ["", "not a secret"])
def test_a_try_that_cannot_be_signed_is_one_that_failed(
    bench: Workbench, deliveries: Deliveries, secret: str
) -> None:
    with Receiver() as receiver, sender(deliveries, secret=secret):
        unit_id = bench.ask()
        bench.redis.hset(key("unit", unit_id), "webhook_url", receiver.url)
        bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})
        until(lambda: state(deliveries, "jobs") == [("given_up", "3")], told="it is given up")

    assert receiver.heard == []


def test_pauses_grow_and_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    pauses = [pause_after(tries) for tries in range(1, 8)]

    wanted = (5, 30, 120, 900, 3_600, 21_600)
    assert [p and round(p / w, 1) for p, w in zip(pauses, wanted, strict=False)] == pytest.approx(
        [1.0] * 6, abs=0.11
    )
    assert pauses[6] is None
