"""What answers from several collections show of documents that were deleted in one of them."""

from collections.abc import Collection
from typing import Any

from corpus.catalogue.deletions import Deletions, Generation
from intake.lookup.deleted_quotes import DeletedQuotes
from rag.answers.withheld import WITHHELD


class Deleted(Deletions):
    """Knows which generations of which collections were deleted."""

    def __init__(self, *gone: tuple[str, Generation]) -> None:
        self._gone = gone

    def of(self, collection_id: str, read: Collection[Generation]) -> dict[Generation, float]:
        return {one: 1.0 for whose, one in self._gone if whose == collection_id and one in read}


def source(document: str, **more: Any) -> dict[str, Any]:
    return {
        "document_id": document, "generation": 1, "text": f"Text of {document}.",
        "chunk_id": document, "title": document, "metadata": {}, **more,
    }  # fmt: skip


def told() -> dict[str, Any]:
    return {
        "result": {
            "answer": "One. [1] Two. [2]", "generator": "x", "citations": [],
            "attributions": [{"at": 4, "marker": 1, "source": 0, "quote": "One."}],
            "sources": [source("a"), source("b", collection_id="c2")],
        }
    }  # fmt: skip


def test_a_document_is_looked_for_in_its_own_collection() -> None:
    b = Generation("b", 1)
    row = {"incarnation": "c1"}
    kept = DeletedQuotes(Deleted(("c1", b)), keep_s=0).withheld(row, told())
    lost = DeletedQuotes(Deleted(("c2", b)), keep_s=0).withheld(row, told())

    assert kept == told()
    assert lost["result"]["deleted"] == ["b"]
    assert lost["result"]["answer"] == f"One. [1] {WITHHELD} [2]"
    assert [one["text"] for one in lost["result"]["sources"]] == ["Text of a.", ""]


def test_what_was_attributed_is_of_the_text_as_it_was() -> None:
    lost = DeletedQuotes(Deleted(("c1", Generation("a", 1))), keep_s=0).withheld(
        {"incarnation": "c1"}, told()
    )

    assert "attributions" not in lost["result"]
