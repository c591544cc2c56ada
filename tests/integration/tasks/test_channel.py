"""Messages on a real Redis: each is one command of a client that is there already."""

import pytest

from protocol.keys import CELERY_PREFIX
from protocol.messages import Message
from runtime.settings import Settings
from tasks.app import make_app
from tasks.channel import OneClientChannel
from tasks.sending import sender
from tests.support.workbench import Workbench


def test_messages_are_sent_by_one_client(
    bench: Workbench, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[object] = []
    create = OneClientChannel._create_client  # type: ignore[attr-defined]  # not in the stubs

    def counted(self: OneClientChannel, asynchronous: bool = False) -> object:
        made.append(self)
        return create(self, asynchronous)

    monkeypatch.setattr(OneClientChannel, "_create_client", counted)
    with make_app(settings) as app:
        send = sender(app)
        send(Message("first", "retrieve", 0, ""))
        made.clear()
        for n in range(4):
            send(Message(f"unit-{n}", "retrieve", 0, ""))

    assert bench.redis.llen(f"{CELERY_PREFIX}retrieve") == 5
    assert not made
