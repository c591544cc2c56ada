"""Answering a question: retrieve on a CPU worker, then generate from the passages."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import orjson
from celery import shared_task

from jobs.leases import Lease
from jobs.requests import QueryRequest, SearchRequest
from jobs.results import verdict
from rag.answers.citations import Citation
from rag.answers.generation import Answer, GenerationRequest
from rag.answers.reasons import Reason, reason
from rag.documents import RARE, Part, Passage
from rag.errors import EmbedderMismatch, Unreadable
from rag.metadata.filters import parse
from rag.search.modes import Mode
from rag.search.retrieval import Found, still_current
from tasks import measuring
from tasks.base import QuernTask
from tasks.resources import Generator, Resources, owned

#: Passages above this size lie in the blob store, not in Redis.
INLINE_BYTES = 2_048
#: How often a question whose passages changed before it was answered is retrieved again.
RETRIEVALS = 3
#: What a citation says of the chunk that it quotes.
_OF_PAGE = ("page", "page_label", "page_kind")
#: What a result tells of where its search stood.
_STANDING = ("documents", "waiting", "filter_hints")


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
class _Found:
    """What was found for a question, the fields of its row and the data of its event `sources`."""

    passages: list[Passage]
    fields: dict[str, Any]
    shown: Any


def search_and_answer(lease: Lease, resources: Resources) -> None:
    """
    Run the stage `retrieve`, and the answer with it where this worker answers too.

    Such a worker quotes, which takes less time than another message would: passages and answer are
    written together, when the unit ends.
    """
    if lease.unit.fields["kind"] == "search":
        _search(lease, resources)
        return
    request = QueryRequest.from_row(lease.unit.fields)
    found = _retrieve(lease, request, resources)
    if found is not None:
        _answer(lease, request, resources, found.passages, found)


def _search(lease: Lease, resources: Resources) -> None:
    """Search, and end the search with what was found."""
    request = SearchRequest.from_row(lease.unit.fields)
    # It shows every hit, copies too; an answer's context has no room for them.
    found = _found(lease, resources, request, request.query, mode=request.mode, for_context=False)
    sources = [_source(passage) for passage in found.passages]
    standing = _standing(found)
    why = None if sources else _why(standing)
    result = {"results": sources, "degraded": found.degraded} | _told(standing, why)
    if found.trace is not None:
        result["trace"] = found.trace
    fields = _told_of_search(found, standing) | {"result": orjson.dumps(result).decode()}
    lease.finish(state="succeeded", fields=fields)


def _retrieve(lease: Lease, request: QueryRequest, resources: Resources) -> _Found | None:
    """Retrieve, then hand the question over or return what this body is to answer."""
    condensed = lease.unit.fields.get("condensed", "")
    if not condensed and request.history:
        if resources.generator is None:
            # Whoever answers knows best what a follow-up means; it hands the question back.
            lease.hand_over(stage="generate", fields={})
            return None
        condensed = _condensed(lease, request, resources.generator)
    found = _found(lease, resources, request, condensed or request.question)
    sources = [_source(passage) for passage in found.passages]
    fields = _told_of_search(found, _standing(found))
    if condensed:
        fields["condensed"] = condensed
    if found.trace is not None:
        fields["trace_blob"] = resources.durable.blobs.put_json(found.trace, durable=False)
    kept, shown = _keep(sources, resources)
    fields |= kept
    if resources.generator is None:
        lease.hand_over(stage="generate", fields=fields, event="sources", data=shown)
        return None
    return _Found(found.passages, fields, shown)


def _found(
    lease: Lease,
    resources: Resources,
    request: QueryRequest | SearchRequest,
    query: str,
    *,
    mode: Mode = "hybrid",
    for_context: bool = True,
) -> Found:
    """Search the collection."""
    try:
        found = owned(resources.retriever).search(
            lease.unit.incarnation,
            query,
            top_k=request.top_k,
            mode=mode,
            trace=request.trace,
            for_context=for_context,
            check=lease.check,
            wanted=parse(request.filters),
        )
    except EmbedderMismatch as error:
        # The collection's fault, not this worker's: its job fails, other collections go on.
        raise Unreadable("embedder_mismatch", str(error)) from error
    measuring.searched(found)
    return found


def _told_of_search(found: Found, standing: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row that tell how a search went."""
    return {
        "ms_embed": round(found.embed_ms, 2),
        "ms_retrieve": round(found.retrieve_ms, 2),
        "degraded": orjson.dumps(found.degraded).decode(),
        "standing": orjson.dumps(standing).decode(),
    }


def _condensed(lease: Lease, request: QueryRequest, generator: Generator) -> str:
    """Return what to search for when a question follows others."""
    return generator.condense(
        request.question, request.history, priority=request.priority, stop=lease
    )


def _generate(lease: Lease, resources: Resources) -> None:
    """Answer from the row's passages, unless one is no longer current: then retrieve again."""
    request = QueryRequest.from_row(lease.unit.fields)
    if request.history and request.top_k and not lease.unit.fields.get("condensed"):
        condensed = _condensed(lease, request, owned(resources.generator))
        lease.hand_over(stage="retrieve", fields={"condensed": condensed})
        return
    passages = [_passage(source) for source in _sources(lease, resources)]
    retrieved = int(lease.unit.fields.get("retrievals", "1"))
    if (
        passages
        and not still_current(
            resources.durable.catalogue.generations, lease.unit.incarnation, passages
        )
        and retrieved < RETRIEVALS
    ):
        # A document was deleted or replaced meanwhile; its old text must not be quoted.
        lease.hand_over(stage="retrieve", fields={"retrievals": retrieved + 1})
        return
    _answer(lease, request, resources, passages)


def _answer(
    lease: Lease,
    request: QueryRequest,
    resources: Resources,
    passages: list[Passage],
    found: _Found | None = None,
) -> None:
    """Answer from passages, which the row has, or gets now with the answer if they are *found*."""
    generator = owned(resources.generator)
    began = time.perf_counter()
    first: list[float] = []
    told = request.priority == "interactive"

    def stream(text: str) -> None:
        first.append(time.perf_counter())
        if told and found is None:
            lease.tell(text)

    asked = GenerationRequest(
        question=request.question,
        passages=passages,
        history=request.history,
        max_tokens=request.max_tokens,
        temperature=request.temperature,
        priority=request.priority,
        deadline_s=lease.unit.deadline_s,
        grounded=request.top_k > 0,
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
    fields: dict[str, Any] = dict(found.fields) if found else {}
    known = {**lease.unit.fields, **fields}
    fields["ms_generate"] = round((ended - began) * 1000, 2)
    result = _result(answer, passages, degraded=orjson.loads(known.get("degraded") or "[]"))
    standing = orjson.loads(known.get("standing") or "{}")
    result |= _told(standing, _why(standing, asked) if not answer.answered else None)
    fields["result"] = orjson.dumps(result).decode()
    if answer.left_out:
        fields |= _told_in_trace(answer.left_out, known.get("trace_blob"), resources)
    if first_token_s is not None:
        fields["ms_first_token"] = round(first_token_s * 1000, 2)
    if found is None:
        lease.finish(state="succeeded", fields=fields)
    else:
        events = [("sources", found.shown), ("verdict", verdict(result))]
        text = answer.text if told else ""
        lease.finish(state="succeeded", fields=fields, events=events, text=text)


def _result(answer: Answer, passages: list[Passage], *, degraded: list[str]) -> dict[str, Any]:
    """Return a question's result as the API shows it, its sources left out."""
    lacking = {"missing": list(answer.missing)} if answer.missing else {}
    return lacking | {
        "answer": answer.text,
        "citations": [_cited(citation, passages[citation.source]) for citation in answer.citations],
        "answered": answer.answered,
        "confidence": answer.confidence,
        "generator": answer.generator,
        "usage": answer.usage,
        "finish_reason": answer.finish_reason,
        "degraded": degraded,
    }


def _cited(citation: Citation, passage: Passage) -> dict[str, Any]:
    """Show a citation, with the chunk and the page that it quotes."""
    part = passage.chunk_at(citation.start)
    place = {name: getattr(part, name) for name in _OF_PAGE}
    told = {"document_id": passage.document_id, "chunk_id": part.chunk_id}
    return asdict(citation) | told | _without_empty(place)


def _standing(found: Found) -> dict[str, Any]:
    """Return what a search could see of its collection, as its row keeps it."""
    standing: dict[str, Any] = {"documents": found.documents, "waiting": found.waiting}
    if found.unmatched:
        standing["unmatched"] = True
    if found.hints and found.documents:
        standing["filter_hints"] = list(found.hints)
    return standing


def _why(standing: Mapping[str, Any], asked: GenerationRequest | None = None) -> Reason:
    """Return why nothing was found, or no answer in what was."""
    return reason(
        # Rows of earlier builds do not tell.
        documents=standing.get("documents", 1),
        unmatched=standing.get("unmatched", False),
        searched=asked is None or asked.grounded,
    )


def _told(standing: Mapping[str, Any], why: Reason | None) -> dict[str, Any]:
    """Show where a search stood, and why there is no answer; None where there is one."""
    return {name: standing[name] for name in _STANDING if name in standing} | {"why": why}


def _told_in_trace(
    left_out: Sequence[str], blob: str | None, resources: Resources
) -> dict[str, str]:
    """Add what the prompt had no room for to the trace of the retrieval, if one was asked for."""
    trace = resources.durable.blobs.get_json(blob) if blob else None
    if not isinstance(trace, dict):
        return {}
    dropped = trace["dropped"] | dict.fromkeys(left_out, "budget: the prompt had no room for it")
    return {
        "trace_blob": resources.durable.blobs.put_json(trace | {"dropped": dropped}, durable=False)
    }


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
    parts = [_without_empty(part, but=(*RARE, "page")) for part in told["parts"]]
    return _without_empty(told) | {"parts": parts}


def _without_empty(told: dict[str, Any], *, but: Sequence[str] = RARE) -> dict[str, Any]:
    """Leave out what most have none of where it is empty: it takes room in every row."""
    return {name: value for name, value in told.items() if value or name not in but}


def _passage(source: dict[str, Any]) -> Passage:
    """Read a source back."""
    parts = tuple(Part(**part) for part in source.get("parts") or ())
    return Passage(**source | {"parts": parts})
