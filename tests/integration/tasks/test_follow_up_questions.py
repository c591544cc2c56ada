"""Follow-ups through the ledger: what is searched for, and who says so."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpus.durable import Durable, open_durable
from intake.front_desk import FrontDesk
from intake.requests import QueryRequest
from jobs.leases import Leases
from protocol.messages import Message
from rag.answers.generation import Answer, GenerationRequest, Priority, StopSignal, Turn
from rag.search.retrieval import Found
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from tasks import query
from tasks.resources import Resources

HISTORY = [
    {"role": "user", "text": "What is the Eiffel Tower?"},
    {"role": "assistant", "text": "A tower in Paris [1]."},
]


class Listener:
    """A retriever that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def search(self, _incarnation: str, query: str, **_: Any) -> Found:
        self.asked.append(query)
        return Found(passages=[], degraded=[], embed_ms=0, retrieve_ms=0)


class Speaker:
    """A generator that rewrites and answers in fixed words."""

    def __init__(self) -> None:
        self.requests: list[GenerationRequest] = []
        self.condensed = 0

    def condense(
        self,
        question: str,
        history: Sequence[Turn],
        *,
        priority: Priority,  # noqa: ARG002
        stop: StopSignal,
    ) -> str:
        stop.check()
        self.condensed += 1
        return f"{question} <- {history[0].text}"

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        stop.check()
        self.requests.append(request)
        on_delta("1889.")
        return Answer("1889.", (), answered=True, confidence=None, generator="speaker")


class House:
    """The ledger on a real Redis, and workers that run what was sent, one after the other."""

    def __init__(self, settings: Settings, *, apart: bool) -> None:
        self.settings = settings
        self.sent: list[Message] = []
        self.stages: list[str] = []
        self.durable: Durable = open_durable(settings, self.sent.append)
        self.leases = Leases(
            self.durable.ledger, ledger_client(settings.redis_url, connections=4), name="test"
        )
        self.desk = FrontDesk(
            settings=settings, ledger=self.durable.ledger, catalogue=self.durable.catalogue,
            blobs=self.durable.blobs, pipeline="",
        )  # fmt: skip
        self.listener, self.speaker = Listener(), Speaker()
        retrieval: Any = self.listener
        both = {"retriever": retrieval, "generator": self.speaker}
        self.roles = {
            stage: Resources(
                durable=self.durable,
                leases=self.leases,
                **({name: both[name]} if apart else both),
            )
            for stage, name in (("retrieve", "retriever"), ("generate", "generator"))
        }

    def ask(self, **body: Any) -> dict[str, str]:
        request = QueryRequest.from_json(
            {"question": "And when was it built?"} | body, self.settings
        )
        job_id = self.desk.ask(request)
        while self.sent:
            message = self.sent.pop(0)
            self.stages.append(message.stage)
            resources = self.roles[message.stage]
            with self.leases.claim(message.unit_id, message.stage) as lease:
                assert lease is not None
                if message.stage == "generate":
                    query._generate(lease, resources)
                else:
                    query.search_and_answer(lease, resources)
        row = self.durable.ledger.unit(job_id)
        assert row is not None
        return row


@pytest.fixture
def house(clean_redis: str, tmp_path: Path) -> Iterator[Callable[[bool], House]]:
    houses: list[House] = []

    def build(apart: bool) -> House:
        houses.append(House(Settings(redis_url=clean_redis, data_dir=tmp_path), apart=apart))
        houses[-1].durable.catalogue.create("default")
        return houses[-1]

    yield build
    for one in houses:
        one.durable.redis.close()
        one.durable.redis.connection_pool.disconnect()


@pytest.mark.parametrize(
    ("apart", "stages"),
    [
        (False, ["retrieve"]),  # who does both goes on
        (True, ["retrieve", "generate", "retrieve", "generate"]),
    ],
)
def test_a_follow_up_is_searched_for_with_what_its_generator_makes_of_it(
    house: Callable[[bool], House], apart: bool, stages: list[str]
) -> None:
    there = house(apart)

    row = there.ask(history=HISTORY)

    assert row["state"] == "succeeded"
    assert there.stages == stages
    assert there.listener.asked == ["And when was it built? <- What is the Eiffel Tower?"]
    assert there.speaker.condensed == 1
    told = there.speaker.requests[0]
    assert (told.question, [turn.role for turn in told.history]) == (
        "And when was it built?", ["user", "assistant"],
    )  # fmt: skip
    assert orjson.loads(row["result"])["answer"] == "1889."


def test_a_question_without_history_is_searched_for_as_it_is(
    house: Callable[[bool], House],
) -> None:
    there = house(True)

    there.ask()

    assert there.stages == ["retrieve", "generate"]
    assert there.listener.asked == ["And when was it built?"]
    assert there.speaker.condensed == 0


def test_a_follow_up_that_wants_no_passages_is_not_rewritten(
    house: Callable[[bool], House],
) -> None:
    there = house(True)

    there.ask(history=HISTORY, top_k=0)

    assert there.stages == ["generate"]
    assert there.speaker.condensed == 0
    assert not there.speaker.requests[0].grounded
    assert len(there.speaker.requests[0].history) == 2
