"""Why a question has no answer, through the ledger: in the result, in the events, in a search."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.generators.extractive import Extractive
from corpus.durable import open_durable
from intake.front_desk import FrontDesk
from intake.requests import QueryRequest, SearchRequest
from intake.views import JobView
from jobs.events import read_events
from jobs.leases import Leases
from protocol.messages import Message
from rag.documents import Passage
from rag.quoting.extractive import ExtractiveGenerator
from rag.search.retrieval import Found
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from tasks import query
from tasks.resources import Resources
from tests.support.twins import HashingEmbedder

TEXT = "The calibration log hangs beside the door of the archive."
PASSAGE = Passage("d:1:0", "d", 1, 0, "Rules", TEXT, 0, len(TEXT), 0.9)
HINTS = ["no document has a field 'Version'; did you mean 'version'?"]


def found(*passages: Passage, documents: int = 7, **told: Any) -> Found:
    return Found(list(passages), [], 0, 0, documents=documents, **told)


class Desk:
    """The ledger on a real Redis with a worker that finds what it is told to, and quotes."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent: list[Message] = []
        self.durable = open_durable(settings, self.sent.append)
        self.durable.catalogue.create("default")
        redis = ledger_client(settings.redis_url, connections=4)
        self.leases = Leases(self.durable.ledger, redis, name="test")
        self.desk = FrontDesk(
            settings=settings, ledger=self.durable.ledger, catalogue=self.durable.catalogue,
            blobs=self.durable.blobs, pipeline="",
        )  # fmt: skip

    def ask(self, found: Found, **body: Any) -> tuple[dict[str, Any], list[tuple[str, Any]]]:
        """Return a question's result and its events."""
        body = {"question": "When did the archive move?"} | body
        job_id = self.desk.ask(QueryRequest.from_json(body, self.settings))
        result = self._run(job_id, found)
        events = read_events(self.durable.redis, job_id, "0-0")
        return result, [(event.kind, event.data) for event in events]

    def search(self, found: Found) -> dict[str, Any]:
        request = SearchRequest.from_json({"query": "archive"}, self.settings)
        return self._run(self.desk.search(request), found)

    def _run(self, job_id: str, found: Found) -> dict[str, Any]:
        class Finder:
            def search(self, *_: object, **__: object) -> Found:
                return found

        retriever: Any = Finder()
        resources = Resources(
            durable=self.durable, leases=self.leases, retriever=retriever,
            generator=Extractive(ExtractiveGenerator(HashingEmbedder())),
        )  # fmt: skip
        while self.sent:
            message = self.sent.pop(0)
            with self.leases.claim(message.unit_id, message.stage) as lease:
                assert lease is not None
                query.search_and_answer(lease, resources)
        row = self.durable.ledger.unit(job_id)
        assert row is not None
        shown: dict[str, Any] = JobView(self.durable.ledger, self.durable.blobs).job(job_id, row)
        result: dict[str, Any] = shown["result"]
        return result


@pytest.fixture
def desk(clean_redis: str, tmp_path: Path) -> Iterator[Desk]:
    opened = Desk(Settings(redis_url=clean_redis, data_dir=tmp_path))
    yield opened
    opened.durable.redis.close()
    opened.durable.redis.connection_pool.disconnect()


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
