"""Ports whose calls are recorded as spans; where tracing is off, the ports themselves."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

from corpus.change_log import ChangeLog
from rag.chunking.chunker import Chunker
from rag.ports import Embedder, Parser, Reranker, Snapshot, VectorStore
from rag.reading_ports import Matching, SparseReader
from rag.search.retrieval import Fuse
from runtime.tracing import traces
from runtime.tracing.spans import Attributes
from tasks.resources import Generator, Resources

T = TypeVar("T")


def _silent(*_: Any, **__: Any) -> Attributes:
    """Return no attributes."""
    return {}


@dataclass(frozen=True, slots=True)
class Step:
    """
    The span of one call: its name, and what is said before and after; numbers and names only.

    *calls* tells that another process does the work. *before* is given the call's arguments,
    *after* what it returned.
    """

    name: str
    before: Callable[..., Attributes] = _silent
    after: Callable[[Any], Attributes] = _silent
    calls: bool = False

    def watch(self, call: Callable[..., T]) -> Callable[..., T]:
        """Return *call* with a span around it."""

        def watched(*args: Any, **kwargs: Any) -> T:
            told = self.before(*args, **kwargs)
            with traces.span(self.name, told, calls=self.calls) as span:
                answer = call(*args, **kwargs)
                span.set(self.after(answer))
                return answer

        return watched


class _Watched:
    """A port whose steps are watched; everything else is the port's own."""

    def __init__(self, port: object, steps: Mapping[str, Step]) -> None:
        self._port = port
        for verb, step in steps.items():
            setattr(self, verb, step.watch(getattr(port, verb)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._port, name)


def _watched(port: T, steps: Mapping[str, Step]) -> T:
    """Watch the steps of a port, where this process records."""
    return cast("T", _Watched(port, steps)) if traces.on() else port


def embedder(port: Embedder) -> Embedder:
    """Watch an embedder."""
    return _watched(port, {"embed": Step("embed", _texts), "embed_passages": Step("embed", _texts)})


def vectors(port: VectorStore) -> VectorStore:
    """Watch the vector store: the dense retriever of a search, and what is written."""
    return _watched(
        port,
        {
            "search": _chroma("dense", "query", after=_hits),
            "search_where": _chroma("dense", "query", after=_hits),
            "get": _chroma("chroma get", "get"),
            "upsert": _chroma("chroma upsert", "upsert", _chunks),
        },
    )


def sparse(port: SparseReader) -> SparseReader:
    """Watch the sparse retriever, and the dense one where the replica has the vectors."""

    def whole(collection_id: str, snapshot: Snapshot) -> Matching | None:
        found = port.whole(collection_id, snapshot)
        return found and _watched(found, {"nearest": Step("dense", after=_hits)})

    watched = _watched(
        port, {"search": Step("sparse", after=_hits_if_ready), "select": Step("select")}
    )
    if traces.on():
        watched.whole = whole  # type: ignore[method-assign]  # it is a `_Watched`
    return watched


def fuse(call: Fuse) -> Fuse:
    """Watch the fusion of both retrievers."""
    return Step("fuse", after=_hits).watch(call) if traces.on() else call


def reranker(port: Reranker) -> Reranker:
    """Watch a reranker."""
    return _watched(
        port, {"scores": Step("rerank", lambda _query, texts: {"quern.texts": len(texts)})}
    )


def parser(port: Parser) -> Parser:
    """Watch who turns bytes into text."""
    return _watched(port, {"parse": Step("parse", lambda data, **_: {"quern.bytes": len(data)})})


def chunker(port: Chunker) -> Chunker:
    """Watch who cuts text into chunks."""
    return _watched(port, {"chunk": Step("chunk", after=_chunks_made)})


def change_log(port: ChangeLog) -> ChangeLog:
    """Trace how long a publish waits for the followers."""
    return _watched(port, {"wait_for_followers": Step("wait for searchers")})


def resources(whole: Resources) -> Resources:
    """Watch the ports that tasks call themselves."""
    if not traces.on():
        return whole
    return replace(
        whole,
        generator=whole.generator and _generator(whole.generator),
    )


def _generator(port: Generator) -> Generator:
    """Trace the generator: `extractive`, or `vllm` or `openai` with the model after a colon."""
    provider, _, model = str(getattr(port, "name", "extractive")).partition(":")
    told = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": model or provider,
    }
    calls = provider == "openai"

    def asked(request: Any, **_: Any) -> Attributes:
        return told | {"quern.passages": len(request.passages)}

    return _watched(
        port,
        {
            "generate": Step("generate", asked, _answered, calls=calls),
            "condense": Step("condense", lambda *_, **__: told, calls=calls),
        },
    )


def _chroma(
    name: str,
    operation: str,
    before: Callable[..., Attributes] = _silent,
    after: Callable[[Any], Attributes] = _silent,
) -> Step:
    """Return the step of a call to Chroma."""

    def told(*args: Any, **kwargs: Any) -> Attributes:
        return {
            "db.system.name": "chroma", "db.operation.name": operation, **before(*args, **kwargs)
        }  # fmt: skip

    return Step(name, told, after, calls=True)


def _texts(texts: Any, **_: Any) -> Attributes:
    return {"gen_ai.operation.name": "embeddings", "quern.texts": len(texts)}


def _chunks(_collection_id: str, chunks: Any, _vectors: Any) -> Attributes:
    return {"quern.chunks": len(chunks)}


def _chunks_made(chunks: Any) -> Attributes:
    return {"quern.chunks": len(chunks)}


def _hits(ranking: Any) -> Attributes:
    return {"quern.hits": len(ranking)}


def _hits_if_ready(ranking: Any) -> Attributes:
    return {"quern.available": False} if ranking is None else _hits(ranking)


def _answered(answer: Any) -> Attributes:
    """Return the token counts of an answer, as far as they are known."""
    told = {"input_tokens": "prompt_tokens", "output_tokens": "completion_tokens"}
    return {
        f"gen_ai.usage.{name}": int(answer.usage[theirs])
        for name, theirs in told.items()
        if theirs in answer.usage
    }
