"""What answers have of deleted documents: it is withheld, and that it was is told."""

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from corpus.catalogue.deletions import Deletions, Generation
from rag.answers.withheld import (
    Quoted,
    prose_without_deleted,
    quotes_without_deleted,
)

#: What is shown of a source or citation of a deleted document: which it was, and where it stood.
_SHOWN: Final = (
    "marker", "source", "chunk_id", "document_id", "generation", "n", "start", "end", "score",
    "page",
)  # fmt: skip
#: What stands for an earlier answer: nobody knows what it was made of.
EARLIER: Final = "(Withheld: it may quote a document that was deleted since.)"
#: Fields that every source or citation has, emptied.
_SOURCE: Final[dict[str, Any]] = {"title": "", "text": "", "metadata": {}, "parts": []}
_CITATION: Final[dict[str, Any]] = {"quote": "", "shown": ""}


class DeletedQuotes:
    """
    Withhold what ended questions and searches show of documents that were deleted on purpose.

    Of a document that was replaced its source is shown as it was read.

    Args:
        keep_s: How long after its delete a document's words are still shown.
    """

    def __init__(self, deletions: Deletions, *, keep_s: float) -> None:
        self._deletions = deletions
        self._keep_s = keep_s

    def withheld(self, row: Mapping[str, str], told: dict[str, Any]) -> dict[str, Any]:
        """
        Return what is *told* of a job's *row* without what is from deleted documents.

        Sources, citations and the answer lose those words; `deleted` of the result lists the
        documents. One look at the catalogue, whatever there is to look for.
        """
        return self.withheld_each(row.get("incarnation", ""), [told])[0]

    def withheld_each(
        self, collection_id: str, many: Sequence[dict[str, Any]]
    ) -> list[dict[str, Any]]:
        """Return each of what is told as `withheld` does; one look for all, of one collection."""
        gone = self._gone(collection_id, [source for told in many for source in _sources(told)])
        return [_without(told, gone) for told in many]

    def _gone(
        self, collection_id: str, sources: Collection[Mapping[str, Any]]
    ) -> frozenset[Generation]:
        """Return the versions of documents among *sources* whose words are withheld."""
        if not sources or not collection_id:
            return frozenset()
        until = time.time() - self._keep_s
        read: dict[str, set[Generation]] = {}
        for source in sources:
            # Where several collections were searched, those of the others say whose they are.
            whose = source.get("collection_id") or collection_id
            read.setdefault(whose, set()).add(_version(source))
        deleted: dict[Generation, float] = {}
        for whose, versions in read.items():
            deleted |= self._deletions.of(whose, versions)
        return frozenset(one for one, at in deleted.items() if at <= until or not self._keep_s)


def _sources(told: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    """Return the sources that are told of a job."""
    result = told.get("result", {})
    return result.get("results") or result.get("sources") or told.get("sources") or []


def _without(told: dict[str, Any], gone: Collection[Generation]) -> dict[str, Any]:
    """Return what is told of a job without what is from documents that are *gone*."""
    sources, result = _sources(told), told.get("result", {})
    lost = {version for source in sources if (version := _version(source)) in gone}
    if not lost:
        return told
    shown = [
        _emptied(source, _SOURCE) if _version(source) in lost else source for source in sources
    ]
    if not result:
        return told | {"sources": shown}
    names = sorted({one.document for one in lost})
    if "results" in result:
        return told | {"result": result | {"results": shown, "deleted": names}}
    numbers = {n for n, source in enumerate(sources, start=1) if _version(source) in lost}
    return told | {"result": _answer(result, numbers) | {"sources": shown, "deleted": names}}


def without_answers(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a question's *request* without the answers before it, which nobody can take apart."""
    history = [
        turn if turn.get("role") == "user" else dict(turn) | {"text": EARLIER}
        for turn in request.get("history") or ()
    ]
    return dict(request) | ({"history": history} if history else {})


def _answer(result: Mapping[str, Any], numbers: Collection[int]) -> dict[str, Any]:
    """Return a result whose answer and citations say nothing of the sources with these numbers."""
    citations = [
        _emptied(citation, _CITATION) if citation["marker"] in numbers else citation
        for citation in result.get("citations", ())
    ]
    text, gone = result.get("answer", ""), frozenset(numbers)
    if result.get("generator") == "extractive":
        quotes = [
            Quoted(citation.get("shown") or citation["quote"], citation["marker"])
            for citation in result.get("citations", ())
        ]
        text = quotes_without_deleted(text, quotes, gone)
    else:
        text = prose_without_deleted(text, gone)
    kept = dict(result) | {"answer": text, "citations": citations}
    kept.pop("attributions", None)  # they name places of a text that is another now
    return kept


def _emptied(told: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return which document was quoted, and where, without what it said."""
    kept = {name: told[name] for name in _SHOWN if name in told}
    return kept | dict(fields) | {"deleted": True}


def _version(source: Mapping[str, Any]) -> Generation:
    """Return which version of which document a source is of."""
    return Generation(str(source["document_id"]), int(source.get("generation", 0)))
