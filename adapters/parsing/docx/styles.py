"""What the styles of a Word file make of paragraphs and runs, inherited properties included."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from lxml import etree

from adapters.parsing.docx.package import W
from adapters.parsing.shared.packages import whole
from rag.documents import BlockKind

_Made = TypeVar("_Made")

_OFF = frozenset({"0", "false", "off", "none"})
_HEADING = re.compile(r"heading ?([1-9])")
_LISTED = ("list bullet", "list number")
_FIRST_ROW = 0x20  # of the old form of w:tblLook, a bit field
_LEVELS = frozenset("012345678")  # an outline level of 9 is body text

# Put together once: these are asked for with each paragraph and run.
NUM = f"{W}numPr"
_VAL, _NUM_ID, _ILVL = f"{W}val", f"{W}numId", f"{W}ilvl"


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """
    What a style makes of its paragraphs.

    *num_id* and *ilvl* name a list and its level, None where the style says nothing of them;
    *numbered_by* is the id of the style that *num_id* comes from.
    """

    kind: BlockKind = "paragraph"
    level: int = 0
    title: bool = False
    num_id: str | None = None
    ilvl: int | None = None
    numbered_by: str = ""
    hidden: bool = False
    bold: bool = False


_PLAIN = ParagraphStyle()


@dataclass(slots=True)
class Styles:
    """The styles of a file; an id that is not defined is read as the name of a built-in style."""

    paragraphs: dict[str, ParagraphStyle] = field(default_factory=dict)
    hiding: dict[str, bool] = field(default_factory=dict)  # of character styles
    lists: dict[str, str] = field(default_factory=dict)  # numbering style: its list
    header_rows: dict[str, bool] = field(default_factory=dict)  # table style: first row set apart
    default: ParagraphStyle = _PLAIN

    def paragraph(self, name: str) -> ParagraphStyle:
        """Return the style of a paragraph that names *name*, empty for the default."""
        if not name:
            return self.default
        if name not in self.paragraphs:
            kind, level, title = _named(re.sub(r"(?<=[a-z])(?=[A-Z\d])", " ", name))
            self.paragraphs[name] = replace(self.default, kind=kind, level=level, title=title)
        return self.paragraphs[name]


def read_styles(root: etree._Element | None) -> Styles:
    """Read a styles part; None is a file without one."""
    raw: dict[str, dict[str, etree._Element]] = {}
    default = ""
    for style in root.iterfind(f"{W}style") if root is not None else ():
        kind, name = style.get(f"{W}type", "paragraph"), style.get(f"{W}styleId", "")
        raw.setdefault(kind, {})[name] = style
        if kind == "paragraph" and style.get(f"{W}default", "0") not in _OFF:
            default = name
    paragraphs = _inherited(raw.get("paragraph", {}), _paragraph_style)
    lists = {
        name: numbering(s.find(f"{W}pPr/{NUM}"))[0] for name, s in raw.get("numbering", {}).items()
    }
    return Styles(
        {name: made or _PLAIN for name, made in paragraphs.items()},
        _inherited(raw.get("character", {}), _hides),
        {name: num_id for name, num_id in lists.items() if num_id},
        _inherited(raw.get("table", {}), _sets_first_row_apart),
        paragraphs.get(default, _PLAIN),
    )


def _inherited(
    raw: Mapping[str, etree._Element], read: Callable[[str, etree._Element, _Made | None], _Made]
) -> dict[str, _Made]:
    """Return what *read* makes of each style and of what it made of the style below it."""
    done: dict[str, _Made] = {}
    for first in raw:
        path: dict[str, None] = {}
        name = first
        while name in raw and name not in done and name not in path:  # styles may form a circle
            path[name] = None
            name = value(raw[name], "basedOn")
        for name in reversed(path):
            done[name] = read(name, raw[name], done.get(value(raw[name], "basedOn")))
    return done


def _paragraph_style(
    name: str, style: etree._Element, below: ParagraphStyle | None
) -> ParagraphStyle:
    """Read one paragraph style, which is like the one *below* it where it says nothing."""
    below = below or _PLAIN
    # Names of built-in styles are English in every version of Word; ids are not.
    kind, level, title = _named(value(style, "name"))
    properties = style.find(f"{W}pPr")
    outline = value(properties, "outlineLvl")
    named = kind != "paragraph"
    if not named:
        kind, level, title = below.kind, below.level, False
    run = style.find(f"{W}rPr")
    num_id, ilvl = numbering(properties.find(NUM) if properties is not None else None)
    made = ParagraphStyle(
        kind,
        level,
        title,
        below.num_id if num_id is None else num_id,
        below.ilvl if ilvl is None else ilvl,
        below.numbered_by if num_id is None else name,
        switch(run, "vanish", below.hidden),
        switch(run, "b", below.bold),
    )
    return outlined(made, outline) if outline and not named else made


def outlined(style: ParagraphStyle, outline: str) -> ParagraphStyle:
    """Return *style* with another outline level: 0 to 8 make a heading, 9 makes body text."""
    if outline in _LEVELS:
        level = style.level if style.kind == "heading" else int(outline) + 1
        return replace(style, kind="heading", level=level)
    return replace(style, kind="paragraph", level=0, title=False)


def _named(name: str) -> tuple[BlockKind, int, bool]:
    """Return what the name of a built-in style says: a kind, a level, and whether it is a title."""
    name = name.strip().lower()
    if name == "title":
        return "heading", 1, True
    if found := _HEADING.fullmatch(name):
        return "heading", int(found[1]), False
    return ("list" if name.startswith(_LISTED) else "paragraph"), 0, False


def _hides(_: str, style: etree._Element, below: bool | None) -> bool:
    """Return True if a character style hides its text."""
    return switch(style.find(f"{W}rPr"), "vanish", bool(below))


def _sets_first_row_apart(_: str, style: etree._Element, below: bool | None) -> bool:
    """Return True if a table style makes the first row look like a row of names."""
    for part in style.iterfind(f"{W}tblStylePr"):
        if part.get(f"{W}type") == "firstRow":
            run = part.find(f"{W}rPr")
            return switch(run, "b", False) or shaded(part.find(f"{W}tcPr"))
    return bool(below)


def value(parent: etree._Element | None, name: str) -> str:
    """Return `w:val` of the child *name*, empty if there is none."""
    return said(parent.find(W + name) if parent is not None else None)


def switch(parent: etree._Element | None, name: str, otherwise: bool) -> bool:
    """Return whether the property *name* is on; *otherwise* where it is not said."""
    return on(parent.find(W + name) if parent is not None else None, otherwise=otherwise)


def properties_of(element: etree._Element, name: str) -> etree._Element | None:
    """Return the properties of a paragraph or run, which stand before all it holds."""
    first = element[0] if len(element) else None
    return first if first is not None and first.tag == name else element.find(name)


def among(properties: etree._Element | None, *names: str) -> dict[str, etree._Element]:
    """Return those of the properties that are called one of *names*, in one go."""
    if properties is None:
        return {}
    return {one.tag: one for one in properties.iterchildren(*names)}


def said(element: etree._Element | None) -> str:
    """Return `w:val` of a property, empty if there is none."""
    return element.get(_VAL, "") if element is not None else ""


def on(element: etree._Element | None, *, otherwise: bool) -> bool:
    """Return whether a property is on; *otherwise* where it is not said."""
    return element.get(_VAL, "1").lower() not in _OFF if element is not None else otherwise


def numbering(found: etree._Element | None) -> tuple[str | None, int | None]:
    """Return the list and the level that a `w:numPr` names, each None if not said."""
    if found is None:
        return None, None
    number, level = found.find(_NUM_ID), found.find(_ILVL)
    return (
        number.get(_VAL, "") if number is not None else None,
        whole(level.get(_VAL), most=8) if level is not None else None,
    )


def shaded(properties: etree._Element | None) -> bool:
    """Return True if the properties of a cell give it a ground of its own."""
    ground = properties.find(f"{W}shd") if properties is not None else None
    return ground is not None and ground.get(f"{W}fill", "auto").lower() not in ("auto", "ffffff")


def looks_at_first_row(properties: etree._Element | None) -> bool:
    """Return True if a table takes what its style does to the first row."""
    look = properties.find(f"{W}tblLook") if properties is not None else None
    if look is None:
        return False
    if (said := look.get(f"{W}firstRow")) is not None:
        return said.lower() not in _OFF
    try:
        return bool(int(look.get(f"{W}val", "0"), 16) & _FIRST_ROW)
    except ValueError:
        return False
