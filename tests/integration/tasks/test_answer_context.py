"""Joined passages on their way through the ledger: kept, shown, cited, and told of when cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rag.answers.citations import Citation
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.documents import Part, Passage
from rag.search.retrieval import Found
from runtime.settings import Settings
from tests.support.worlds.question_house import QuestionHouse

TEXT = "First.\r\nSecond \U0001f682."
JOINED = Passage(
    "d:7:4", "d", 7, 4, "T", TEXT, 100, 100 + len(TEXT), 0.9, 2, {"year": 1825},
    (Part("d:7:3", 100, 106, 0.5), Part("d:7:4", 108, 100 + len(TEXT), 0.9)),
)  # fmt: skip


class Finder:
    """A retriever that finds one passage, and notes how it was asked."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def search(self, _collection_id: str, _query: str, **told: Any) -> Found:
        self.told.append(told)
        trace = {"candidates": [], "dropped": {"old:1:0": "not the current generation"}}
        found = Found([JOINED], [], 0, 0, trace if told["trace"] else None)
        return replace(found, documents=7, waiting=3)


class Reader:
    """A generator that cites both halves, for which the prompt had no room for the first."""

    name = "r"

    def __init__(self) -> None:
        self.read: list[Passage] = []

    def condense(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002
        *,
        priority: Priority,  # noqa: ARG002
        stop: StopSignal,  # noqa: ARG002
    ) -> str:
        return question

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        stop.check()
        self.read = list(request.passages)
        on_delta("Both.")
        cited = [Citation(1, 0, 100, 106, "First."), Citation(1, 0, 108, 117, "Second \U0001f682.")]
        return Answer(
            "Both [1].", cited, answered=True, confidence=None, generator="r", left_out=["d:7:3"]
        )


@pytest.fixture
def finder() -> Finder:
    return Finder()


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def house(
    clean_redis: str, tmp_path: Path, finder: Finder, reader: Reader
) -> Iterator[QuestionHouse]:
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path)
    opened = QuestionHouse(settings, retriever=finder, generator=reader)
    yield opened
    opened.close()


def test_a_joined_passage_is_one_source_that_names_its_chunks(
    house: QuestionHouse, reader: Reader
) -> None:
    result = house.result(house.ask(question="?"))

    (source,) = result["sources"]
    assert (source["text"], source["start"], source["end"]) == (TEXT, 100, 117)
    assert (source["chunk_id"], source["page"], source["score"]) == ("d:7:4", 2, 0.9)
    assert source["parts"] == [
        {"chunk_id": "d:7:3", "start": 100, "end": 106, "score": 0.5},
        {"chunk_id": "d:7:4", "start": 108, "end": 117, "score": 0.9},
    ]
    assert [one["chunk_id"] for one in result["citations"]] == ["d:7:3", "d:7:4"]
    assert reader.read == [JOINED]
    assert "trace" not in result
    assert (result["documents"], result["waiting"]) == (7, 3)


def test_a_trace_tells_what_the_prompt_had_no_room_for(
    house: QuestionHouse, finder: Finder
) -> None:
    result = house.result(house.ask(question="?", trace=True))

    assert result["trace"]["dropped"] == {
        "old:1:0": "not the current generation",
        "d:7:3": "budget: the prompt had no room for it",
    }
    assert all(told["for_context"] for told in finder.told)
