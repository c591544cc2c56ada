"""ODP and ODG: the slides of an OpenDocument presentation, in their order, with their notes."""

import re

from lxml import etree

from adapters.parsing.opendocument.odf_text import OdfReader, core_title, opened
from adapters.parsing.opendocument.odf_words import Notes, Styles, comment, flat, words
from adapters.parsing.shared.packages import attribute, below, local, reading
from adapters.parsing.shared.titles import given_title
from adapters.parsing.slides.placing import Placed, in_reading_order
from rag.documents import ParsedDocument

_WHAT = "an OpenDocument presentation"
_LENGTH = re.compile(r"(-?[\d.]+)\s*(cm|mm|in|pt|px|pc)?")
_MILLIMETRES = {"cm": 10.0, "mm": 1.0, "in": 25.4, "pt": 0.353, "px": 0.265, "pc": 4.23, "": 1.0}
_REPEATED = frozenset({"footer", "date-time", "page-number", "header"})


def parse_odp(data: bytes) -> ParsedDocument:
    """
    Return the slides that can be seen, each a page; hidden slides are named in a note.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        package, content = opened(data, _WHAT)
        reader = OdfReader(package, Styles.of(package, content))
        for number, page in enumerate(below(content, "page"), start=1):
            reader.out.page(number)
            if attribute(page, "style-name") in reader.styles.unseen:
                reader.out.note(f"Slide {number} is hidden and was left out.")
            else:
                _slide(reader, page)
        return reader.out.document("odp", title=given_title(core_title(package)))


def _slide(reader: OdfReader, page: etree._Element) -> None:
    """Append a slide: its title, what stands on it by place, and its notes."""
    pieces = []
    for shape in page:
        role = attribute(shape, "class")
        if role == "title":
            reader.out.add("heading", flat(shape, reader.styles.hides, "p"), level=1)
        elif local(shape) != "notes" and role not in _REPEATED:
            pieces.append(_placed(shape))
    for shape in in_reading_order(pieces):
        _shape(reader, shape)
    for notes in page.iterfind("{*}notes"):
        texts = [
            words(p, Notes(), reader.styles.hides).text
            for frame in notes
            if attribute(frame, "class") == "notes"
            for p in below(frame, "p")
        ]
        text = "\n".join(text for text in texts if text.strip())
        if text:
            reader.out.add("paragraph", f"Notes: {text}")


def _shape(reader: OdfReader, shape: etree._Element) -> None:
    """Append what is written in a shape; a group's shapes by their own places."""
    if local(shape) == "g":
        for inner in in_reading_order([_placed(one) for one in shape]):
            _shape(reader, inner)
    elif local(shape) == "annotation":
        reader.out.add("paragraph", comment(shape, reader.styles.hides))
    else:
        reader.boxed(shape)


def _placed(shape: etree._Element) -> Placed[etree._Element]:
    """Return a shape with its box; a group has that of its shapes."""
    if local(shape) == "g":
        inner = [_placed(one) for one in shape]
        if inner:
            x, y = min(p.x for p in inner), min(p.y for p in inner)
            right = max(p.x + p.width for p in inner)
            bottom = max(p.y + p.height for p in inner)
            return Placed(shape, x, y, right - x, bottom - y)
    x, y, width, height = (_length(attribute(shape, n)) for n in ("x", "y", "width", "height"))
    return Placed(shape, x, y, width, height)


def _length(text: str) -> float:
    """Return a length in millimetres, 0 where there is none."""
    match = _LENGTH.match(text)
    return float(match[1]) * _MILLIMETRES[match[2] or ""] if match else 0.0
