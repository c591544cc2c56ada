"""Answering a question: retrieve on a CPU worker, then generate from the passages."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import orjson
from celery import shared_task

from corpus.sources import keep_result, keep_sources, kept_sources
from jobs.leases.lease import Lease
from jobs.requests import QueryRequest, SearchRequest
from jobs.results import query_result, search_fields, search_result, spent_tokens, verdict
from jobs.sources import passage_of, source_of
from rag.answers.generation import Answer, GenerationRequest
from rag.documents import Passage
from rag.errors import EmbedderMismatch, Unreadable
from rag.extractive.relevance import with_relevance
from rag.metadata.filters import parse
from rag.search.explanation import with_left_out
from rag.search.modes import Mode
from rag.search.retrieval import Found, still_current
from rag.search.several import merged
from tasks import stage_metrics
from tasks.base import QuernTask
from tasks.embedding import embed_texts
from tasks.resources import Generator, Resources, require

#: How often a question whose passages changed before it was answered is retrieved again.
RETRIEVALS = 3
#: A search that took longer is looked at once more by a worker that quotes in the same body: with a
#: reranker it may take 10 s, and what was deleted meanwhile shall not be in the answer.
LOOK_AGAIN_S = 1.0


@shared_task(name="query.retrieve", bind=True, base=QuernTask)
def retrieve(self: QuernTask, unit_id: str) -> None:
    """Find the passages for a question or search; safe to run twice."""
    with self.resources.turn(), self.resources.leases.claim(unit_id, "retrieve") as lease:
        if lease is not None:
            search_and_answer(lease, self.resources)


@shared_task(name="query.generate", bind=True, base=QuernTask)
def generate(self: QuernTask, unit_id: str) -> None:
    """Answer from the passages in the ledger; safe to run twice."""
    with self.resources.turn(), self.resources.leases.claim(unit_id, "generate") as lease:
        if lease is not None:
            _generate(lease, self.resources)


@dataclass(frozen=True, slots=True)
class _Retrieved:
    """What was found for a question, the fields of its row and the data of its event `sources`."""

    passages: list[Passage]
    fields: dict[str, Any]
    shown: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Generated:
    """An answer, and what it took in seconds; None for a first token that nobody saw."""

    answer: Answer
    took_s: float
    first_token_s: float | None


def search_and_answer(lease: Lease, resources: Resources) -> None:
    """
    Run the stage `retrieve`, and the answer with it where this worker answers too.

    Such a worker quotes, which takes less time than another message would: passages and answer are
    written together, when the unit ends.
    """
    if lease.unit.fields["kind"] == "search":
        _search(lease, resources)
        return
    if lease.unit.fields["kind"] == "embedding":
        embed_texts(lease, resources)
        return
    request = QueryRequest.from_row(lease.unit.fields)
    retrieved = _retrieve(lease, request, resources)
    if retrieved is not None:
        _answer(lease, request, resources, retrieved.passages, retrieved)


def _search(lease: Lease, resources: Resources) -> None:
    """Search, and end the search with what was found."""
    request = SearchRequest.from_row(lease.unit.fields)
    # It shows every hit, copies too; an answer's context has no room for them.
    found = _found(lease, resources, request, request.query, mode=request.mode, for_context=False)
    result = orjson.dumps(search_result(found)).decode()
    lease.finish(state="succeeded", fields=search_fields(found) | {"result": result})


def _retrieve(lease: Lease, request: QueryRequest, resources: Resources) -> _Retrieved | None:
    """Retrieve, then hand the question over or return what this body is to answer."""
    blobs = resources.storage.blobs
    condensed = lease.unit.fields.get("condensed", "")
    if not condensed and request.history:
        if resources.generator is None:
            # Whoever answers knows best what a follow-up means; it hands the question back.
            lease.hand_over(stage="generate", fields={})
            return None
        condensed = _condensed(lease, request, resources.generator)
    began = time.perf_counter()
    found = _found(lease, resources, request, condensed or request.question)
    passages = found.passages
    # A worker that only answers looks by itself, and has the question searched for anew.
    if resources.generator is not None and time.perf_counter() - began > LOOK_AGAIN_S:
        passages = _current(lease, resources, passages)
    fields = search_fields(found)
    if condensed:
        fields["condensed"] = condensed
    if found.trace is not None:
        fields["trace_blob"] = blobs.put_json(found.trace, durable=False)
    kept, shown = keep_sources([source_of(passage) for passage in passages], blobs)
    fields |= kept
    if resources.generator is None:
        lease.hand_over(stage="generate", fields=fields, event="sources", data=shown)
        return None
    return _Retrieved(passages, fields, shown)


def _found(
    lease: Lease,
    resources: Resources,
    request: QueryRequest | SearchRequest,
    query: str,
    *,
    mode: Mode = "hybrid",
    for_context: bool = True,
) -> Found:
    """Search the collection, or all of several."""
    retriever = require(resources.retriever)
    found: dict[str, Found] = {}
    also = request.also.values() if isinstance(request, QueryRequest) else ()
    try:
        for collection_id in (lease.unit.collection_id, *also):
            found[collection_id] = retriever.search(
                collection_id,
                query,
                top_k=request.top_k,
                mode=mode,
                trace=request.trace,
                for_context=for_context,
                check=lease.check,
                filters=parse(request.filters),
            )
    except EmbedderMismatch as error:
        # The collection's fault, not this worker's: its job fails, other collections go on.
        raise Unreadable("embedder_mismatch", str(error)) from error
    if request.calibrated or request.least_score > 0:
        found = _measured(query, found)
    if request.calibrated or (isinstance(request, QueryRequest) and request.named):
        found = {name: _named(resources, name, one) for name, one in found.items()}
    whole = merged(found, top_k=request.top_k)
    stage_metrics.record_search(whole)
    if not request.least_score:
        return whole
    good = [one for one in whole.passages if (one.relevance or 0.0) >= request.least_score]
    return replace(whole, passages=good)


def _measured(query: str, found: Mapping[str, Found]) -> dict[str, Found]:
    """Return what was found, with the relevance of each passage beside those of all collections."""
    measured = {}
    for name, one in found.items():
        beside = [other.cosines.values() for key, other in found.items() if key != name]
        known = with_relevance(query, one.passages, one.cosines, beside=chain.from_iterable(beside))
        measured[name] = replace(one, passages=known)
    return measured


def _named(resources: Resources, collection_id: str, found: Found) -> Found:
    """Return passages with the names of their files, which OpenAI's clients are told."""
    documents = sorted({passage.document_id for passage in found.passages})
    records = resources.storage.catalogue.documents.records(collection_id, documents)
    names = {
        document: str(record.get("file") or "").rsplit("/", 1)[-1]
        for document, record in zip(documents, records, strict=True)
        if record is not None
    }
    known = [replace(one, filename=names.get(one.document_id, "")) for one in found.passages]
    return replace(found, passages=known)


def _condensed(lease: Lease, request: QueryRequest, generator: Generator) -> str:
    """Return what to search for when a question follows others."""
    return generator.condense(
        request.question, request.history, priority=request.priority, stop=lease
    )


def _generate(lease: Lease, resources: Resources) -> None:
    """Answer from the row's passages, unless one is no longer current: then retrieve again."""
    row = lease.unit.fields
    request = QueryRequest.from_row(row)
    if request.history and request.top_k and not row.get("condensed"):
        condensed = _condensed(lease, request, require(resources.generator))
        lease.hand_over(stage="retrieve", fields={"condensed": condensed})
        return
    kept = kept_sources(row, resources.storage.blobs) or []
    passages = [passage_of(source) for source in kept]
    retrievals = int(row.get("retrievals", "1"))
    current = _current(lease, resources, passages)
    if len(current) == len(passages):
        _answer(lease, request, resources, passages)
    elif retrievals < RETRIEVALS:
        # A document was deleted or replaced meanwhile; its old text must not be quoted.
        lease.hand_over(stage="retrieve", fields={"retrievals": retrievals + 1})
    else:
        # Again and again: what is left answers, and is what is shown.
        fields, shown = keep_sources(
            [source_of(passage) for passage in current], resources.storage.blobs
        )
        _answer(lease, request, resources, current, _Retrieved(current, fields, shown))


def _current(lease: Lease, resources: Resources, passages: list[Passage]) -> list[Passage]:
    """Return the passages whose documents were neither replaced nor deleted meanwhile."""
    generations, own = resources.storage.catalogue.generations, lease.unit.collection_id
    current: list[Passage] = []
    for collection_id in dict.fromkeys(passage.collection_id for passage in passages):
        part = [passage for passage in passages if passage.collection_id == collection_id]
        current += still_current(generations, collection_id or own, part)
    # In rank order, whatever collection each is of.
    return [passage for passage in passages if passage in current]


def _answer(
    lease: Lease,
    request: QueryRequest,
    resources: Resources,
    passages: list[Passage],
    now: _Retrieved | None = None,
) -> None:
    """Answer from passages, which the row has, or gets with the answer as it does *now*."""
    streams = request.priority == "interactive"

    def stream(text: str) -> None:
        if streams and now is None:
            lease.append_text(text)

    done = _generated(
        require(resources.generator),
        _prompted(lease, request, passages),
        stream=stream,
        lease=lease,
    )
    fields: dict[str, Any] = dict(now.fields) if now else {}
    row = {**lease.unit.fields, **fields}
    result = query_result(done.answer, passages, row, grounded=request.top_k > 0)
    fields["ms_generate"] = round(done.took_s * 1000, 2)
    fields |= spent_tokens(done.answer)
    fields |= keep_result(result, resources.storage.blobs)
    if done.answer.finish_reason == "length":
        fields["cut"] = "1"  # for the script that tells of its end: the result may be on the disk
    fields |= _trace_of(done.answer, row, resources)
    if done.first_token_s is not None:
        fields["ms_first_token"] = round(done.first_token_s * 1000, 2)
    if now is None:
        lease.finish(state="succeeded", fields=fields)
        return
    events = [("sources", now.shown), ("verdict", verdict(result))]
    text = done.answer.text if streams else ""
    lease.finish(state="succeeded", fields=fields, events=events, text=text)


def _generated(
    generator: Generator,
    request: GenerationRequest,
    *,
    stream: Callable[[str], None],
    lease: Lease,
) -> _Generated:
    """Have an answer written, and measure that."""
    began = time.perf_counter()
    first: list[float] = []

    def on_delta(text: str) -> None:
        first.append(time.perf_counter())
        stream(text)

    try:
        answer = generator.generate(request, on_delta=on_delta, stop=lease)
    except Exception as error:
        stage_metrics.record_failed_answer(
            generator.name, error, took_s=time.perf_counter() - began
        )
        raise
    took_s = time.perf_counter() - began
    first_token_s = first[0] - began if first else answer.first_token_s
    stage_metrics.record_answer(answer, took_s=took_s, first_token_s=first_token_s)
    return _Generated(answer, took_s, first_token_s)


def _prompted(lease: Lease, request: QueryRequest, passages: list[Passage]) -> GenerationRequest:
    """Return what a generator is asked."""
    return GenerationRequest(
        question=request.question,
        passages=passages,
        history=request.history,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        priority=request.priority,
        give_up_at=lease.give_up_at,
        grounded=request.top_k > 0,
        collection_id=lease.unit.collection_id,
        instructions=request.instructions,
    )


def _trace_of(answer: Answer, row: Mapping[str, Any], resources: Resources) -> dict[str, str]:
    """Add what the prompt had no room for to the trace of the retrieval, if one was asked for."""
    blobs, blob = resources.storage.blobs, row.get("trace_blob")
    trace = blobs.get_json(blob) if blob and answer.left_out else None
    if not isinstance(trace, dict):
        return {}
    return {"trace_blob": blobs.put_json(with_left_out(trace, answer.left_out), durable=False)}
