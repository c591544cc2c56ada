"""HTML: what a reader sees, with its headings, paragraphs, lists, tables and code."""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from rag.documents import BlockKind, ParsedDocument
from workers.parsing.assembly import Assembly, sane_title

_UNSEEN = frozenset(
    {"script", "style", "noscript", "template", "head", "nav", "svg", "iframe", "object", "audio"}
    | {"video", "canvas", "select", "datalist", "frameset", "-comment", "!doctype"}
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"}
    | {"dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header"}
    | {"hr", "html", "legend", "li", "main", "ol", "p", "section", "summary", "table", "tbody"}
    | {"td", "tfoot", "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
)
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_CELL_CHARACTERS = 500  # a cell with more than this is no datum
_BREAK = "\x1e"  # stands for <br> until white space is collapsed; cleaned away if it is in a text


def parse_html(text: str) -> ParsedDocument:
    """Return the visible text; scripts, styles, navigation and hidden elements are left out."""
    tree = LexborHTMLParser(text.replace("\x00", "").replace(_BREAK, ""))
    named = tree.css_first("head title")
    walker = _Walker(layout=_layout_tables(tree))
    if tree.root is not None:
        walker.walk(tree.root)
    title = sane_title(named.text()) if named is not None else None
    return walker.out.document("html", title=title)


def _layout_tables(tree: LexborHTMLParser) -> set[int]:
    """Return the ids of tables that arrange a page instead of holding data."""
    layout = {node.mem_id for node in tree.css("table[role=presentation], table[role=none]")}
    for node in tree.css(
        "table table, table h1, table h2, table h3, table ul, table ol, table pre"
    ):
        above = node.parent
        while above is not None and above.tag != "table":
            above = above.parent
        if above is not None:
            layout.add(above.mem_id)
    for table in tree.css("table"):
        if table.mem_id not in layout and any(
            len(cell.text_content or "") > _CELL_CHARACTERS for cell in table.css("td")
        ):
            layout.add(table.mem_id)
    return layout


@dataclass(slots=True)
class _List:
    """A list that is open: *count* numbers its items, None for bullets."""

    count: int | None


@dataclass(slots=True)
class _Walker:
    """Visits a tree in document order, without recursion: pages may nest without end."""

    layout: set[int]
    out: Assembly = field(default_factory=Assembly)
    inline: list[str] = field(default_factory=list)
    heading: int = 0
    pre: int = 0
    prefix: str = ""
    lists: list[_List] = field(default_factory=list)
    tables: int = 0  # data tables that are open, of which only the outermost has rows
    rows: list[str] = field(default_factory=list)
    cells: list[str] = field(default_factory=list)

    def walk(self, root: LexborNode) -> None:
        """Collect everything visible below *root*."""
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node, node.tag or "")
                continue
            if node.is_text_node:
                self.inline.append(node.text_content or "")
                continue
            tag = node.tag or ""
            if tag in _UNSEEN or _hidden(node):
                continue
            self._enter(node, tag)
            stack.append((node, True))
            child = node.last_child
            while child is not None:
                stack.append((child, False))
                child = child.prev
        self._flush()

    def _enter(self, node: LexborNode, tag: str) -> None:
        """Note what begins."""
        if tag == "br":
            self.inline.append(_BREAK)
        if tag not in _BLOCKS:
            return
        self._flush()
        if tag == "table" and node.mem_id not in self.layout:
            self.tables += 1
        elif tag[0] == "h" and tag[1:].isdigit():
            self.heading = int(tag[1:])
        elif tag == "pre":
            self.pre += 1
        elif tag in ("ul", "ol"):
            self.lists.append(_List(0 if tag == "ol" else None))
        elif tag == "li":
            self.prefix = self._marker()

    def _leave(self, node: LexborNode, tag: str) -> None:
        """Note what ends."""
        if tag not in _BLOCKS:
            return
        self._flush()
        if self.tables and tag in ("td", "th", "caption"):
            self.cells.append("")
        elif self.tables and tag == "tr":
            self._end_row()
        elif tag == "table" and node.mem_id not in self.layout:
            self._end_row()
            self.tables -= 1
            if not self.tables:
                self.out.add("table", "\n".join(self.rows))
                self.rows = []
        elif tag[0] == "h" and tag[1:].isdigit():
            self.heading = 0
        elif tag == "pre":
            self.pre -= 1
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.prefix = ""

    def _marker(self) -> str:
        """Return what stands before the next item, indented by the depth of its list."""
        indent = "  " * max(len(self.lists) - 1, 0)
        if not self.lists or self.lists[-1].count is None:
            return f"{indent}- "
        self.lists[-1].count += 1
        return f"{indent}{self.lists[-1].count}. "

    def _end_row(self) -> None:
        """Keep the cells that hold something as a line of the table."""
        cells = [cell for cell in self.cells if cell]
        if cells:
            self.rows.append(" | ".join(cells))
        self.cells = []

    def _flush(self) -> None:
        """Turn the inline text so far into a block, or into a part of the open cell."""
        raw = "".join(self.inline).replace("\xad", "")
        self.inline = []
        if self.pre and not self.tables:
            self.out.add("code", raw.replace(_BREAK, "\n").strip("\n"))
            return
        lines = [" ".join(line.split()) for line in raw.split(_BREAK)]
        for text in re.split("\n\n+", "\n".join(lines).strip("\n")):
            if text:
                self._add(text)

    def _add(self, text: str) -> None:
        """Add lines between blank lines to what is open: a cell, a list, a heading or the text."""
        if self.tables:
            text = text.replace("\n", " ")
            self.cells = self.cells or [""]
            self.cells[-1] = f"{self.cells[-1]} {text}".strip()
            return
        kind: BlockKind = "heading" if self.heading else "paragraph"
        if self.lists and not self.heading:
            kind = "list"
            text = self.prefix + text
            self.prefix = " " * len(self.prefix)
        self.out.add(kind, text, level=self.heading)


def _hidden(node: LexborNode) -> bool:
    """Tell whether an element says that nobody sees it."""
    if not node.is_element_node:
        return False
    attributes = node.attributes
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or bool(_HIDING.search(attributes.get("style") or ""))
    )
