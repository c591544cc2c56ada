"""The results of questions and searches, as those who make and those who show them know them."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from jobs.sources import cited, source_of
from rag.answers.reasons import reason
from rag.documents import Passage

if TYPE_CHECKING:  # the front end shows results without all that makes them
    from rag.answers.generation import Answer
    from rag.search.retrieval import Found

#: Of a question's result, told before its text.
_VERDICT: Final = ("answered", "confidence", "why", "filter_hints", "documents", "waiting")
#: What a result tells of where its search stood.
_STANDING: Final = ("documents", "waiting", "filter_hints")


def verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result says before its text: whether that is an answer, and why it is none."""
    return {name: result[name] for name in _VERDICT if name in result}


def search_result(found: "Found") -> dict[str, Any]:
    """Return a search's result as the API shows it."""
    sources = [source_of(passage) for passage in found.passages]
    result = {"results": sources, "degraded": found.degraded} | _told(
        _standing(found), answered=bool(sources)
    )
    return result if found.trace is None else result | {"trace": found.trace}


def query_result(
    answer: "Answer", passages: Sequence[Passage], row: Mapping[str, Any], *, grounded: bool
) -> dict[str, Any]:
    """
    Return a question's result as the API shows it, its sources left out.

    *row* has what `search_fields` made of the search for *passages*, and *grounded* says whether
    any were wanted.
    """
    lacking = {"missing": list(answer.missing)} if answer.missing else {}
    result = lacking | {
        "answer": answer.text,
        "citations": [cited(citation, passages[citation.source]) for citation in answer.citations],
        "answered": answer.answered,
        "confidence": answer.confidence,
        "generator": answer.generator,
        "usage": answer.usage,
        "finish_reason": answer.finish_reason,
        "degraded": orjson.loads(row.get("degraded") or "[]"),
    }
    if answer.attributions:
        result["attributions"] = [
            cited(one.citation, passages[one.citation.source]) | {"at": one.at}
            for one in answer.attributions
        ]
    standing = orjson.loads(row.get("standing") or "{}")
    return result | _told(standing, answered=answer.answered, grounded=grounded)


def spent_tokens(answer: "Answer") -> dict[str, str]:
    """Return the field by which a key is charged, see `finish.lua`; none where no model tells."""
    asked = int(answer.usage.get("prompt_tokens") or 0)
    written = int(answer.usage.get("completion_tokens") or 0)
    return {"tokens": f"{asked} {written}"} if asked or written else {}


def search_fields(found: "Found") -> dict[str, Any]:
    """Return the fields of a row that tell how its search went."""
    spent = {"dense": found.dense_ms, "sparse": found.sparse_ms, "fuse": found.fuse_ms}
    if found.rerank_ms:
        spent["rerank"] = found.rerank_ms
    return {f"ms_{name}": round(ms, 1) for name, ms in spent.items() if ms} | {
        "ms_embed": round(found.embed_ms, 2),
        "ms_retrieve": round(found.retrieve_ms, 2),
        "degraded": orjson.dumps(found.degraded).decode(),
        "standing": orjson.dumps(_standing(found)).decode(),
    }


def _standing(found: "Found") -> dict[str, Any]:
    """Return what a search could see of its collection, as its row keeps it."""
    standing: dict[str, Any] = {"documents": found.documents, "waiting": found.waiting}
    if found.unmatched:
        standing["unmatched"] = True
    if found.hints and found.documents:
        standing["filter_hints"] = list(found.hints)
    return standing


def _told(standing: Mapping[str, Any], *, answered: bool, grounded: bool = True) -> dict[str, Any]:
    """Show where a search stood, and why nothing was found, or no answer in what was."""
    why = reason(
        # Rows of earlier builds do not tell.
        documents=standing.get("documents", 1),
        unmatched=standing.get("unmatched", False),
        searched=grounded,
    )
    told = {name: standing[name] for name in _STANDING if name in standing}
    return told | {"why": None if answered else why}
