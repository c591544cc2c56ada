"""Chunks: nothing is lost, nothing is too long, and structure is kept where it can be."""

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chunking.chunker import Chunker, fit_title
from rag.documents import Block, BlockKind, Page, ParsedDocument, indexed_text


class Words:
    """Counts words and marks, and remembers how often it was called."""

    def __init__(self) -> None:
        self.calls = 0

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.calls += 1
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


class Pieces:
    """Counts three characters a token, over spaces: joined texts are not the sum of their parts."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [-(-len(text) // 3) for text in texts]


def document(*parts: tuple[BlockKind, str, int]) -> ParsedDocument:
    text = ""
    blocks = []
    for kind, piece, level in parts:
        text += "\n\n" if text else ""
        blocks.append(Block(kind, len(text), len(text) + len(piece), level))
        text += piece
    return ParsedDocument(text, "text", None, tuple(blocks))


def heading(text: str, level: int = 1) -> tuple[BlockKind, str, int]:
    return "heading", text, level


def words(count: int, *, sentence: int = 10) -> tuple[BlockKind, str, int]:
    sentences = [" ".join(["word"] * (sentence - 2)) + " end." for _ in range(count // sentence)]
    return "paragraph", " ".join(s.capitalize() for s in sentences), 0


def texts(doc: ParsedDocument, *, most: int = 100, title: str = "") -> list[str]:
    chunks = Chunker(max_tokens=most).chunk(doc, title=title, counter=Words())
    return [chunk.text for chunk in chunks]


def test_a_short_document_is_one_chunk() -> None:
    doc = document(words(60), words(30))

    assert texts(doc) == [doc.text]


def test_white_space_alone_gives_no_chunk() -> None:
    assert texts(ParsedDocument(" \n\t\n", "text")) == []


def test_a_paragraph_is_not_cut_when_it_fits_a_chunk_of_its_own() -> None:
    doc = document(words(80), words(80), words(80))

    assert texts(doc) == doc.text.split("\n\n")


def test_a_long_paragraph_is_cut_at_sentences_into_chunks_of_like_size() -> None:
    parts = texts(document(words(150)))

    assert len(parts) == 2
    assert all(part.endswith("end.") for part in parts)
    assert {len(part.split()) for part in parts} <= {63, 72, 81}


def test_a_heading_begins_a_chunk_and_stays_with_the_text_below() -> None:
    doc = document(heading("One"), words(80), heading("Two"), words(150))
    parts = texts(doc)

    assert [part.split("\n")[0] for part in parts if part[:4] in ("One\n", "Two\n")] == [
        "One",
        "Two",
    ]
    assert all(not part.endswith(("One", "Two")) for part in parts)
    assert all("\n\nTwo" not in part for part in parts)


def test_small_sibling_sections_are_joined_but_not_into_the_rest_of_another_section() -> None:
    doc = document(
        heading("A"),
        words(130),
        heading("B"),
        words(20),
        heading("C"),
        words(20),
    )
    parts = texts(doc)

    assert parts[-1].startswith("B\n")
    assert "\n\nC\n" in parts[-1]
    assert len(parts) == 3


def test_lines_of_code_and_tables_stay_whole() -> None:
    rows = "\n".join(f"name{n} | {n}. | Value" for n in range(60))
    parts = texts(document(("table", rows, 0)))

    assert len(parts) > 1
    assert "\n".join(parts) == rows


def test_a_chunk_is_on_the_page_that_holds_its_start() -> None:
    doc = document(words(80), words(80), words(80))
    edges = [block.start for block in doc.blocks]
    pages = (Page(1, 0, edges[1] - 2), Page(2, 0, 0), Page(3, edges[1], len(doc.text)))
    paged = ParsedDocument(doc.text, "pdf", None, doc.blocks, pages)
    chunks = Chunker(max_tokens=100).chunk(paged, title="", counter=Words())

    assert [chunk.page for chunk in chunks] == [2, 3, 3]


def test_the_counter_is_called_a_few_times_only() -> None:
    counter = Words()
    doc = document(*[words(70)] * 200)

    chunks = Chunker(max_tokens=100).chunk(doc, title="Title", counter=counter)

    assert len(chunks) == 200
    assert counter.calls <= 5


def test_a_word_that_never_ends_is_cut_all_the_same() -> None:
    parts = texts(ParsedDocument("x" * 100_000, "text"))

    assert "".join(parts) == "x" * 100_000
    assert max(map(len, parts)) <= 100 * 20


def test_a_title_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room"):
        texts(document(words(20)), most=5, title="one two three four five")


def test_the_fingerprint_tells_settings_apart() -> None:
    assert Chunker(max_tokens=100).fingerprint != Chunker(max_tokens=101).fingerprint


@pytest.mark.parametrize(
    ("title", "limit", "fitted"),
    [
        ("A short title", 9, "A short title"),
        ("one two  three four", 2, "one two"),
        ("", 5, ""),
        ("word", 0, ""),
    ],
)
def test_a_title_is_cut_at_a_word(title: str, limit: int, fitted: str) -> None:
    assert fit_title(title, Words(), limit) == fitted


def test_a_title_of_one_endless_word_is_cut_at_a_letter() -> None:
    fitted = fit_title("x" * 500, Pieces(), 10)

    assert fitted == "x" * 29


_PROSE = st.text(st.sampled_from("ab B.?!\n。- 1|"), max_size=120)
_ANY = st.text(st.characters(codec="utf-8"), max_size=60)
_KINDS: st.SearchStrategy[BlockKind] = st.sampled_from(
    ["heading", "paragraph", "list", "code", "table"]
)


@st.composite
def documents(draw: st.DrawFn) -> ParsedDocument:
    text = ""
    blocks: list[Block] = []
    for kind in draw(st.lists(_KINDS, max_size=8)):
        text += draw(st.sampled_from(["", "\n", "\n\n", "stray ", " \u2003"]))
        piece = draw(_PROSE | _ANY)
        if piece:
            level = draw(st.integers(1, 4)) if kind == "heading" else 0
            blocks.append(Block(kind, len(text), len(text) + len(piece), level))
        text += piece
    return ParsedDocument(text, "text", None, tuple(blocks))


@given(documents(), st.integers(4, 40), st.sampled_from(["", "Ti", "A b"]), st.booleans())
def test_chunks_hold_every_visible_character_once_within_the_budget(
    doc: ParsedDocument, most: int, title: str, additive: bool
) -> None:
    counter = Words() if additive else Pieces()
    chunks = Chunker(max_tokens=most).chunk(doc, title=title, counter=counter)

    assert [chunk.n for chunk in chunks] == list(range(len(chunks)))
    assert all(chunk.text == doc.text[chunk.start : chunk.end] for chunk in chunks)
    assert all(chunk.text.strip() == chunk.text != "" for chunk in chunks)
    assert all(a.end <= b.start for a, b in pairwise(chunks))
    assert "".join("".join(c.text.split()) for c in chunks) == "".join(doc.text.split())
    counts = counter.count_tokens([indexed_text(title, chunk.text) for chunk in chunks])
    assert all(count <= most for count in counts)


class Counted(Words):
    """Remembers what it counted."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        self.texts += texts
        return super().count_tokens(texts)


def test_of_a_short_document_the_tokens_are_counted_once() -> None:
    doc, counter = document(words(40), words(20)), Counted()

    chunks = Chunker(max_tokens=200).chunk(doc, title="Ti", counter=counter)

    assert [chunk.text for chunk in chunks] == [doc.text]
    assert counter.texts == [indexed_text("Ti", doc.text)]


def test_of_a_title_that_fits_by_its_letters_no_tokens_are_counted() -> None:
    counter = Counted()

    assert fit_title("A short  title", counter, 15) == "A short title"
    assert counter.texts == []
    assert fit_title("A short title", counter, 14) == "A short title"
    assert counter.texts


@given(documents(), st.integers(4, 200), st.sampled_from(["", "Ti", "A b"]))
def test_a_document_that_is_held_by_one_chunk_is_cut_as_any_other(
    doc: ParsedDocument, most: int, title: str
) -> None:
    chunker = Chunker(max_tokens=most)
    whole = chunker._whole(doc, title, Words())
    if whole is not None:
        assert chunker._cut(doc, title, Words())[0] == [whole]
