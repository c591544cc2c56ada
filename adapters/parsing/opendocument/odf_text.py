"""ODT: the headings, paragraphs, lists, tables, notes and comments of an OpenDocument text."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.opendocument.odf_words import OUTLINE, Level, Notes, Styles, whole, words
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import Grid, one_line
from adapters.parsing.shared.numerals import numeral
from adapters.parsing.shared.packages import Package, attribute, below, joined, local, reading
from adapters.parsing.shared.refusals import locked
from adapters.parsing.shared.titles import given_title
from rag.documents import ParsedDocument

_WHAT = "an OpenDocument text"
_THROUGH = frozenset(
    {"section", "index-body", "bibliography", "alphabetical-index", "illustration-index"}
    | {"table-index", "object-index", "user-index", "frame", "text-box", "a", "g", "custom-shape"}
    | {"rect", "ellipse", "circle", "polygon", "polyline", "path", "line", "connector", "caption"}
    | {"numbered-paragraph", "text", "object-ole"}
)
_MOST_SPANNED = 1000


def parse_odt(data: bytes) -> ParsedDocument:
    """
    Return the text; deletions, tables of contents, headers and footers are left out.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        package, content = opened(data, _WHAT)
        reader = OdfReader(package, Styles.of(package, content))
        for body in content.iterfind("{*}body/{*}text"):
            reader.body(body)
        reader.end_notes()
        return reader.out.document("odt", title=given_title(core_title(package)))


def opened(data: bytes, what: str) -> tuple[Package, etree._Element]:
    """
    Return an OpenDocument package and the root of its content.

    Raises:
        Unreadable: `encrypted` and as `Package` and `Package.xml` do.
    """
    package = Package(data, what=what)
    if "META-INF/manifest.xml" in package and b"encryption-data" in package.read(
        "META-INF/manifest.xml"
    ):
        raise locked()
    return package, package.xml("content.xml")


def core_title(package: Package) -> str:
    """Return the title among a document's properties; empty where there is none."""
    meta = package.optional("meta.xml")
    titles = below(meta, "title") if meta is not None else iter(())
    return next((title.text or "" for title in titles), "")


@dataclass(slots=True)
class OdfReader:
    """Walks the content of an OpenDocument text or slide in its order."""

    package: Package
    styles: Styles
    out: Assembly = field(default_factory=Assembly)
    notes: Notes = field(default_factory=Notes)
    counts: dict[tuple[str, int], int] = field(default_factory=dict)  # of lists, by style and level

    def body(self, parent: etree._Element) -> None:
        """Append what stands directly below an element, through frames, sections and groups."""
        for child in parent:
            kind = local(child)
            if kind in ("p", "h"):
                self._paragraph(child)
            elif kind == "list":
                self._list(child, depth=1, style="")
            elif kind == "table":
                self.table(child)
            elif kind == "object":
                self._object(child)
            elif kind in _THROUGH:
                self.body(child)

    def end_notes(self) -> None:
        """Append the footnotes and endnotes, each behind the mark that stands in the text."""
        for number, text in enumerate(self.notes.texts, start=1):
            if text:
                self.out.add("paragraph", f"[{number}] {text}")

    def _paragraph(self, element: etree._Element, marker: str | None = None) -> None:
        """Append a paragraph, then its comments and the boxes that hang on it."""
        style = attribute(element, "style-name")
        if self.styles.hides(style):
            return
        found = words(element, self.notes, self.styles.hides)
        level = attribute(element, "outline-level") if local(element) == "h" else ""
        depth = int(level) if level.isdigit() else self.styles.heading(style)
        if local(element) == "h" and not depth:
            depth = 1
        if marker is not None:
            text = one_line(found.text)
            if text:
                self.out.add("list", marker + text)
        elif depth:
            number = self._heading_number(element, depth) if found.text.strip() else ""
            text = f"{number} {one_line(found.text)}" if number else one_line(found.text)
            self.out.add("heading", text, level=min(depth, 6))
        else:
            self.out.add("paragraph", found.text)
        for comment in found.comments:
            self.out.add("paragraph", comment)
        for box in found.boxes:
            self.boxed(box)

    def _heading_number(self, element: etree._Element, depth: int) -> str:
        """Return the number of a heading, which restarts those of the levels below it."""
        if local(element) != "h" or attribute(element, "is-list-header") == "true":
            return ""
        for below_it in range(depth + 1, 11):
            self.counts.pop((OUTLINE, below_it), None)
        return self._number(OUTLINE, depth, element)

    def boxed(self, box: etree._Element) -> None:
        """Append a table, a list, an embedded object, or the content of a box or shape."""
        kind = local(box)
        if kind == "table":
            self.table(box)
        elif kind == "list":
            self._list(box, depth=1, style="")
        elif kind == "object":
            self._object(box)
        else:
            self.body(box)

    def _list(self, element: etree._Element, *, depth: int, style: str) -> None:
        """Append the items of a list and of the lists within it, a line each."""
        style = attribute(element, "style-name") or style
        if attribute(element, "continue-numbering") != "true" and not attribute(
            element, "continue-list"
        ):
            self.counts.pop((style, depth), None)
        indent = "  " * (depth - 1)
        for item in element:
            marker = indent + "  "
            if local(item) == "list-item" and _has_own_text(item):
                marker = f"{indent}{self._number(style, depth, item) or '-'} "
            for child in item:
                if local(child) in ("p", "h"):
                    heading = local(child) == "h"
                    self._paragraph(child, None if heading else marker)
                    marker = " " * len(marker)
                elif local(child) == "list":
                    self._list(child, depth=depth + 1, style=style)
                else:
                    self.boxed(child)

    def _number(self, style: str, depth: int, item: etree._Element) -> str:
        """Count an item of a list or a heading, and return its number as it is written."""
        levels = self.styles.numbered.get(style, {})
        level = levels.get(depth, Level())
        count = self.counts.get((style, depth), level.start - 1) + 1
        self.counts[style, depth] = whole(item, "start-value", count)
        if not level.form:
            return ""
        numbers = [
            numeral(self.counts.get((style, above), 1), levels.get(above, level).form)
            for above in range(max(depth - level.shown, 0) + 1, depth + 1)
        ]
        return f"{level.before}{'.'.join(numbers)}{level.after}"

    def table(self, element: etree._Element) -> None:
        """Append a table as a grid, its rows of names first."""
        grid = Grid()
        names = 0
        for row, heads in _rows(element, heads=False):
            grid.row()
            for cell in row:
                if local(cell) != "table-cell":
                    continue
                text = self._cell(cell)
                for _ in range(_span(cell, "number-columns-repeated")):
                    grid.cell(
                        text,
                        columns=_span(cell, "number-columns-spanned"),
                        rows=_span(cell, "number-rows-spanned"),
                        stands_out=self._stands_out(cell),
                    )
            if heads:
                names = grid.filled()
        self.out.add("table", "\n".join(grid.lines()), header=names or grid.header())

    def _stands_out(self, cell: etree._Element) -> bool:
        """Return True if all words of a cell are bold, or in the style for the names of columns."""
        paragraphs = [p for p in below(cell, "p", "h") if "".join(map(str, p.itertext())).strip()]
        return bool(paragraphs) and all(map(self.styles.stands_out, paragraphs))

    def _cell(self, cell: etree._Element) -> str:
        """Return the words of a cell on one line, lists and tables in it included."""
        parts = []
        for element in below(cell, "p", "h"):
            found = words(element, self.notes, self.styles.hides)
            parts.extend([one_line(found.text), *found.comments])
        lists = any(local(child) == "list" for child in cell)
        return ("; " if lists else " ").join(part for part in parts if part)

    def _object(self, element: etree._Element) -> None:
        """Append the table of a chart that is embedded; name other objects in a note."""
        name = joined("", attribute(element, "href"))
        content = self.package.optional(f"{name}/content.xml")
        charts = list(content.iterfind("{*}body/{*}chart/{*}chart")) if content is not None else []
        if not charts:
            self.out.note("Embedded objects of other programs were left out.")
        for chart in charts[:1]:
            for title in chart.iterfind("{*}title/{*}p"):
                self.out.add("paragraph", words(title, Notes(), self.styles.hides).text)
            for table in below(chart, "table"):
                self.table(table)


def _has_own_text(item: etree._Element) -> bool:
    """Return True if an item of a list holds more than another list."""
    return any(local(child) in ("p", "h") for child in item)


def _rows(table: etree._Element, *, heads: bool) -> Iterator[tuple[etree._Element, bool]]:
    """Yield the rows of a table, and whether each names the columns."""
    for child in table:
        kind = local(child)
        if kind == "table-row":
            yield child, heads
        elif kind in ("table-header-rows", "table-rows", "table-row-group"):
            yield from _rows(child, heads=heads or kind == "table-header-rows")


def _span(cell: etree._Element, name: str) -> int:
    """Return how many columns or rows a cell covers."""
    return min(max(whole(cell, name), 1), _MOST_SPANNED)
