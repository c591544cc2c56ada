"""DOCX: the paragraphs, headings, lists, tables and text boxes of a Word file's body."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import docx
from docx.opc.exceptions import OpcError
from lxml import etree

from rag.documents import BlockKind, ParsedDocument
from rag.errors import Unreadable
from workers.parsing.assembly import Assembly, sane_title

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_SKIPPED = frozenset({_FALLBACK, f"{_W}del", f"{_W}moveFrom", f"{_W}instrText", f"{_W}delText"})
_WRAPPERS = frozenset({f"{_W}sdt", f"{_W}sdtContent", f"{_W}ins", f"{_W}moveTo", f"{_W}customXml"})
_SPACES = {
    f"{_W}tab": "\t",
    f"{_W}ptab": "\t",
    f"{_W}br": "\n",
    f"{_W}cr": "\n",
    f"{_W}noBreakHyphen": "-",
}

_MOST_BYTES = 256 * 1024 * 1024  # of an archive, unpacked
_MOST_PARTS = 10_000
_MOST_RATIO = 200  # unpacked to packed, past the first MiB: text seldom shrinks below a hundredth
_STEP = 1024 * 1024
_FORBIDDEN = tuple(
    word.encode(encoding)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
_DAMAGED = (
    OpcError, zipfile.BadZipFile, zlib.error, etree.LxmlError, KeyError, ValueError, IndexError,
    AttributeError, TypeError, EOFError, OSError, NotImplementedError,
)  # fmt: skip


def parse_docx(data: bytes) -> ParsedDocument:
    """
    Return the text of a Word file; headers, footers, comments and deletions are left out.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (a DTD).
    """
    try:
        _check_archive(data)
        package = docx.Document(io.BytesIO(data))
        title = sane_title(package.core_properties.title)
        styles = package.styles.element
    except _DAMAGED as error:  # a damaged part shows up as any of these inside the library
        raise Unreadable(
            "corrupt", f"The Word file is damaged ({error or type(error)})."
        ) from error
    reader = _Reader(_style_kinds(styles))
    reader.body(package.element.body)
    return reader.out.document("docx", title=title)


def _check_archive(data: bytes) -> None:
    """Unpack every part once, without keeping it: sizes as they are, and no DTD in any XML."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = archive.infolist()
        if len(parts) > _MOST_PARTS:
            raise Unreadable("too_large", f"The Word file has more than {_MOST_PARTS:,} parts.")
        if any(part.flag_bits & 1 for part in parts):
            raise Unreadable("encrypted", "The Word file is protected by a password.")
        most = min(_MOST_BYTES, _STEP + _MOST_RATIO * len(data))
        if sum(part.file_size for part in parts) > most:
            raise _too_large(most)
        total = 0
        for part in parts:
            markup = part.filename.lower().endswith((".xml", ".rels"))
            tail = b""
            with archive.open(part) as stream:
                while piece := stream.read(_STEP):
                    total += len(piece)
                    if total > most:  # the declared sizes were a lie
                        raise _too_large(most)
                    if markup and any(word in tail + piece for word in _FORBIDDEN):
                        raise Unreadable(
                            "unsafe", "The Word file declares XML entities, which Word never does."
                        )
                    tail = piece[-32:]


def _too_large(most: int) -> Unreadable:
    """Return the error for an archive that unpacks to too much."""
    return Unreadable("too_large", f"The Word file unpacks to more than {most // _STEP:,} MiB.")


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph style makes of its paragraphs."""

    kind: BlockKind
    level: int = 0


_PLAIN = _Style("paragraph")


def _style_kinds(styles: etree._Element) -> dict[str, _Style]:
    """Return what each paragraph style is, by its id; children are like their parents."""
    raw = {style.get(f"{_W}styleId", ""): style for style in styles.iterfind(f"{_W}style")}
    kinds: dict[str, _Style] = {}
    for name, style in raw.items():
        found, seen = style, {name}
        kind = _style(found)
        while kind is _PLAIN:
            parent = found.find(f"{_W}basedOn")
            above = parent.get(f"{_W}val", "") if parent is not None else ""
            if above in seen or above not in raw:
                break
            seen.add(above)
            found = raw[above]
            kind = _style(found)
        kinds[name] = kind
    return kinds


def _style(style: etree._Element) -> _Style:
    """Read one style by its name, which is English in every version, and its outline level."""
    named = style.find(f"{_W}name")
    name = (named.get(f"{_W}val", "") if named is not None else "").lower()
    if name == "title":
        return _Style("heading", 1)
    if name.startswith("heading ") and name[8:].isdigit():
        return _Style("heading", int(name[8:]))
    if name.startswith("list"):
        return _Style("list")
    outline = style.find(f"{_W}pPr/{_W}outlineLvl")
    level = outline.get(f"{_W}val", "9") if outline is not None else "9"
    return _Style("heading", int(level) + 1) if level in set("012345678") else _PLAIN


@dataclass(slots=True)
class _Reader:
    """Walks a body in order; text boxes follow the paragraph that holds them."""

    styles: dict[str, _Style]
    out: Assembly = field(default_factory=Assembly)

    def body(self, container: etree._Element) -> None:
        """Add each paragraph and table of a body, cell or text box."""
        for element in _children(container):
            if element.tag == f"{_W}p":
                self._paragraph(element)
            elif element.tag == f"{_W}tbl":
                rows = (" | ".join(_cells(row)) for row in _rows(element))
                self.out.add("table", "\n".join(row for row in rows if row.strip(" |")))

    def _paragraph(self, element: etree._Element) -> None:
        """Add a paragraph, then its text boxes."""
        text, boxes = _text(element)
        named = element.find(f"{_W}pPr/{_W}pStyle")
        name = named.get(f"{_W}val", "") if named is not None else ""
        style = self.styles.get(name, _PLAIN)
        listed = element.find(f"{_W}pPr/{_W}numPr") is not None
        if style.kind == "heading":
            self.out.add("heading", " ".join(text.split()), level=style.level)
        elif text.strip() and (listed or style.kind == "list"):
            self.out.add("list", f"- {text.strip()}")
        else:
            self.out.add("paragraph", text)
        for box in boxes:
            self.body(box)


def _children(container: etree._Element) -> Iterator[etree._Element]:
    """Yield the paragraphs, tables, rows and cells of a container, through content controls."""
    for child in container:
        if child.tag in _WRAPPERS:
            yield from _children(child)
        elif child.tag not in _SKIPPED:
            yield child


def _rows(table: etree._Element) -> Iterator[etree._Element]:
    """Yield the rows of a table."""
    return (child for child in _children(table) if child.tag == f"{_W}tr")


def _cells(row: etree._Element) -> Iterator[str]:
    """Yield the text of each cell on one line; the cells that a merge covers are left out."""
    for cell in _children(row):
        merge = cell.find(f"{_W}tcPr/{_W}vMerge")
        if cell.tag == f"{_W}tc" and (merge is None or merge.get(f"{_W}val") == "restart"):
            yield " ".join(" ".join(_inner(cell)).split())


def _inner(container: etree._Element) -> Iterator[str]:
    """Yield the texts of a cell or text box, nested tables and boxes included."""
    for element in _children(container):
        if element.tag == f"{_W}p":
            text, boxes = _text(element)
            yield text
            for box in boxes:
                yield from _inner(box)
        elif element.tag == f"{_W}tbl":
            for row in _rows(element):
                yield from _cells(row)


def _text(paragraph: etree._Element) -> tuple[str, list[etree._Element]]:
    """Return a paragraph's own text and the text boxes anchored in it."""
    parts: list[str] = []
    boxes: list[etree._Element] = []
    stack = list(paragraph)[::-1]
    while stack:
        element = stack.pop()
        if element.tag == f"{_W}txbxContent":
            boxes.append(element)
        elif element.tag == f"{_W}t":
            parts.append(element.text or "")
        elif element.tag in _SPACES:
            parts.append(_SPACES[element.tag])
        elif element.tag not in _SKIPPED and element.tag != f"{_W}pPr":
            stack.extend(list(element)[::-1])
    return "".join(parts), boxes
