"""Follow-ups through the ledger: what is searched for, and who says so."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from protocol.keys import key
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.search.retrieval import Found
from runtime.settings import Settings
from tests.support.worlds.question_house import QuestionHouse

HISTORY = [
    {"role": "user", "text": "What is the Eiffel Tower?"},
    {"role": "assistant", "text": "A tower in Paris [1]."},
]


class Listener:
    """A retriever that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def search(self, _collection_id: str, query: str, **_: Any) -> Found:
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


def asked(house: QuestionHouse, **body: Any) -> dict[str, str]:
    """Return the row of the ended job."""
    return house.intake.jobs.row(house.ask(**{"question": "And when was it built?"} | body))


@pytest.fixture
def listener() -> Listener:
    return Listener()


@pytest.fixture
def speaker() -> Speaker:
    return Speaker()


@pytest.fixture
def house(
    clean_redis: str, tmp_path: Path, listener: Listener, speaker: Speaker
) -> Iterator[Callable[[bool], QuestionHouse]]:
    houses: list[QuestionHouse] = []

    def build(apart: bool) -> QuestionHouse:
        settings = Settings(redis_url=clean_redis, data_dir=tmp_path)
        houses.append(QuestionHouse(settings, retriever=listener, generator=speaker, apart=apart))
        return houses[-1]

    yield build
    for one in houses:
        one.close()


@pytest.mark.parametrize(
    ("apart", "stages"),
    [
        (False, ["retrieve"]),  # who does both goes on
        (True, ["retrieve", "generate", "retrieve", "generate"]),
    ],
)
def test_a_follow_up_is_searched_for_with_what_its_generator_makes_of_it(
    house: Callable[[bool], QuestionHouse],
    listener: Listener,
    speaker: Speaker,
    apart: bool,
    stages: list[str],
) -> None:
    there = house(apart)

    row = asked(there, history=HISTORY)

    assert row["state"] == "succeeded"
    assert there.stages == stages
    assert listener.asked == ["And when was it built? <- What is the Eiffel Tower?"]
    assert speaker.condensed == 1
    told = speaker.requests[0]
    assert (told.question, [turn.role for turn in told.history]) == (
        "And when was it built?", ["user", "assistant"],
    )  # fmt: skip
    assert orjson.loads(row["result"])["answer"] == "1889."


def test_a_question_without_history_is_searched_for_as_it_is(
    house: Callable[[bool], QuestionHouse], listener: Listener, speaker: Speaker
) -> None:
    there = house(True)

    asked(there)

    assert there.stages == ["retrieve", "generate"]
    assert listener.asked == ["And when was it built?"]
    assert speaker.condensed == 0


def test_a_follow_up_that_wants_no_passages_is_not_rewritten(
    house: Callable[[bool], QuestionHouse], speaker: Speaker
) -> None:
    there = house(True)

    asked(there, history=HISTORY, top_k=0)

    assert there.stages == ["generate"]
    assert speaker.condensed == 0
    assert not speaker.requests[0].grounded
    assert len(speaker.requests[0].history) == 2


def test_a_follow_up_that_another_build_accepted_is_answered(
    house: Callable[[bool], QuestionHouse], listener: Listener, speaker: Speaker
) -> None:
    there = house(True)
    job_id = there.accept(question="?")
    kept = (
        '{"question":"How tall is it?","history":[{"role":"user","text":"Where is the tower?"}],'
        '"collection":"default","top_k":10,"filters":null,"priority":"batch","max_tokens":7,'
        '"temperature":0.5,"trace":false,"deadline_s":300,"cancel_on_disconnect":false,"mood":1}'
    )
    there.storage.redis.hset(key("unit", job_id), "request", kept)

    there.run(job_id)

    assert there.intake.jobs.row(job_id)["state"] == "succeeded"
    assert listener.asked == ["How tall is it? <- Where is the tower?"]
    (told,) = speaker.requests
    assert (told.max_tokens, told.temperature, told.priority) == (7, 0.5, "batch")
    assert [turn.text for turn in told.history] == ["Where is the tower?"]
