"""Chunks of long tables: cut between rows, each with the names of its columns."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.chroma.store import _metadata, _stored
from adapters.local_index.stored_chunks.chunk_records import read_record, record_of
from corpus.embedding import embedded
from corpus.manifests import chunks_of, manifest_of, stored_chunks
from rag.chunking.chunker import Chunker
from rag.documents import Block, Chunk, ParsedDocument, Part, Passage, indexed_text
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import StoredChunk
from rag.search.context import join_neighbours
from rag.text.table_headers import header_of
from tests.unit.rag.chunking.test_chunking import Words

HEADER = "Site | Pump | Pressure"
ROWS = [f"Town {n} | P{n} | {n} bar" for n in range(100, 160)]


def table(
    rows: list[str], *, header: str = HEADER, before: str = "", after: str = ""
) -> ParsedDocument:
    lines = "\n".join([header, *rows] if header else rows)
    text = "\n\n".join(part for part in (before, lines, after) if part)
    start = text.index(lines)
    blocks = [Block("table", start, start + len(lines), header=len(header))]
    if before:
        blocks.insert(0, Block("paragraph", 0, len(before)))
    if after:
        blocks.append(Block("paragraph", len(text) - len(after), len(text)))
    return ParsedDocument(text, "csv", blocks=tuple(blocks))


def chunks(document: ParsedDocument, *, most: int = 60, title: str = "Pumps") -> list[Chunk]:
    return Chunker(max_tokens=most).chunk(document, title=title, counter=Words())


def test_each_chunk_of_a_long_table_names_the_columns_once() -> None:
    found = chunks(table(ROWS))

    assert len(found) > 5
    assert found[0].text.startswith(HEADER)
    assert found[0].context == ""
    assert {chunk.context for chunk in found[1:]} == {HEADER}
    assert not any("Site" in chunk.text for chunk in found[1:])


def test_a_table_is_cut_between_its_rows_and_its_text_stays_exact() -> None:
    document = table(ROWS)

    found = chunks(document)

    assert all(document.text[chunk.start : chunk.end] == chunk.text for chunk in found)
    assert [line for chunk in found for line in chunk.text.splitlines()] == [HEADER, *ROWS]


def test_the_header_counts_like_the_title() -> None:
    found = chunks(table(ROWS), most=40, title="A title of six words indeed")

    counts = Words().count_tokens(
        [indexed_text("A title of six words indeed", one.text, one.context) for one in found]
    )
    assert max(counts) <= 40
    assert len(found) > 10


def test_a_header_does_not_stand_alone_and_text_around_a_table_has_none() -> None:
    before, after = "Words before it. " * 12, "Words after it. " * 12
    found = chunks(table(ROWS, before=before.strip(), after=after.strip()))

    with_header = next(one for one in found if HEADER in one.text)
    assert ROWS[0] in with_header.text
    for one in found:
        starts_in_rows = one.text.splitlines()[0] in ROWS
        assert bool(one.context) == starts_in_rows


def test_rows_that_name_themselves_and_tables_without_a_header_have_no_context() -> None:
    found = chunks(table([f"site: Town {n}; pump: P{n}" for n in range(60)], header=""))

    assert len(found) > 3
    assert {one.context for one in found} == {""}
    assert {one.headers for one in found} == {()}


def test_a_row_longer_than_a_chunk_is_cut_and_each_part_keeps_the_header() -> None:
    row = "Town | P1 | " + " ".join(["pressure"] * 200)

    found = chunks(table([row, "Town 2 | P2 | 3 bar"]))

    assert len(found) > 3
    assert all(one.context == HEADER for one in found[2:])


def test_a_header_too_wide_for_a_chunk_is_cut_behind_a_cell() -> None:
    header = " | ".join(f"Column {n}" for n in range(40))
    rows = [" | ".join(str(n) for n in range(20)) for _ in range(20)]

    context = chunks(table(rows, header=header))[-1].context

    assert context.startswith("Column 0 | Column 1 |")
    assert context.endswith(" | \u2026")
    assert context.split(" | ")[-2] in header.split(" | ")
    assert Words().count_tokens([context])[0] <= 30


def test_a_rule_below_a_header_is_no_name() -> None:
    header = "| Plan | Users |\n|:-----|------:|"

    found = chunks(table(["| Team | 10 |"] * 60, header=header))

    assert found[-1].context == "| Plan | Users |"
    assert header_of("2023 | \n Q1 | Q2\n====") == "2023 |\nQ1 | Q2"


def test_where_headers_lie_is_kept_with_the_chunk_that_holds_them() -> None:
    document = table(ROWS[:3], before="All pumps:")

    (only,) = chunks(document, most=200)

    assert [document.text[start:end] for start, end in only.headers] == [HEADER]


@given(
    st.lists(st.lists(st.sampled_from(["a", "b b", "", "cc, dd"]), min_size=3, max_size=3)),
    st.integers(1, 2),
    st.integers(16, 60),
)
def test_any_table_is_cut_within_the_budget(rows: list[list[str]], lines: int, most: int) -> None:
    header = "\n".join(["one | two | three"] * lines)
    document = table([" | ".join(row) for row in rows], header=header, after="The end.")

    found = chunks(document, most=most, title="T")

    texts = [indexed_text("T", one.text, one.context) for one in found]
    assert max(Words().count_tokens(texts)) <= most
    for one in found:
        in_rows = len(header) < one.start < document.blocks[0].end
        assert bool(one.context) == in_rows


# Where it travels ------------------------------------------------------------------------------


def stored(context: str = HEADER, headers: tuple[tuple[int, int], ...] = ((3, 9),)) -> StoredChunk:
    chunk = Chunk(1, 3, 30, "Town 7 | P7 | 7 bar", 2, "\n", context, headers)
    return StoredChunk("d:1:1", chunk, 3, "Pumps", {"year": 2020}, "en", b"codes")


@pytest.mark.parametrize("sentences", [b"", b"codes"])
@pytest.mark.parametrize(("context", "headers"), [("", ()), (HEADER, ()), ("", ((3, 9),))])
def test_context_and_headers_come_back_from_chroma_and_from_a_record(
    sentences: bytes, context: str, headers: tuple[tuple[int, int], ...]
) -> None:
    one = replace(stored(context, headers), sentences=sentences)

    assert _stored(one.chunk_id, one.chunk.text, _metadata(one)) == one
    assert read_record(record_of(one)) == one


def test_chunks_without_them_take_no_more_room_than_before() -> None:
    plain, tabular = stored("", ()), stored()

    assert b"context" not in record_of(plain)
    assert b"headers" not in record_of(plain)
    assert len(str(_metadata(plain)["chunk"])) < len(str(_metadata(tabular)["chunk"])) - len(HEADER)
    assert '"context"' not in str(manifest_of(table([]), "", [plain.chunk], ""))


def test_a_document_is_embedded_and_indexed_with_its_headers() -> None:
    document = table(ROWS)
    cut = chunks(document)
    manifest = manifest_of(document, "Pumps", cut, "blob", language="en")
    assert chunks_of(manifest, document.text)[1:] == [replace(one, before="\n") for one in cut[1:]]

    embedder = HashingEmbedder()
    whole, _ = embedded(embedder, stored_chunks("d", 1, manifest, document.text, {}))

    assert embedder.seen[1] == whole[1].indexed == f"Pumps\n{HEADER}\n{cut[1].text}"


def test_joined_neighbours_have_the_context_of_the_first() -> None:
    passages = [
        Passage(
            f"d:1:{n}", "d", 1, n, "T", "row", 10 * n, 10 * n + 3, 1.0 / n, context=f"header {n}",
            headers=((10 * n, 10 * n + 1),),
        )
        for n in (2, 1)
    ]  # fmt: skip

    (joined,) = join_neighbours(passages, {"d:1:2": "       ", "d:1:1": ""})

    assert joined.context == "header 1"
    assert joined.headers == ((10, 11), (20, 21))
    assert joined.parts[1] == Part("d:1:2", 20, 23, 0.5, "header 2")
