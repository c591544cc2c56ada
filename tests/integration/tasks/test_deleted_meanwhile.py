"""What was deleted or replaced after it was found is in no answer, however often that happens."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from jobs.events import read_events
from protocol.keys import key
from rag.answers.citations import Citation
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.documents import Passage
from rag.search.retrieval import Found
from runtime.settings import Settings
from tasks import query
from tests.support.worlds.question_house import QuestionHouse


def passage(document: str, generation: int, text: str) -> Passage:
    chunk = f"{document}:{generation}:0"
    return Passage(chunk, document, generation, 0, document, text, 0, len(text), 0.9)


FOUND = [passage("gone", 1, "Deleted text."), passage("stays", 1, "Text that stays.")]


class Finder:
    """Finds a document that is deleted by the time somebody answers, and one that stays."""

    searches = 0

    def search(self, _collection_id: str, _query: str, **_: Any) -> Found:
        self.searches += 1
        return Found(list(FOUND), [], 0, 0, None)


class Reader:
    """Quotes the last passage that it is given."""

    name = "r"

    def __init__(self) -> None:
        self.read: list[str] = []

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
        self,
        request: GenerationRequest,
        *,
        on_delta: Callable[[str], None],  # noqa: ARG002
        stop: StopSignal,
    ) -> Answer:
        stop.check()
        self.read = [p.document_id for p in request.passages]
        if not request.passages:
            return Answer("Nothing.", [], answered=False, confidence=None, generator="r")
        n, last = len(request.passages), request.passages[-1]
        cited = [Citation(n - 1, 0, 0, len(last.text), last.text)]
        return Answer(f"{last.text} [{n}]", cited, answered=True, confidence=None, generator="r")


class House(QuestionHouse):
    """A house whose collection has the document that stays alone."""

    reader: Reader
    finder: Finder

    def make_current(self) -> None:
        (inc,) = self.storage.catalogue.collections.collection_ids().values()
        self.storage.redis.hset(key("current", inc), "stays", "1:1:1")


@pytest.fixture(params=[True, False], ids=["apart", "in one body"])
def house(request: pytest.FixtureRequest, clean_redis: str, tmp_path: Path) -> Iterator[House]:
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path)
    finder, reader = Finder(), Reader()
    opened = House(settings, retriever=finder, generator=reader, apart=request.param)
    opened.finder, opened.reader = finder, reader
    opened.make_current()
    yield opened
    opened.close()


def test_what_was_deleted_is_not_quoted_and_the_rest_answers_under_its_own_number(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(query, "LOOK_AGAIN_S", -1.0)  # as after a search that took long
    job = house.ask(question="?")
    result = house.result(job)

    assert house.reader.read == ["stays"]
    assert result["answer"] == "Text that stays. [1]"
    assert [source["document_id"] for source in result["sources"]] == ["stays"]
    assert [c["document_id"] for c in result["citations"]] == ["stays"]
    told = [e for e in read_events(house.storage.redis, job, "0-0") if e.kind == "sources"]
    assert "gone" not in str(told[-1].data)


@pytest.mark.parametrize("look_again_s", [-1.0, query.LOOK_AGAIN_S])
def test_a_question_is_retrieved_anew_before_what_is_left_answers(
    clean_redis: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, look_again_s: float
) -> None:
    monkeypatch.setattr(query, "LOOK_AGAIN_S", look_again_s)
    settings = Settings(redis_url=clean_redis, data_dir=tmp_path)
    finder, reader = Finder(), Reader()
    house = House(settings, retriever=finder, generator=reader, apart=True)
    house.make_current()
    house.ask(question="?")

    assert finder.searches == query.RETRIEVALS
    assert reader.read == ["stays"]
    house.close()
