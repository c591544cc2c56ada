"""Relevance on its way through the ledger: asked for, measured against, kept and shown."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jobs.requests import QueryRequest, SearchRequest
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.documents import Passage
from rag.search.retrieval import Found
from runtime.settings import Settings
from tests.support.worlds.question_house import QuestionHouse

QUESTION = "When is the oven lit in the morning?"
OVEN = Passage("a:7:0", "a", 7, 0, "", "The oven is lit at four in the morning.", 0, 39, 0.9)
SHIPS = Passage("b:7:0", "b", 7, 0, "", "Ships leave with the tide.", 0, 26, 0.8)


class Finder:
    """A retriever that finds two passages."""

    def search(self, _collection_id: str, _query: str, **_told: Any) -> Found:
        return replace(
            Found([OVEN, SHIPS], [], 0, 0), cosines={OVEN.chunk_id: 0.7, SHIPS.chunk_id: 0.1}
        )


class Reader:
    """A generator that notes what it is given."""

    name = "r"

    def __init__(self) -> None:
        self.read: list[Passage] = []

    def condense(self, question: str, *_: Any, **__: Any) -> str:
        return question

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        stop.check()
        on_delta("Four.")
        self.read = list(request.passages)
        return Answer("Four.", (), True, None, "r", {})


@pytest.fixture(params=[False, True], ids=["one worker", "two workers"])
def house(
    request: pytest.FixtureRequest, clean_redis: str, tmp_path: Path
) -> Iterator[QuestionHouse]:
    settings = Settings(
        data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis, chroma_url="http://x:9"
    )
    reader = Reader()
    opened = QuestionHouse(settings, retriever=Finder(), generator=reader, apart=request.param)
    monkeypatch = pytest.MonkeyPatch()
    monkeypatch.setattr("tasks.query.still_current", lambda _a, _b, passages: list(passages))
    yield opened
    monkeypatch.undo()
    opened.close()


def ask(house: QuestionHouse, **more: Any) -> list[dict[str, Any]]:
    """Ask, and return the sources of the answer."""
    request = QueryRequest(question=QUESTION, top_k=5, deadline_s=60, **more)
    job_id = house.run(house.intake.queries.submit_query(request).id)
    sources: list[dict[str, Any]] = house.result(job_id)["sources"]
    return sources


def test_a_question_that_asks_for_a_least_score_is_answered_from_what_is_relevant(
    house: QuestionHouse,
) -> None:
    (source,) = ask(house, least_score=0.5)

    assert source["chunk_id"] == OVEN.chunk_id
    assert source["score"] == OVEN.score
    assert 0.5 < source["relevance"] < 1


def test_relevance_is_told_where_it_is_asked_for_and_nowhere_else(house: QuestionHouse) -> None:
    oven, ships = ask(house, calibrated=True)
    plain = ask(house)
    named = ask(house, named=True)

    assert oven["relevance"] > 0.5 > ships["relevance"]
    assert all("relevance" not in source for source in plain + named)


def test_names_of_files_are_told_where_they_are_asked_for_and_nowhere_else(
    house: QuestionHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        house.storage.catalogue.documents,
        "records",
        lambda _, documents: [{"file": f"folder/{one}.md"} for one in documents],
    )
    told = [ask(house, **asked) for asked in ({"named": True}, {"calibrated": True}, {})]

    for sources in told[:2]:
        assert [source["filename"] for source in sources] == ["a.md", "b.md"]
    assert not any(source.get("filename") for source in told[2])


def test_a_search_means_the_same_by_it(house: QuestionHouse) -> None:
    request = SearchRequest(query=QUESTION, top_k=5, least_score=0.5)
    job_id = house.run(house.intake.queries.submit_search(request))
    (found,) = house.result(job_id)["results"]
    (source,) = ask(house, least_score=0.5)

    assert found["relevance"] == source["relevance"]
