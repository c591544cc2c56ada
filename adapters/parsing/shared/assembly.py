"""Putting a parsed document together: cleaned pieces of text, with their blocks and pages."""

import re
from collections.abc import Sequence

from adapters.parsing.shared.invisible import seen
from rag.documents import Block, BlockKind, Page, ParsedDocument
from rag.text.spans import trimmed

_LINE_ENDS = re.compile("\r\n?|[\x0b\x0c\x85\u2028\u2029]")
_BLANK_LINES = re.compile(r"\n(?:[^\S\n]*\n)+")
# Control characters but tab and newline, lone surrogates, noncharacters.
_DROPPED = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_TITLE_CHARACTERS = 300
_TOP_BLOCKS = 20  # a heading after so many blocks heads a part
_LETTER = re.compile(r"[^\W_]")


def cleaned(text: str) -> str:
    """Return *text* with line feeds for newlines, no control characters and no unseen signs."""
    return seen(_DROPPED.sub("", _LINE_ENDS.sub("\n", text)))


def sane_title(text: str | None) -> str | None:
    """Return a title on one line, None where it holds no letter or digit or is far too long."""
    title = " ".join(cleaned(text or "").split())
    return title if _LETTER.search(title) and len(title) <= _TITLE_CHARACTERS else None


def paragraphs(
    text: str, *, kind: BlockKind, start: int = 0, end: int | None = None
) -> list[Block]:
    """Return the blocks of *kind* that blank lines part in `text[start:end]`."""
    end = len(text) if end is None else end
    edges = [m.span() for m in _BLANK_LINES.finditer(text, start, end)]
    begins = [start, *(after for _, after in edges)]
    ends = [*(before for before, _ in edges), end]
    spans = [trimmed(text, *edge) for edge in zip(begins, ends, strict=True)]
    return [Block(kind, first, last) for first, last in spans if first < last]


def header_lines(text: str, block: Block) -> int:
    """Return how many lines of a table in *text* name its columns, for `Assembly.add`."""
    names = text[block.start : block.start + block.header]
    # The last line of a table of nothing but names has no line feed.
    return names.count("\n") + (names[-1:] not in ("", "\n"))


class Assembly:
    """Collects pieces of text in order; blank lines part the blocks that come of them."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._pages: list[Page] = []
        self._notes: list[str] = []
        self._number: int | None = None  # of the page that is being filled
        self._label = ""
        self._page_start: int | None = None
        self._length = 0

    def page(self, number: int, *, label: str = "") -> None:
        """Begin page *number*; it ends where the next begins, or with the document."""
        self._end_page()
        self._number, self._label = number, label

    def note(self, *sentences: str) -> None:
        """Add plain *sentences* on what was left out; the same sentence is added once."""
        self._notes += [one for one in dict.fromkeys(sentences) if one not in self._notes]

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        header: int = 0,
        turns: Sequence[tuple[int, int, str]] = (),
    ) -> None:
        """
        Append a block, cleaned and trimmed; list after list is one block, a line an item.

        *header* counts the first lines of a table that name its columns. *turns* are the pages that
        begin within *text*, in order: after how many code points of it, their number, their label.
        """
        whole = text
        text = cleaned(text).rstrip()
        length, bare = len(text), text.lstrip()
        if not bare:
            for _, number, label in turns:
                self.page(number, label=label)
            return
        joined = kind == "list" and bool(self._blocks) and self._blocks[-1].kind == "list"
        if not joined:
            text = bare
        if self._blocks:
            self._append("\n" if joined else "\n\n")
        if self._page_start is None:
            self._page_start = self._length
        start = self._blocks.pop().start if joined else self._length
        last, place = 0, len(text) - length
        for after, number, label in turns:
            piece, last = cleaned(whole[last:after]), after
            place += len(piece)
            begin = min(max(place, 0), len(text))
            end = min(max(place - len(piece) + len(piece.rstrip()), 0), begin)
            self._turn_page(self._length + end, self._length + begin, number, label)
        self._append(text)
        heading = sum(map(len, text.splitlines(keepends=True)[:header]))
        self._blocks.append(Block(kind, start, self._length, level, heading))

    def document(self, kind: str, *, title: str | None = None) -> ParsedDocument:
        """
        Return what was collected.

        Without a *title* it is the heading of the least level, if it stands near the top and is the
        only one of that level: the first of several equal headings names a part, not the whole.
        """
        self._end_page()
        text = "".join(self._parts)
        if title is None:
            headings = [(b.level, n) for n, b in enumerate(self._blocks) if b.kind == "heading"]
            tops = [n for level, n in headings if level == min(headings)[0]]
            if len(tops) == 1 and tops[0] < _TOP_BLOCKS:
                top = self._blocks[tops[0]]
                title = sane_title(text[top.start : top.end])
        return ParsedDocument(
            text, kind, title, tuple(self._blocks), tuple(self._pages), tuple(self._notes)
        )

    def _append(self, text: str) -> None:
        """Append raw text."""
        self._parts.append(text)
        self._length += len(text)

    def _turn_page(self, end: int, start: int, number: int, label: str) -> None:
        """End the page that was being filled at *end*; page *number* begins at *start*."""
        if self._number is not None:
            first = end if self._page_start is None else self._page_start
            self._pages.append(Page(self._number, first, max(first, end), self._label))
        self._number, self._label, self._page_start = number, label, start

    def _end_page(self) -> None:
        """Record the page that was being filled; a page without text is an empty span."""
        if self._number is not None:
            start = self._length if self._page_start is None else self._page_start
            self._pages.append(Page(self._number, start, self._length, self._label))
        self._number = self._page_start = None
