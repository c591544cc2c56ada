"""What chunks stand under: the headings of their document, kept with each."""

from dataclasses import replace

from adapters.chroma.store import _metadata, _stored
from adapters.local_index.stored_chunks.chunk_records import read_record, record_of
from adapters.parsing.formats import parse
from corpus.manifests import chunks_of, spans_of
from rag.chunking.chunker import Chunker
from rag.documents import Chunk, ParsedDocument, Passage
from rag.ports import StoredChunk
from rag.search.context import join_neighbours
from rag.structure.sections import Sections, written
from tests.unit.rag.chunking.test_chunking import Words

GUIDE = """# Guide

Words before all.

## Pumps

### Small ones

{long}

### Big ones

They are big.

## Lids

They are lids.
"""


def document() -> ParsedDocument:
    long = " ".join(f"Small pump number {n} is small." for n in range(30))
    return parse(GUIDE.format(long=long).encode(), filename="guide.md")


def chunks() -> list[Chunk]:
    return Chunker(max_tokens=40).chunk(document(), title="Guide", counter=Words())


def test_a_chunk_knows_the_headings_that_it_begins_under() -> None:
    found = chunks()

    inside = [one for one in found if one.text.startswith("Small pump number")]
    assert inside
    assert {one.section for one in inside} == {"Pumps \u203a Small ones"}
    (lids,) = [one for one in found if "They are lids" in one.text]
    assert "Pumps" not in lids.section


def test_a_heading_that_begins_a_chunk_stands_under_those_above_it() -> None:
    (big,) = [one for one in chunks() if one.text.startswith("### Big ones")]

    assert big.section == "Pumps"
    first, last, level = big.headings[0]
    assert (document().text[first:last], level) == ("### Big ones", 3)


def test_a_heading_of_the_title_s_words_says_nothing_more() -> None:
    whole = document()

    assert Sections(whole, title="guide").at(whole.text.index("Words before")) == ""
    assert Sections(whole, title="Other").at(whole.text.index("Words before")) == "Guide"


def test_a_long_heading_is_cut() -> None:
    assert len(written("# " + "word " * 100)) <= 120


def test_sections_are_kept_wherever_chunks_are() -> None:
    for chunk in chunks():
        stored = StoredChunk("d:1:1", replace(chunk, n=1), 9, "Guide", {})

        assert read_record(record_of(stored)) == stored
        assert _stored("d:1:1", chunk.text, _metadata(stored)) == stored


def test_a_manifest_brings_sections_back() -> None:
    found = chunks()

    back = chunks_of({"chunks": spans_of(found)}, document().text)

    assert [(one.section, one.headings) for one in back] == [
        (one.section, one.headings) for one in found
    ]


def test_chunks_that_are_joined_have_the_headings_of_all() -> None:
    found = chunks()
    before = {f"d:1:{n}": "" for n in range(len(found))}
    passages = [
        Passage(
            f"d:1:{one.n}", "d", 1, one.n, "", one.text, one.start, one.end, 1.0,
            section=one.section, headings=one.headings,
        )
        for one in found[-2:]
    ]  # fmt: skip
    before[f"d:1:{found[-1].n}"] = document().text[found[-2].end : found[-1].start]

    (joined,) = join_neighbours(passages, before)

    assert joined.section == found[-2].section
    assert joined.headings == found[-2].headings + found[-1].headings
