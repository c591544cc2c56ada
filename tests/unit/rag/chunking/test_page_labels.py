"""What a document calls its pages: from the reader to whoever reads an answer."""

from dataclasses import replace
from typing import Any

import pytest

from adapters.chroma.store import _metadata, _stored
from adapters.local_index.stored_chunks.chunk_records import read_record, record_of
from cli.commands.ask import _page
from corpus.manifests import chunks_of, manifest_of
from jobs.sources import cited, passage_of, source_of
from rag.answers.citations import Citation
from rag.chunking.chunker import Chunker
from rag.documents import Chunk, Page, ParsedDocument, Part, Passage
from rag.ports import StoredChunk
from rag.search.context import join_neighbours
from tests.unit.rag.chunking.test_chunking import Words

PLAIN = Chunk(1, 3, 15, "Four is due.", 2)
LABELLED = replace(PLAIN, page_label="iv")
SHEET = replace(PLAIN, page_label="Prices", page_kind="sheet")
SLIDE = replace(PLAIN, page_kind="slide")
ROWS = replace(SHEET, context="A | B", headers=((3, 4),))


def chunks(kind: str, *labels: str) -> list[Chunk]:
    text = "\n\n".join("word " * 40 for _ in labels)
    each = len("word " * 40) + 2
    pages = tuple(
        Page(n, n * each - each, min(n * each, len(text)), label)
        for n, label in enumerate(labels, start=1)
    )
    document = ParsedDocument(text, kind, pages=pages)
    return Chunker(max_tokens=45).chunk(document, title="", counter=Words())


def test_a_chunk_knows_what_its_page_is_called() -> None:
    found = chunks("pdf", "iii", "iv", "")

    assert [one.page for one in found] == [1, 2, 3]
    assert [one.page_label for one in found] == ["iii", "iv", ""]
    assert {one.page_kind for one in found} == {""}


@pytest.mark.parametrize(
    ("kind", "called"),
    [("xlsx", "sheet"), ("xls", "sheet"), ("ods", "sheet"), ("pptx", "slide"), ("odp", "slide")],
)
def test_a_sheet_and_a_slide_are_no_pages(kind: str, called: str) -> None:
    assert {one.page_kind for one in chunks(kind, "Prices", "")} == {called}


def test_a_document_without_pages_tells_of_none() -> None:
    (one,) = Chunker().chunk(ParsedDocument("text", "xlsx"), title="", counter=Words())

    assert (one.page, one.page_label, one.page_kind) == (None, "", "")


def test_a_label_is_one_line_of_bounded_length() -> None:
    first, second = chunks("ods", "Two\nlines  here", "long " * 1000)

    assert first.page_label == "Two lines here"
    assert len(second.page_label) == 80
    assert second.page_label.endswith("\u2026")


@pytest.mark.parametrize("chunk", [PLAIN, LABELLED, SHEET, SLIDE, ROWS])
@pytest.mark.parametrize("sentences", [b"", b"codes"])
def test_a_label_comes_back_from_manifest_chroma_and_record(chunk: Chunk, sentences: bytes) -> None:
    one = StoredChunk("d:1:1", chunk, 3, "T", {"year": 2020}, "en", sentences)
    text = f"   {chunk.text}"

    assert chunks_of(manifest_of(ParsedDocument(text, "pdf"), "T", [chunk], ""), text) == [chunk]
    assert _stored(one.chunk_id, chunk.text, _metadata(one)) == one
    assert read_record(record_of(one)) == one


def test_nothing_is_stored_where_there_is_none() -> None:
    one = StoredChunk("d:1:1", PLAIN, 3, "T", {})

    assert _metadata(one)["chunk"] == '[3,3,15,2,""]'
    assert b"page_" not in record_of(one)
    assert "page_" not in str(manifest_of(ParsedDocument("text", "pdf"), "T", [PLAIN], ""))


def passage(n: int, label: str = "", **more: Any) -> Passage:
    return Passage(
        f"d:1:{n}", "d", 1, n, "T", "row", 10 * n, 10 * n + 3, 1.0 / n, page=n + 1,
        page_label=label, **more,
    )  # fmt: skip


def test_a_joined_passage_has_the_first_page_and_its_parts_their_own() -> None:
    (joined,) = join_neighbours(
        [passage(2, "v"), passage(1, "iv")], {"d:1:2": "       ", "d:1:1": ""}
    )

    assert (joined.page, joined.page_label) == (2, "iv")
    assert joined.parts[1] == Part("d:1:2", 20, 23, 0.5, page=3, page_label="v")


def test_a_source_tells_labels_where_there_are_some_and_is_read_back() -> None:
    joined = join_neighbours(
        [passage(2, page_kind="slide"), passage(1, "iv")], {"d:1:2": "       ", "d:1:1": ""}
    )[0]
    told = source_of(joined)

    assert told["page_label"] == "iv"
    assert "page_kind" not in told
    assert told["parts"][1] == {
        "chunk_id": "d:1:2", "start": 20, "end": 23, "score": 0.5, "page": 3, "page_kind": "slide",
    }  # fmt: skip
    assert passage_of(told) == joined
    old = {name: value for name, value in source_of(passage(1)).items() if "page_" not in name}
    assert passage_of(old) == passage(1)


def test_a_citation_tells_the_page_of_the_chunk_that_it_quotes() -> None:
    (joined,) = join_neighbours([passage(2, "v"), passage(1)], {"d:1:2": "       ", "d:1:1": ""})

    first, second = (
        cited(Citation(1, 0, at, at + 3, "row"), joined) for at in (joined.start, joined.end - 3)
    )

    assert (first["page"], first["chunk_id"]) == (2, "d:1:1")
    assert (second["page"], second["page_label"]) == (3, "v")
    assert "page_label" not in first
    bare = replace(passage(1), page=None)
    assert cited(Citation(1, 0, 10, 13, "row"), bare)["page"] is None


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ({"page": None}, ""),
        ({"page": 7}, "page 7"),
        ({"page": 4, "page_label": "iv"}, "page iv"),
        ({"page": 2, "page_label": "Prices", "page_kind": "sheet"}, "sheet Prices"),
        ({"page": 3, "page_kind": "slide"}, "slide 3"),
    ],
)
def test_people_read_the_label(source: dict[str, Any], said: str) -> None:
    assert _page(source) == said
