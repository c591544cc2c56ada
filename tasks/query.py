"""Answering a question: retrieve on a CPU worker, then generate from the passages."""

import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import orjson
from celery import shared_task

from jobs.leases import Lease
from rag.documents import Part, Passage
from rag.errors import EmbedderMismatch, Unreadable
from rag.filters import parse
from rag.generation import Answer, GenerationRequest, Turn
from rag.retrieval import Found, Retriever, still_current
from tasks import measuring
from tasks.base import QuernTask
from tasks.resources import Resources, owned

#: Passages above this size lie in the blob store, not in Redis.
INLINE_BYTES = 2_048
#: How often a question whose passages changed before it was answered is retrieved again.
RETRIEVALS = 3
#: Of a source, told where there is something to tell.
_OF_TABLES = ("context", "headers")


@shared_task(name="query.retrieve", bind=True, base=QuernTask)
def retrieve(self: QuernTask, unit_id: str) -> None:
    """
    Find the passages for a question or search; safe to run twice.

    Where this worker answers too the body goes on with that: another message would cost a question
    more than quoting does.
    """
    with self.resources.leases.claim(unit_id, "retrieve") as lease:
        if lease is not None and _retrieve(lease, self.resources):
            _generate(lease, self.resources)


@shared_task(name="query.generate", bind=True, base=QuernTask)
def generate(self: QuernTask, unit_id: str) -> None:
    """Answer from the passages in the ledger; safe to run twice."""
    with self.resources.leases.claim(unit_id, "generate") as lease:
        if lease is not None:
            _generate(lease, self.resources)


def _retrieve(lease: Lease, resources: Resources) -> bool:
    """
    Search, then end a search, or hand a question over with its passages.

    True where this body goes on with the question.
    """
    retriever = owned(resources.retriever)
    request = lease.unit.json("request")
    condensed = lease.unit.fields.get("condensed", "")
    if not condensed and (history := _history(request)):
        if resources.generator is None:
            # Whoever answers knows best what a follow-up means; it hands the question back.
            lease.hand_over(stage="generate", fields={})
            return False
        condensed = resources.generator.condense(
            request["question"], history, priority=request["priority"], stop=lease
        )
    found = _search(lease, retriever, request, condensed)
    measuring.searched(found)
    sources = [_source(passage) for passage in found.passages]
    fields: dict[str, Any] = {
        "ms_embed": round(found.embed_ms, 2),
        "ms_retrieve": round(found.retrieve_ms, 2),
        "degraded": orjson.dumps(found.degraded).decode(),
        "standing": orjson.dumps(standing := _standing(found)).decode(),
    }
    if condensed:
        fields["condensed"] = condensed
    if lease.unit.fields["kind"] == "search":
        result = {"results": sources, "degraded": found.degraded} | standing
        if found.trace is not None:
            result["trace"] = found.trace
        lease.finish(state="succeeded", fields=fields | {"result": orjson.dumps(result).decode()})
        return False
    if found.trace is not None:
        fields["trace_blob"] = resources.durable.blobs.put_json(found.trace, durable=False)
    kept, shown = _keep(sources, resources)
    fields |= kept
    if resources.generator is None:
        lease.hand_over(stage="generate", fields=fields, event="sources", data=shown)
        return False
    return resources.leases.go_on(
        lease, stage="generate", fields=fields, event="sources", data=shown
    )


def _search(lease: Lease, retriever: Retriever, request: dict[str, Any], condensed: str) -> Found:
    """Search the collection."""
    if lease.unit.fields["kind"] == "search":
        query, mode = request["query"], request["mode"]
    else:
        query, mode = condensed or request["question"], "hybrid"
    try:
        return retriever.search(
            lease.unit.incarnation,
            query,
            top_k=request["top_k"],
            mode=mode,
            trace=request["trace"],
            # A search shows every hit, copies too; an answer's context has no room for them.
            for_context=lease.unit.fields["kind"] != "search",
            check=lease.check,
            wanted=parse(request.get("filters")),
        )
    except EmbedderMismatch as error:
        # The collection's fault, not this worker's: its job fails, other collections go on.
        raise Unreadable("embedder_mismatch", str(error)) from error


def _generate(lease: Lease, resources: Resources) -> None:
    """Answer, unless a passage is no longer current: then retrieve again."""
    request = lease.unit.json("request")
    generator = owned(resources.generator)
    history = _history(request)
    if history and request["top_k"] and not lease.unit.fields.get("condensed"):
        condensed = generator.condense(
            request["question"], history, priority=request["priority"], stop=lease
        )
        lease.hand_over(stage="retrieve", fields={"condensed": condensed})
        return
    passages = [_passage(source) for source in _sources(lease, resources)]
    retrieved = int(lease.unit.fields.get("retrievals", "1"))
    if (
        passages
        and not still_current(resources.durable.catalogue, lease.unit.incarnation, passages)
        and retrieved < RETRIEVALS
    ):
        # A document was deleted or replaced meanwhile; its old text must not be quoted.
        lease.hand_over(stage="retrieve", fields={"retrievals": retrieved + 1})
        return
    began = time.perf_counter()
    first: list[float] = []

    def stream(text: str) -> None:
        first.append(time.perf_counter())
        if request["priority"] == "interactive":
            lease.tell(text)

    asked = GenerationRequest(
        question=request["question"],
        passages=passages,
        history=history,
        max_tokens=request["max_tokens"],
        temperature=request["temperature"],
        priority=request["priority"],
        deadline_s=lease.unit.deadline_s,
        grounded=request["top_k"] > 0,
        incarnation=lease.unit.incarnation,
    )
    try:
        answer = generator.generate(asked, on_delta=stream, stop=lease)
    except Exception as error:
        measuring.not_answered(generator.name, error, took_s=time.perf_counter() - began)
        raise
    ended = time.perf_counter()
    first_token_s = first[0] - began if first else answer.first_token_s
    measuring.answered(answer, took_s=ended - began, first_token_s=first_token_s)
    fields: dict[str, Any] = {
        "ms_generate": round((ended - began) * 1000, 2),
        "result": orjson.dumps(_result(answer, lease, passages)).decode(),
    }
    if answer.left_out:
        fields |= _told_in_trace(answer.left_out, lease, resources)
    if first_token_s is not None:
        fields["ms_first_token"] = round(first_token_s * 1000, 2)
    lease.finish(state="succeeded", fields=fields)


def _result(answer: Answer, lease: Lease, passages: list[Passage]) -> dict[str, Any]:
    """Return a question's result as the API shows it, its sources left out."""
    result: dict[str, Any] = {
        "answer": answer.text,
        "citations": [
            asdict(citation)
            | {
                "document_id": passages[citation.source].document_id,
                "chunk_id": passages[citation.source].chunk_at(citation.start).chunk_id,
            }
            for citation in answer.citations
        ],
        "answered": answer.answered,
        "confidence": answer.confidence,
        "generator": answer.generator,
        "usage": answer.usage,
        "finish_reason": answer.finish_reason,
        "degraded": lease.unit.json("degraded") or [],
    }
    return result | (lease.unit.json("standing") or {})


def _standing(found: Found) -> dict[str, int]:
    """Return how much of its collection a search could see."""
    return {"documents": found.documents, "waiting": found.waiting}


def _told_in_trace(left_out: Sequence[str], lease: Lease, resources: Resources) -> dict[str, str]:
    """Add what the prompt had no room for to the trace of the retrieval, if one was asked for."""
    blob = lease.unit.fields.get("trace_blob")
    trace = resources.durable.blobs.get_json(blob) if blob else None
    if not isinstance(trace, dict):
        return {}
    dropped = trace["dropped"] | dict.fromkeys(left_out, "budget: the prompt had no room for it")
    return {
        "trace_blob": resources.durable.blobs.put_json(trace | {"dropped": dropped}, durable=False)
    }


def _history(request: dict[str, Any]) -> list[Turn]:
    """Read the earlier turns; a search has none."""
    return [Turn(**turn) for turn in request.get("history") or ()]


def _keep(sources: list[dict[str, Any]], resources: Resources) -> tuple[dict[str, str], Any]:
    """Put passages into the row, or into the blob store where they are large."""
    text = orjson.dumps(sources)
    if len(text) <= INLINE_BYTES:
        return {"sources": text.decode(), "sources_blob": ""}, {"sources": sources}
    # Not synced to the disk: they are as durable as the ledger's own last second.
    blob = resources.durable.blobs.put(text, durable=False)
    return {"sources": "", "sources_blob": blob}, {"blob": blob}


def _sources(lease: Lease, resources: Resources) -> list[dict[str, Any]]:
    """Read the passages that retrieval kept."""
    if blob := lease.unit.fields.get("sources_blob"):
        kept = resources.durable.blobs.get_json(blob)
        if not isinstance(kept, list):
            raise Unreadable(
                "passages_gone", "the passages are gone from the blob store; ask again"
            )
        return kept
    return lease.unit.json("sources") or []


def _source(passage: Passage) -> dict[str, Any]:
    """Show a passage as a source."""
    told = asdict(passage) | {"metadata": dict(passage.metadata)}
    return _without_empty(told) | {"parts": [_without_empty(part) for part in told["parts"]]}


def _without_empty(told: dict[str, Any]) -> dict[str, Any]:
    """Leave out what belongs to tables where there is none: it takes room in every row."""
    return {name: value for name, value in told.items() if value or name not in _OF_TABLES}


def _passage(source: dict[str, Any]) -> Passage:
    """Read a source back."""
    parts = tuple(Part(**part) for part in source.get("parts") or ())
    return Passage(**source | {"parts": parts})
