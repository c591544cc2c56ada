"""Workers in little: the tasks of questions, run in threads for whatever the ledger sends."""

import threading
from collections.abc import Callable, Sequence
from typing import Any, Final, Self

from corpus.storage import Storage
from jobs.leases.leases import Leases
from protocol.messages import Stage
from rag.answers.attribution import attributed
from rag.answers.citations import resolve
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.documents import Passage
from rag.ports import Embedder
from rag.search.retrieval import Found
from runtime.redis_clients import ledger_client
from tasks import query
from tasks.resources import Generator, Resources
from tests.support.waiting import PATIENCE_S

PASSAGES: Final = (
    Passage(
        chunk_id="file-1:1:0", document_id="file-1", generation=1, n=0, title="notes.md",
        text="The calibration log hangs beside the door. It is blue.", start=0, end=54, score=0.9,
        page=3, metadata={"author": "Knuth"},
    ),
    Passage(
        chunk_id="file-2:1:0", document_id="file-2", generation=1, n=0, title="",
        text="Doors are repainted each spring.", start=10, end=42, score=0.4,
    ),
)  # fmt: skip


class FixedRetriever:
    """
    Finds the same passages whatever is asked, and remembers what was.

    Attributes:
        others: What it finds in collections that have passages of their own, by their ids.
    """

    def __init__(self, passages: Sequence[Passage] = PASSAGES) -> None:
        self.passages = passages
        self.others: dict[str, Sequence[Passage]] = {}
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def search(self, collection_id: str, query: str, **more: Any) -> Found:
        self.asked.append((query, more))
        found = self.others.get(collection_id, self.passages)
        return Found(
            cosines={passage.chunk_id: passage.score for passage in found},
            passages=list(found[: more["top_k"]]), degraded=[], embed_ms=0, retrieve_ms=0,
            documents=2,
        )  # fmt: skip


class ScriptedGenerator:
    """
    Writes a fixed text, piece by piece; after *pause_at* of them it waits to be let go.

    Attributes:
        requests: All that it was asked.

        waits: Set once it waits.
    """

    name = "scripted"

    def __init__(self, *pieces: str) -> None:
        self.pieces = pieces
        self.pause_at: int | None = None
        self.finish_reason = "stop"
        self.error: Exception | None = None
        self.requests: list[GenerationRequest] = []
        self.waits, self.go = threading.Event(), threading.Event()

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        for n, piece in enumerate(self.pieces):
            if n == self.pause_at:
                self.waits.set()
                stop.on_stop(self.go.set)
                assert self.go.wait(PATIENCE_S)
            stop.check()
            on_delta(piece)
        text = "".join(self.pieces)
        resolved = resolve(text.strip(), request.passages) if request.grounded else None
        return Answer(
            resolved.text if resolved else text, resolved.citations if resolved else (),
            answered=True, confidence=None,
            generator=self.name, usage={"prompt_tokens": 7, "completion_tokens": 5},
            finish_reason=self.finish_reason,
            attributions=attributed(text, request.passages)
            if resolved and not resolved.citations else (),
        )  # fmt: skip

    def condense(
        self,
        question: str,
        history: Sequence[Turn],  # noqa: ARG002
        *,
        priority: Priority,  # noqa: ARG002
        stop: StopSignal,
    ) -> str:
        stop.check()
        return question


class AnsweringWorkers:
    """
    One process that retrieves and another that generates, until the block ends.

    Args:
        storage: Of the front end that they work for.

        redis_url: Where both meet.

        whole: Whether one process does both, as where quotes are the answer.

        embedder: Embeds the texts of callers.
    """

    def __init__(
        self,
        storage: Storage,
        redis_url: str,
        *,
        retriever: Any,
        generator: Generator,
        whole: bool = False,
        embedder: Embedder | None = None,
    ) -> None:
        self._storage = storage
        self._redis = ledger_client(redis_url, connections=8)
        self.leases = Leases(storage.ledger.work, self._redis, name="test", delta_s=0.001)
        shared: Any = {"storage": storage, "leases": self.leases, "embedder": embedder}
        both = {"retriever": retriever, "generator": generator}
        self._resources = {
            stage: Resources(**shared, **(both if whole else {name: both[name]}))
            for stage, name in (("retrieve", "retriever"), ("generate", "generator"))
        }
        self._closing = threading.Event()
        self._threads: dict[tuple[str, str], threading.Thread] = {}
        self._watch = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self.leases.__enter__()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._watch.join(PATIENCE_S)
        self.leases.close()
        for thread in self._threads.values():
            thread.join(PATIENCE_S)
        self._redis.connection_pool.disconnect()

    def _look(self) -> None:
        """Begin a body for whatever is sent and not begun."""
        while not self._closing.wait(0.005):
            for stage in ("retrieve", "generate"):
                for unit_id in self._storage.redis.zrange(f"quern:inflight:{stage}", 0, -1):
                    thread = self._threads.get((stage, unit_id))
                    if thread is None or not thread.is_alive():
                        self._begin(stage, unit_id)

    def _begin(self, stage: str, unit_id: str) -> None:
        thread = threading.Thread(target=self._run, args=(stage, unit_id), daemon=True)
        self._threads[stage, unit_id] = thread
        thread.start()

    def _run(self, role: str, unit_id: str) -> None:
        stage: Stage = "retrieve" if role == "retrieve" else "generate"
        with self.leases.claim(unit_id, stage) as lease:
            if lease is None:
                return
            if stage == "generate":
                query._generate(lease, self._resources[stage])
            else:
                query.search_and_answer(lease, self._resources[stage])
