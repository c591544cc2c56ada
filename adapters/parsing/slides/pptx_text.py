"""PPTX: slide by slide the title, what stands on it by place, and the speaker's notes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from lxml import etree

from adapters.parsing.drawings.charts import add_chart
from adapters.parsing.drawings.diagrams import diagram_lines
from adapters.parsing.drawings.slide_paragraphs import TextBody, paragraph_text
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.comments import authors, told
from adapters.parsing.shared.grids import Grid, one_line
from adapters.parsing.shared.packages import Package, Relation, attribute, below, local, reading
from adapters.parsing.shared.titles import given_title
from adapters.parsing.slides.placing import Placed, in_reading_order
from rag.documents import ParsedDocument

_WHAT = "a PowerPoint file"
_TITLES = frozenset({"title", "ctrTitle"})
_REPEATED = frozenset({"ftr", "sldNum", "hdr"})  # the same on each slide; `dt` may be a real date
_SHAPES = frozenset({"sp", "grpSp", "graphicFrame", "pic", "cxnSp"})
# Titles that programs give by themselves, in any language: `PowerPoint Presentation`, `Slide 1`.
_NO_NAME = re.compile(r"(?=.*powerpoint)\S+(?:\s+\S+){0,3}|\w+ \d{1,2}", re.IGNORECASE)

_MOST_MODELS = 200  # placeholders of a layout

_Box = tuple[float, float, float, float]  # left, top, width, height


def parse_pptx(data: bytes) -> ParsedDocument:
    """
    Return the slides that are shown, each a page; hidden slides are named in a note.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        package = Package(data, what=_WHAT)
        main = package.main_part("ppt/presentation.xml")
        root = package.xml(main)
        relations = package.relations(main)
        out = Assembly()
        deck = _Deck(package, authors(package, main))
        for number, entry in enumerate(root.iterfind("{*}sldIdLst/{*}sldId"), start=1):
            out.page(number)
            relation = relations.get(_related_id(entry))
            slide = package.optional(relation.target) if relation else None
            if relation is None or slide is None:
                out.note(f"Slide {number} is missing in the file or damaged.")
            elif slide.get("show") in ("0", "false"):
                out.note(f"Slide {number} is hidden and was left out.")
            else:
                _Slide(deck, relation.target, out, number).add(slide)
        return out.document("pptx", title=_title(package.core_title()))


def _is_bold(cell: etree._Element) -> bool:
    """Return True if all words of a cell of a table are bold."""
    runs = [run for run in below(cell, "r") if (run.findtext("{*}t") or "").strip()]
    return bool(runs) and all(
        any(about.get("b") in ("1", "true") for about in run.iterfind("{*}rPr")) for run in runs
    )


def _related_id(element: etree._Element) -> str:
    """Return the id of the relation that an element names: `r:id`, never its own `id`."""
    for key, value in element.attrib.items():
        if str(key).endswith("/relationships}id"):
            return str(value)
    return ""


def _title(text: str) -> str | None:
    """Return a presentation's own title, None where the program gave it one."""
    return None if _NO_NAME.fullmatch(text.strip()) else given_title(text)


@dataclass(frozen=True, slots=True)
class _Model:
    """The placeholders of a layout and of its master, and the master itself."""

    layout: list[etree._Element]
    master: list[etree._Element]
    root: etree._Element | None


@dataclass(slots=True)
class _Deck:
    """A presentation: who writes comments, by id, and what slides take after, by layout."""

    package: Package
    authors: dict[str, str]
    models: dict[str, _Model] = field(default_factory=dict)


class _Slide:
    """One slide that is being read."""

    def __init__(self, deck: _Deck, part: str, out: Assembly, number: int) -> None:
        self._package = package = deck.package
        self._out = out
        self._number = number
        self._authors = deck.authors
        self._relations = package.relations(part)
        layout = self._related(self._relations, "slideLayout")
        self._model = deck.models.get(layout) or deck.models.setdefault(
            layout, self._modelled(layout)
        )

    def add(self, slide: etree._Element) -> None:
        """Append the slide, its title first."""
        tree = next(below(slide, "spTree"), None)
        pieces = []
        for shape in _shapes(tree) if tree is not None else ():
            role = _role(shape)
            if role in _TITLES:
                self._heading(shape)
            elif role not in _REPEATED and not _is_clock(shape, role):
                pieces.append(self._placed(shape))
        for shape in in_reading_order(pieces):
            self._shape(shape)
        self._notes()
        for relation in self._relations.values():
            if relation.kind == "comments":
                self._comments(self._package.optional(relation.target))

    def _comments(self, root: etree._Element | None) -> None:
        """Append the comments on the slide, and the replies to them."""
        for comment in below(root, "cm", "reply") if root is not None else ():
            texts = [text.text or "" for text in comment.iterfind("{*}text")]
            texts += [paragraph_text(p) for p in comment.iterfind("{*}txBody/{*}p")]
            author = self._authors.get(comment.get("authorId", ""), "")
            self._out.add("paragraph", told(" ".join(texts), author=author))

    def _heading(self, shape: etree._Element) -> None:
        """Append the title of the slide."""
        texts = [paragraph_text(p) for p in below(shape, "p")]
        self._out.add("heading", one_line(" ".join(texts)), level=1)

    def _shape(self, shape: etree._Element) -> None:
        """Append what is written in a shape; a group's shapes by their own places."""
        kind = local(shape)
        if kind == "grpSp":
            for inner in in_reading_order([self._placed(one) for one in _shapes(shape)]):
                self._shape(inner)
        elif kind == "graphicFrame":
            self._graphic(shape)
        else:
            for body in shape.iterfind("{*}txBody"):
                TextBody(_role(shape), self._inherited(shape), self._model.root).add(
                    self._out, body
                )

    def _graphic(self, frame: etree._Element) -> None:
        """Append a table, a chart, or the words of a diagram."""
        for table in below(frame, "tbl"):
            self._table(table)
        for element in below(frame, "chart"):
            chart = self._part(_related_id(element))
            if chart is None or not add_chart(self._out, chart):
                self._out.note(f"A chart on slide {self._number} has no stored values.")
        for element in below(frame, "relIds"):
            diagram = self._part(attribute(element, "dm"))
            lines = diagram_lines(diagram) if diagram is not None else []
            self._out.add("list", "\n".join(lines))
        for element in below(frame, "oleObj"):
            program = element.get("progId", "").partition(".")[0] or "object"
            self._out.note(f"An embedded file ({program}) on slide {self._number} was left out.")

    def _table(self, table: etree._Element) -> None:
        """Append a table as a grid; its first row names the columns where the table says so."""
        grid = Grid()
        names = 0
        for row in table.iterfind("{*}tr"):
            grid.row()
            for cell in row.iterfind("{*}tc"):
                if cell.get("hMerge") in ("1", "true") or cell.get("vMerge") in ("1", "true"):
                    continue
                parts = [one_line(paragraph_text(p)) for p in below(cell, "p")]
                text = "; ".join(part for part in parts if part)
                columns, rows = int(cell.get("gridSpan", "1")), int(cell.get("rowSpan", "1"))
                grid.cell(text, columns=columns, rows=rows, stands_out=_is_bold(cell))
            names = names or grid.filled()
        properties = table.find("{*}tblPr")
        named = properties is not None and properties.get("firstRow") in ("1", "true")
        header = names if named else grid.header()
        self._out.add("table", "\n".join(grid.lines()), header=header)

    def _notes(self) -> None:
        """Append what the speaker has noted."""
        part = self._related(self._relations, "notesSlide")
        notes = self._package.optional(part) if part else None
        if notes is None:
            return
        texts = [
            paragraph_text(p)
            for shape in below(notes, "sp")
            if _role(shape) == "body"
            for p in below(shape, "p")
        ]
        text = "\n".join(text for text in texts if text.strip())
        if text:
            self._out.add("paragraph", f"Notes: {text}")

    def _modelled(self, layout: str) -> _Model:
        """Read what the slides of a layout take after."""
        relations = self._package.relations(layout) if layout else {}
        master = self._related(relations, "slideMaster")
        roots = [self._package.optional(part) if part else None for part in (layout, master)]
        shapes = [
            list(islice(below(root, "sp"), _MOST_MODELS)) if root is not None else []
            for root in roots
        ]
        return _Model(shapes[0], shapes[1], roots[1])

    def _part(self, relation: str) -> etree._Element | None:
        """Return the part that a relation of the slide names."""
        found = self._relations.get(relation)
        return self._package.optional(found.target) if found and not found.external else None

    @staticmethod
    def _related(relations: dict[str, Relation], kind: str) -> str:
        """Return the part of a kind that is related; empty where there is none."""
        return next((one.target for one in relations.values() if one.kind == kind), "")

    def _inherited(self, shape: etree._Element) -> list[etree._Element]:
        """Return the placeholders of layout and master that a shape takes after."""
        place = _placeholder(shape)
        if place is None:
            return []
        same = [one for one in self._model.layout if _same_place(one, place)]
        same = same or [one for one in self._model.layout if _same_kind(one, place)]
        above = [one for one in self._model.master if _same_kind(one, place)]
        return [*same[:1], *above[:1]]

    def _placed(self, shape: etree._Element) -> Placed[etree._Element]:
        """Return a shape with its box: its own or that of the placeholder it takes after."""
        for one in (shape, *self._inherited(shape)):
            box = _box(one)
            if box:
                return Placed(shape, *box)
        return Placed(shape, 0.0, 0.0, 0.0, 0.0)


def _shapes(parent: etree._Element) -> Iterator[etree._Element]:
    """Yield the shapes of a tree or group; of alternatives the first with any."""
    for child in parent:
        kind = local(child)
        if kind in _SHAPES:
            yield child
        elif kind == "AlternateContent":
            for alternative in child:
                shapes = list(_shapes(alternative))
                if shapes:
                    yield from shapes
                    break


def _role(shape: etree._Element) -> str:
    """Return the kind of placeholder that a shape is; empty if it is none."""
    place = _placeholder(shape)
    return place.get("type", "obj") if place is not None else ""


def _is_clock(shape: etree._Element, role: str) -> bool:
    """Return True if a shape shows the day on which somebody looks."""
    return role == "dt" and any(True for _ in below(shape, "fld"))


def _placeholder(shape: etree._Element) -> etree._Element | None:
    """Return what says that a shape is a placeholder, None if it is none."""
    return next(shape.iterfind("./*/{*}nvPr/{*}ph"), None)


def _same_place(shape: etree._Element, place: etree._Element) -> bool:
    """Return True if a placeholder of the layout is the one that *place* names by its number."""
    own = _placeholder(shape)
    return own is not None and own.get("idx", "0") == place.get("idx", "0")


def _same_kind(shape: etree._Element, place: etree._Element) -> bool:
    """Return True if a placeholder of the layout or master is of the kind of *place*."""
    own = _placeholder(shape)
    kind = place.get("type", "obj")
    alike = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
    return own is not None and own.get("type", "obj") in (kind, alike.get(kind, kind))


def _box(shape: etree._Element) -> _Box | None:
    """Return a shape's own box in English metric units, in the frame of its group."""
    properties = (
        shape
        if local(shape) == "graphicFrame"
        else next((c for c in shape if local(c) in ("spPr", "grpSpPr")), None)
    )
    frame = properties.find("{*}xfrm") if properties is not None else None
    place = frame.find("{*}off") if frame is not None else None
    size = frame.find("{*}ext") if frame is not None else None
    if place is None or size is None:
        return None
    return (
        float(place.get("x", "0")), float(place.get("y", "0")),
        float(size.get("cx", "0")), float(size.get("cy", "0")),
    )  # fmt: skip
