"""Resources that a worker process puts on the Celery app for its tasks: storage and ports."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from corpus.check_and_repair.checker import Checker
from corpus.ingestion import Ingestion
from corpus.reindexing import Reindexer
from corpus.storage import Storage
from jobs.leases.leases import Leases
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.errors import Broken
from rag.ports import Embedder, VectorStore
from rag.search.retrieval import Retriever
from tasks.long_texts import LongTexts

T = TypeVar("T")


class Generator(Protocol):
    """
    Answers a question from passages.

    Called from a pool thread, blocks until it is done. Both verbs raise what `stop.check` raises,
    Retryable where the engine is away and Broken where the process must end.
    """

    @property
    def name(self) -> str:
        """Who answers: `provider:model`, or a word where no model does."""
        ...

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        """Answer, passing text on as it comes; *on_delta* may be called by any thread."""
        ...

    def condense(
        self, question: str, history: Sequence[Turn], *, priority: Priority, stop: StopSignal
    ) -> str:
        """Return what to search for when *question* follows *history*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """Ports that a role has no use for are None; the tasks of its queues never require them."""

    storage: Storage
    leases: Leases
    retriever: Retriever | None = None
    generator: Generator | None = None
    embedder: Embedder | None = None
    ingestion: Ingestion | None = None
    reindexer: Reindexer | None = None
    vectors: VectorStore | None = None
    details: Callable[[], Mapping[str, Any]] = dict  # what the heartbeat tells of them
    checker: Checker | None = None
    turn: Callable[[], AbstractContextManager[None]] = nullcontext  # in which a question is read
    long_texts: LongTexts = field(default_factory=lambda: LongTexts(threads=1))


def require(port: T | None) -> T:
    """
    Return *port*, which the worker's queues imply.

    Raises:
        Broken: The worker consumes a queue and lacks its port.
    """
    if port is None:
        raise Broken("this worker consumes a queue whose resources it does not own")
    return port
