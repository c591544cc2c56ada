"""Questions on a real Redis: what taking one in and looking at it costs, and what is told of it."""

from collections.abc import Iterator
from typing import Any

import pytest
from redis.connection import AbstractConnection

from corpus.storage import open_storage
from intake.errors import NotFound
from intake.requests import read_query
from intake.wiring import Intake
from jobs.ledger.submissions import Idempotency, Submitted
from protocol.keys import key
from runtime.settings import Settings

#: Units that are sent at once, before any waits in its lane.
WINDOW = 16


class Counter:
    """An intake, and what was sent to Redis for it: an item for each trip."""

    def __init__(self, settings: Settings, trips: list[object]) -> None:
        self.settings = settings
        self.trips = trips
        self.storage = open_storage(settings, lambda _message: None)
        self.intake = Intake(settings, self.storage, pipeline="")

    def ask(self, key: str = "", **body: Any) -> Submitted:
        request = read_query({"question": "What is A?"} | body, self.settings)
        given = Idempotency(key, "body") if key else None
        self.trips.clear()
        return self.intake.queries.submit_query(request, idempotency=given)

    def show(self, job_id: str) -> dict[str, Any]:
        self.trips.clear()
        return self.intake.jobs.show(job_id)


@pytest.fixture
def counter(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter]:
    sent: list[object] = []
    send = AbstractConnection.send_packed_command

    def noted(self: AbstractConnection, command: Any, **given: Any) -> None:
        sent.append(command)
        send(self, command, **given)

    monkeypatch.setattr(AbstractConnection, "send_packed_command", noted)
    counter = Counter(settings, sent)
    counter.ask()  # scripts are loaded, `default` is made, the memory is looked at
    counter.show(counter.ask().id)
    yield counter
    counter.intake.close()
    counter.storage.redis.connection_pool.disconnect()


def test_a_question_is_taken_in_and_shown_in_one_trip(counter: Counter) -> None:
    taken = counter.ask()
    shown = counter.intake.jobs.show(taken.id, seen=taken.sight)

    assert len(counter.trips) == 1
    assert shown == counter.show(taken.id)


def test_what_is_told_of_a_question_that_waits_is_what_a_look_tells(counter: Counter) -> None:
    counter.storage.redis.hset(key("pace", "retrieve"), "mean_us", 1_000_000)
    for _ in range(WINDOW):
        counter.ask()
    waiting = counter.ask(), counter.ask(priority="batch")
    taken = counter.ask(priority="batch")

    shown = counter.intake.jobs.show(taken.id, seen=taken.sight)

    assert shown == counter.show(taken.id)
    assert shown["queue"] == {"position": 3 + len(waiting), "eta_s": None}


def test_a_look_at_a_job_is_one_trip(counter: Counter) -> None:
    waiting, ended = counter.ask().id, counter.ask().id
    counter.storage.ledger.submissions.cancel(ended)

    looks = [(counter.show(job)["state"], len(counter.trips)) for job in (waiting, ended)]

    assert looks == [("queued", 1), ("cancelled", 1)]


def test_a_key_that_comes_again_leads_to_the_job_as_it_is_by_now(counter: Counter) -> None:
    first = counter.ask(key="k")
    counter.storage.ledger.submissions.cancel(first.id)

    again = counter.ask(key="k")

    assert (again.id, again.sight) == (first.id, None)


def test_a_question_goes_to_what_its_collections_name_points_at(counter: Counter) -> None:
    collections = counter.storage.catalogue.collections
    collections.create("papers")
    collections.drop("papers")
    with pytest.raises(NotFound, match="papers"):
        counter.ask(collection="papers")
    newer, _ = collections.create("papers")

    taken = counter.ask(collection="papers")

    row = counter.storage.ledger.rows.unit(taken.id)
    assert row is not None
    assert row["incarnation"] == newer


def test_a_refused_question_leaves_nothing_behind(counter: Counter) -> None:
    before = counter.storage.redis.dbsize()

    with pytest.raises(NotFound):
        counter.ask(key="k", collection="nowhere")

    assert counter.storage.redis.dbsize() == before
