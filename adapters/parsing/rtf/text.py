"""RTF: headings, paragraphs, lists, tables, notes and comments of a Rich Text file."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from adapters.parsing.rtf.tables import TableRows
from adapters.parsing.rtf.words import (
    SIGNS,
    SKIPPED,
    STARRED,
    Token,
    character,
    code_page,
    page_by_number,
    tokens,
)
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.packages import reading
from adapters.parsing.shared.titles import given_title
from rag.documents import BlockKind, ParsedDocument

_WHAT = "a Rich Text file"
_MOST_DEPTH = 2000  # of groups
_HEADING = re.compile(
    r"(?:heading|überschrift|titre|título|titolo|kop|rubrik|nagłówek|заголовок|标题|見出し)\s*(\d)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _State:
    """What holds within a group; a copy is put aside where a group begins."""

    skipped: bool = False
    hidden: bool = False
    deleted: bool = False
    page: str = ""
    fallback: int = 1  # bytes that stand behind a character's number for older programs
    to: str = ""  # where text goes: empty is the body

    def copy(self) -> "_State":
        """Return a copy; there is one for each group, and `dataclasses.replace` takes long."""
        return _State(self.skipped, self.hidden, self.deleted, self.page, self.fallback, self.to)


@dataclass(slots=True)
class _Paragraph:
    """What is known of the paragraph that is being read."""

    level: int = 0
    marker: str = ""
    in_table: bool = False


def parse_rtf(data: bytes) -> ParsedDocument:
    """
    Return the text; deletions, hidden text, headers and footers are left out.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT):
        return _Reader().read(data)


@dataclass(slots=True)
class _Reader:
    """One file that is being read."""

    out: Assembly = field(default_factory=Assembly)
    state: _State = field(default_factory=_State)
    stack: list[_State] = field(default_factory=list)
    page: str = "cp1252"  # the document's own
    fonts: dict[int, str | None] = field(default_factory=dict)
    default: int = 0  # the font of text that names none
    font: int = 0  # of the table of fonts that is being read
    styles: dict[int, int] = field(default_factory=dict)  # levels of the styles that are headings
    style: int = 0
    paragraph: _Paragraph = field(default_factory=_Paragraph)
    texts: dict[str, list[str]] = field(default_factory=dict)  # what was read, by where it goes
    raw: bytearray = field(default_factory=bytearray)  # bytes that await their code page
    passing: int = 0  # bytes still to be passed over behind it
    starred: bool = False
    notes: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)  # comments and boxes beside the paragraph
    rows: TableRows = field(default_factory=TableRows)

    def read(self, data: bytes) -> ParsedDocument:
        """Read all of a file."""
        for token in tokens(data):
            if token.kind == "bytes":
                self._bytes(token)
            elif token.kind == "word":
                self._word(token)
            elif token.kind == "{":
                self._flush()
                self.stack.append(self.state.copy())
                if self.state.to == "styles":
                    self.state.to, self.style = "style", 0
                    self.texts["style"] = []
                if len(self.stack) > _MOST_DEPTH:
                    raise ValueError("groups lie too deep")
            else:
                self._close()
        self._end_paragraph()
        self._end_table()
        for number, text in enumerate(self.notes, start=1):
            self.out.add("paragraph", f"[{number}] {text}")
        title = given_title("".join(self.texts.get("title", [])))
        return self.out.document("rtf", title=title)

    def _bytes(self, token: Token) -> None:
        """Keep text until its code page is known to hold for all of a character."""
        data = token.data
        if self.passing:
            past = min(self.passing, len(data))
            self.passing -= past
            data = data[past:]
        if not self._unseen():
            self.raw += data

    def _unseen(self) -> bool:
        """Return True if what stands here is not read."""
        return self.state.skipped or self.state.hidden or self.state.deleted

    def _flush(self) -> None:
        """Turn the bytes so far into text."""
        if self.raw:
            page = self.state.page or self.fonts.get(self.default) or self.page
            self._say(self.raw.decode(page, "replace"))
            self.raw.clear()

    def _say(self, text: str) -> None:
        """Append text to where it goes."""
        self.texts.setdefault(self.state.to, []).append(text)

    def _take(self, to: str = "") -> str:
        """Return what was read so far for a place, and begin it anew."""
        return _whole("".join(self.texts.pop(to, [])))

    def _close(self) -> None:
        """End a group."""
        self._flush()
        if not self.stack:
            return
        old, self.state = self.state, self.stack.pop()
        self.passing = 0
        if old.to == self.state.to:
            return
        if old.to == "style":
            match = _HEADING.search(self._take("style"))
            if match and self.style not in self.styles:
                self.styles[self.style] = int(match[1])
        elif old.to == "marker":
            self.paragraph.marker = one_line(self._take("marker"))
        elif old.to == "note":
            self.notes.append(one_line(self._take("note")))
        elif old.to == "comment":
            author = one_line(self._take("who"))
            text = one_line(self._take("comment"))
            self.after.append(f"Comment by {author}: {text}" if author else f"Comment: {text}")
        elif old.to == "box":
            self.after.extend(self._take("box").split("\n"))

    def _word(self, token: Token) -> None:
        """Obey a control word."""
        word, number = token.word, token.number
        if word == "u" and number is not None:
            self._flush()
            if not self._unseen():
                self._say(character(number))
            self.passing = self.state.fallback
            return
        if self.passing and word not in ("par", "cell", "row"):
            self.passing -= 1
            return
        self.passing = 0
        if word == "*":
            self.starred = True
            return
        starred, self.starred = self.starred, False
        self._flush()
        if word in SKIPPED or (starred and word not in STARRED):
            self.state.skipped = True
        elif word in SIGNS:
            if not self._unseen():
                self._say(SIGNS[word])
        elif not self.state.skipped:
            act = _ACTS.get(word)
            if act is not None:
                act(self, number)
            else:
                self.rows.define(word)

    def plain(self) -> None:
        """Begin the properties of characters anew."""
        self.state.hidden = self.state.deleted = False
        self.state.page = ""

    def set_font(self, number: int) -> None:
        """Note the font of what follows, or which font the table of fonts goes on with."""
        if self.state.to == "fonts":
            self.font = number
        else:
            self.state.page = self.fonts.get(number) or self.page

    def set_font_page(self, page: str | None) -> None:
        """Note the code page of a font of the table."""
        if self.state.to == "fonts":
            self.fonts[self.font] = page or self.fonts.get(self.font)

    def set_style(self, number: int) -> None:
        """Note the style of the paragraph, or which style is being defined."""
        if self.state.to == "style":
            self.style = number
        else:
            self.paragraph.level = self.styles.get(number, 0)

    def set_outline(self, number: int) -> None:
        """Note the level of a heading; 9 and more mean the body's text."""
        level = number + 1 if number < 9 else 0  # noqa: PLR2004
        if self.state.to == "style":
            self.styles[self.style] = level
        else:
            self.paragraph.level = level

    def note(self) -> None:
        """Begin a footnote or endnote: its mark stands in the text."""
        if self._unseen():
            self.state.skipped = True
            return
        self._say(f"[{len(self.notes) + 1}]")
        self.state.to = "note"
        self.texts["note"] = []

    def end_paragraph(self) -> None:
        """End a paragraph; within a note, a comment or a cell it is a new line."""
        if self.state.to or self.paragraph.in_table:
            if not self._unseen():
                self._say("\n")
        else:
            self._end_paragraph()

    def _end_paragraph(self) -> None:
        """Append the paragraph that ends, and the comments that hang on it."""
        text = self._take()
        about = self.paragraph
        self._end_table()
        marker, about.marker = about.marker, ""
        if marker and not any(sign.isalnum() for sign in marker):
            marker = "-"
        if text.strip() and (marker or about.level):
            kind: BlockKind = "heading" if about.level else "list"
            self.out.add(kind, f"{marker} {one_line(text)}".strip(), level=min(about.level, 6))
        else:
            self.out.add("paragraph", text)
        for beside in self.after:
            self.out.add("paragraph", beside)
        self.after.clear()

    def end_cell(self) -> None:
        """End a cell of a table."""
        marker, self.paragraph.marker = self.paragraph.marker, ""
        text = one_line(self._take())
        self.rows.cell(f"{marker} {text}" if marker and text else text)

    def end_row(self) -> None:
        """End a row of a table."""
        left = self._take()
        if left.strip():
            self.rows.cell(one_line(left))
        self.rows.end_row()

    def _end_table(self) -> None:
        """Append the table whose rows were read."""
        lines, names = self.rows.take()
        self.out.add("table", "\n".join(lines), header=names)

    def reset(self) -> None:
        """Begin the properties of paragraphs anew."""
        if not self.state.to:
            self.paragraph.level = 0
            self.paragraph.in_table = False

    def in_table(self) -> None:
        """Note that the paragraph stands in a table."""
        if not self.paragraph.in_table and not self.state.to:
            marker = self.paragraph.marker
            if self.texts.get("") and not self.rows.open:
                self._end_paragraph()
            self.paragraph.in_table, self.paragraph.marker = True, marker


def _whole(text: str) -> str:
    """Return text with its surrogates put together, which RTF writes one by one."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _to(place: str) -> Callable[[_Reader, int | None], None]:
    """Return the act that sends a group's text to *place*."""

    def act(reader: _Reader, _: int | None) -> None:
        reader.state.to = place
        if place in ("marker", "comment", "box"):
            reader.texts[place] = []

    return act


def _state(name: str) -> Callable[[_Reader, int | None], None]:
    """Return the act that switches a property of characters on, or off by a 0."""
    return lambda reader, number: setattr(reader.state, name, number != 0)


_ACTS: dict[str, Callable[[_Reader, int | None], None]] = {
    "v": _state("hidden"),
    "htmlrtf": _state("hidden"),  # what stands for a tag that the group before it has
    "deleted": _state("deleted"),
    "plain": lambda reader, _: reader.plain(),
    "uc": lambda reader, number: setattr(reader.state, "fallback", max(number or 0, 0)),
    "f": lambda reader, number: reader.set_font(number or 0),
    "fcharset": lambda reader, number: reader.set_font_page(code_page(number or 0)),
    "cpg": lambda reader, number: reader.set_font_page(page_by_number(number or 0)),
    "ansicpg": lambda reader, number: setattr(reader, "page", page_by_number(number or 0)),
    "deff": lambda reader, number: setattr(reader, "default", number or 0),
    "mac": lambda reader, _: setattr(reader, "page", "mac_roman"),
    "outlinelevel": lambda reader, number: reader.set_outline(number or 0),
    "s": lambda reader, number: reader.set_style(number or 0),
    "\n": lambda reader, _: reader.end_paragraph(),
    "\r": lambda reader, _: reader.end_paragraph(),
    "par": lambda reader, _: reader.end_paragraph(),
    "sect": lambda reader, _: reader.end_paragraph(),
    "page": lambda reader, _: reader.end_paragraph(),
    "pard": lambda reader, _: reader.reset(),
    "intbl": lambda reader, _: reader.in_table(),
    "cell": lambda reader, _: reader.end_cell(),
    "nestcell": lambda reader, _: reader.end_paragraph(),
    "row": lambda reader, _: reader.end_row(),
    "footnote": lambda reader, _: reader.note(),
    "annotation": _to("comment"),
    "shptxt": _to("box"),
    "atnauthor": _to("who"),
    "listtext": _to("marker"),
    "pntext": _to("marker"),
    "fonttbl": _to("fonts"),
    "stylesheet": _to("styles"),
    "info": _to("info"),
    "title": _to("title"),
}
