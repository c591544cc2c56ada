"""Joined passages on their way through the ledger: kept, shown, cited, and told of when cut."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpus.durable import Durable, open_durable
from intake.front_desk import FrontDesk
from intake.requests import QueryRequest
from intake.views import JobView
from jobs.leases import Leases
from protocol.messages import Message
from rag.answers.citations import Citation
from rag.answers.generation import Answer, GenerationRequest, Priority, StopSignal, Turn
from rag.documents import Part, Passage
from rag.search.retrieval import Found
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from tasks import query
from tasks.resources import Resources

TEXT = "First.\r\nSecond \U0001f682."
JOINED = Passage(
    "d:7:4", "d", 7, 4, "T", TEXT, 100, 100 + len(TEXT), 0.9, 2, {"year": 1825},
    (Part("d:7:3", 100, 106, 0.5), Part("d:7:4", 108, 100 + len(TEXT), 0.9)),
)  # fmt: skip


class Finder:
    """A retriever that finds one passage, and notes how it was asked."""

    def __init__(self) -> None:
        self.told: list[dict[str, Any]] = []

    def search(self, _incarnation: str, _query: str, **told: Any) -> Found:
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


class Desk:
    """The ledger on a real Redis, and both workers as one."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent: list[Message] = []
        self.durable: Durable = open_durable(settings, self.sent.append)
        self.durable.catalogue.create("default")
        self.leases = Leases(
            self.durable.ledger, ledger_client(settings.redis_url, connections=4), name="test"
        )
        self.desk = FrontDesk(
            settings=settings, ledger=self.durable.ledger, catalogue=self.durable.catalogue,
            blobs=self.durable.blobs, pipeline="",
        )  # fmt: skip
        self.finder, self.reader = Finder(), Reader()

    def ask(self, **body: Any) -> dict[str, Any]:
        """Return the ended job's result as the API shows it."""
        retriever: Any = self.finder
        resources = Resources(
            durable=self.durable, leases=self.leases, retriever=retriever, generator=self.reader
        )
        job_id = self.desk.ask(QueryRequest.from_json({"question": "?"} | body, self.settings))
        while self.sent:
            message = self.sent.pop(0)
            with self.leases.claim(message.unit_id, message.stage) as lease:
                assert lease is not None
                if message.stage == "generate":
                    query._generate(lease, resources)
                else:
                    query.search_and_answer(lease, resources)
        row = self.durable.ledger.unit(job_id)
        assert row is not None
        shown = JobView(self.durable.ledger, self.durable.blobs).job(job_id, row)
        result: dict[str, Any] = orjson.loads(orjson.dumps(shown["result"]))
        return result


@pytest.fixture
def desk(clean_redis: str, tmp_path: Path) -> Iterator[Desk]:
    # Nothing is current in this catalogue, so retrieval is repeated until it has had its turns.
    opened = Desk(Settings(redis_url=clean_redis, data_dir=tmp_path))
    yield opened
    opened.durable.redis.close()
    opened.durable.redis.connection_pool.disconnect()


def test_a_joined_passage_is_one_source_that_names_its_chunks(desk: Desk) -> None:
    result = desk.ask()

    (source,) = result["sources"]
    assert (source["text"], source["start"], source["end"]) == (TEXT, 100, 117)
    assert (source["chunk_id"], source["page"], source["score"]) == ("d:7:4", 2, 0.9)
    assert source["parts"] == [
        {"chunk_id": "d:7:3", "start": 100, "end": 106, "score": 0.5},
        {"chunk_id": "d:7:4", "start": 108, "end": 117, "score": 0.9},
    ]
    assert [one["chunk_id"] for one in result["citations"]] == ["d:7:3", "d:7:4"]
    assert desk.reader.read == [JOINED]
    assert "trace" not in result
    assert (result["documents"], result["waiting"]) == (7, 3)


def test_a_trace_tells_what_the_prompt_had_no_room_for(desk: Desk) -> None:
    result = desk.ask(trace=True)

    assert result["trace"]["dropped"] == {
        "old:1:0": "not the current generation",
        "d:7:3": "budget: the prompt had no room for it",
    }
    assert all(told["for_context"] for told in desk.finder.told)
