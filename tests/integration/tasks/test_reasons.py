"""Why a question has no answer, through the ledger: in the result, in the events, in a search."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.generators.extractive import Extractive
from jobs.events import read_events
from rag.documents import Passage
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.search.retrieval import Found
from runtime.settings import Settings
from tests.support.worlds.question_house import QuestionHouse

TEXT = "The calibration log hangs beside the door of the archive."
PASSAGE = Passage("d:1:0", "d", 1, 0, "Rules", TEXT, 0, len(TEXT), 0.9)
HINTS = ["no document has a field 'Version'; did you mean 'version'?"]


def found(*passages: Passage, documents: int = 7, **told: Any) -> Found:
    return Found(list(passages), [], 0, 0, documents=documents, **told)


class Finder:
    """A retriever that finds what it is told to."""

    found: Found

    def search(self, *_: object, **__: object) -> Found:
        return self.found


class Desk:
    """Asks and searches where it is said what is found; the answers are quotes."""

    def __init__(self, settings: Settings) -> None:
        self._finder = Finder()
        quotes = Extractive(ExtractiveGenerator(HashingEmbedder()))
        self.house = QuestionHouse(settings, retriever=self._finder, generator=quotes)

    def ask(self, found: Found, **body: Any) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
        """Return a question's result and its events."""
        self._finder.found = found
        job_id = self.house.ask(**{"question": "When did the archive move?"} | body)
        events = read_events(self.house.storage.redis, job_id, "0-0")
        return self.house.result(job_id), [(event.kind, event.data) for event in events]

    def search(self, found: Found) -> dict[str, Any]:
        """Return a search's result."""
        self._finder.found = found
        return self.house.result(self.house.search(query="archive"))


@pytest.fixture
def desk(clean_redis: str, tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(Settings(redis_url=clean_redis, data_dir=tmp_path))
    yield opened
    opened.house.close()


CASES: dict[str, Callable[[], Found]] = {
    "no_documents": lambda: found(documents=0, waiting=48),
    "nothing_matches_filter": lambda: found(unmatched=True, hints=HINTS),
    "not_in_documents": found,
}


@pytest.mark.parametrize("why", CASES)
def test_a_question_and_a_search_say_why_they_have_nothing(desk: Desk, why: str) -> None:
    seen = CASES[why]()
    result, events = desk.ask(seen)
    searched = desk.search(seen)

    assert (result["answered"], result["why"], searched["why"]) == (False, why, why)
    assert result["waiting"] == searched["waiting"] == seen.waiting
    assert result.get("filter_hints") == searched.get("filter_hints") == (list(seen.hints) or None)
    assert dict(events)["verdict"]["why"] == why


def test_where_there_are_no_documents_nothing_ails_the_filter(desk: Desk) -> None:
    result, _ = desk.ask(found(documents=0, unmatched=True, hints=HINTS))

    assert result["why"] == "no_documents"
    assert "filter_hints" not in result


def test_the_verdict_comes_before_the_text(desk: Desk) -> None:
    result, events = desk.ask(found(PASSAGE, waiting=2))
    kinds = [kind for kind, _ in events]
    verdict = dict(events)["verdict"]

    assert kinds[-4:] == ["sources", "verdict", "token", "done"]
    assert verdict == {
        "answered": result["answered"], "confidence": result["confidence"], "why": result["why"],
        "documents": 7, "waiting": 2,
    }  # fmt: skip


def test_where_there_is_an_answer_there_is_no_reason(desk: Desk) -> None:
    result, _ = desk.ask(found(PASSAGE), question="The calibration log hangs beside the door?")
    searched = desk.search(found(PASSAGE))

    assert (result["answered"], result["why"], searched["why"]) == (True, None, None)


def test_who_wants_no_passages_is_told_that_none_were_searched(desk: Desk) -> None:
    result, _ = desk.ask(found(), top_k=0)

    assert (result["answered"], result["why"]) == (False, "not_searched")


def test_a_code_that_no_passage_has_is_named(desk: Desk) -> None:
    lacking, _ = desk.ask(found(PASSAGE), question="What does E-4711 on the calibration log mean?")
    without, _ = desk.ask(found(PASSAGE), question="What hangs beside the calibration log?")

    assert (lacking["answered"], lacking["missing"]) == (False, ["E-4711"])
    assert "missing" not in without
