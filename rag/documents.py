"""What a document is made of: parsed text, blocks, chunks, and retrieved passages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

Scalar = str | int | float | bool
#: What metadata says under one name: a value, or a list of several.
Value = Scalar | list[Scalar]
BlockKind = Literal["heading", "paragraph", "list", "code", "table"]

#: What the pages of a document are where they are no pages, by its kind.
PAGE_KINDS: Final = {
    "xlsx": "sheet", "xls": "sheet", "ods": "sheet", "pptx": "slide", "odp": "slide"
}  # fmt: skip


#: Fields of a chunk, a part and a passage that few of them have, and that are told of those alone.
RARE: Final = ("context", "headers", "page_label", "page_kind", "section", "headings")


@dataclass(frozen=True, slots=True)
class Block:
    """
    One structural piece of a parsed text: the span `text[start:end]` in code points.

    In a `table` each line is a row. *header* is the length, in code points from *start*, of the
    lines that name the columns; 0 where no line does, or where each row names its own.
    """

    kind: BlockKind
    start: int
    end: int
    level: int = 0  # of a heading: 1 is the top
    header: int = 0


@dataclass(frozen=True, slots=True)
class Page:
    """
    Where a page of the original lies in the parsed text; numbered from 1.

    *label* is what the document itself calls the page, such as `iv` or the name of a sheet; empty
    where that is *number*.
    """

    number: int
    start: int
    end: int
    label: str = ""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """
    A document as text. Spans everywhere else in Quern count code points of *text*.

    Blocks are in order, do not overlap and are not empty; what lies between them is white space.
    Pages are given where the format has them. *notes* name in plain words what the file holds and
    *text* does not, a sentence each. *encoding* is the one that the bytes of a text file were taken
    for (an IANA name), empty for other files.
    """

    text: str
    kind: str
    title: str | None = None
    blocks: tuple[Block, ...] = ()
    pages: tuple[Page, ...] = ()
    notes: tuple[str, ...] = ()
    encoding: str = ""


@dataclass(frozen=True, slots=True)
class Chunk:
    """
    What is embedded and retrieved: exactly `document.text[start:end]`, *n* counted from 0.

    *before* is the white space between it and the chunk before; empty where it was not kept.
    *context* is read with the text where both are indexed or shown, and is no part of the text: the
    header of a table for rows that are cut off from it. *headers* are the spans of the document's
    text, inside the chunk, where tables name their columns. *page* is where the chunk begins,
    *page_label* what the document calls that page, and *page_kind* what it is: `sheet`, `slide`, or
    empty for a page. *section* names the headings that it begins under, and *headings* are those
    inside: (start, end, level) in the document's text. Neither is indexed.
    """

    n: int
    start: int
    end: int
    text: str
    page: int | None = None
    before: str = ""
    context: str = ""
    headers: tuple[tuple[int, int], ...] = ()
    page_label: str = ""
    page_kind: str = ""
    section: str = ""
    headings: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """One chunk of a passage that neighbours were joined to, with its own score, context, page."""

    chunk_id: str
    start: int
    end: int
    score: float
    context: str = ""
    page: int | None = None
    page_label: str = ""
    page_kind: str = ""


@dataclass(frozen=True, slots=True)
class Passage:
    """
    A chunk that retrieval found, with the score that ranked it, or neighbouring chunks as one.

    Of joined chunks *start*, *end*, *text*, *headers* and *headings* are those of the whole,
    *context*, *section* and what is told of the page are the first one's, and *chunk_id*, *n* and
    *score* are the best one's; *parts* lists them in the document's order. A chunk that stands
    alone has no parts. *language* is the document's, ISO 639-1 or empty. *collection_id* says whose
    it is where several collections were searched and it is not the first one's. *relevance* says
    how likely it has what was asked for, 0 to 1, and *filename* what its file is called, both where
    that was wanted: see `rag.extractive.relevance`. For *context*, *headers*, *section*, *headings*
    and the page see `Chunk`.
    """

    chunk_id: str
    document_id: str
    generation: int
    n: int
    title: str
    text: str
    start: int
    end: int
    score: float
    page: int | None = None
    metadata: Mapping[str, Value] = field(default_factory=dict)
    parts: tuple[Part, ...] = ()
    language: str = ""
    context: str = ""
    headers: tuple[tuple[int, int], ...] = ()
    page_label: str = ""
    page_kind: str = ""
    section: str = ""
    headings: tuple[tuple[int, int, int], ...] = ()
    collection_id: str = ""
    relevance: float | None = None
    filename: str = ""

    @property
    def chunks(self) -> tuple[Part, ...]:
        """The chunks it is made of, in the document's order; itself where it stands alone."""
        alone = Part(
            self.chunk_id, self.start, self.end, self.score, self.context,
            self.page, self.page_label, self.page_kind,
        )  # fmt: skip
        return self.parts or (alone,)

    def chunk_at(self, place: int) -> Part:
        """Return the chunk of code point *place* of the parsed text, or the one before it."""
        chunks = self.chunks
        return next((part for part in reversed(chunks) if part.start <= place), chunks[0])


def rare(chunk: Chunk) -> dict[str, object]:
    """Return by name those fields that few chunks have, where this one has them."""
    return {name: value for name in RARE if (value := getattr(chunk, name))}


def indexed_text(title: str, text: str, context: str = "") -> str:
    """What both indexes see of a chunk: its document's title, its context, then its own text."""
    return "\n".join([*filter(None, (title, context)), text])


def chunk_id(document_id: str, generation: int, n: int) -> str:
    """Name a chunk; a chunk id never changes its text, so texts may be cached for ever."""
    return f"{document_id}:{generation}:{n}"


def split_chunk_id(name: str) -> tuple[str, int, int]:
    """Take a chunk id apart into document, generation and number; documents may hold colons."""
    document_id, generation, n = name.rsplit(":", 2)
    return document_id, int(generation), int(n)


#: Part of every fingerprint: raised when the same bytes would become other text, or a text of
#: another language.
PARSERS_VERSION = 4
