"""HTML: what a reader sees, with its headings, paragraphs, lists, tables and code."""

import re
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from adapters.parsing.markup.html_parts import (
    UNSEEN,
    is_article,
    is_consent,
    is_dialog,
    is_hidden,
    is_menu,
    is_ornament,
    main_parts,
    names_consent,
    role_of,
    weight,
)
from adapters.parsing.markup.html_styles import hidden_elements
from adapters.parsing.markup.html_tables import TABLE_ROLES, Grid, is_bold, layout_tables
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.noise import Noise
from adapters.parsing.shared.titles import given_title
from rag.documents import BlockKind, ParsedDocument

_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details"}
    | {"dialog", "div", "dl", "dt", "fieldset", "figcaption", "figure", "footer", "form", "header"}
    | {"hr", "html", "legend", "li", "main", "ol", "p", "section", "summary", "table", "tbody"}
    | {"td", "tfoot", "th", "thead", "tr", "ul", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
)
_PLAIN = frozenset({"div", "span", "p", "section"})  # elements whose role tells what they are
_ROLES = {**TABLE_ROLES, "list": "ul", "listitem": "li"}
_BREAK = "\x1e"  # stands for <br> until white space is collapsed; cleaned away if it is in a text
_EAST = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"  # written without blanks between words
_EAST_BREAK = re.compile(f"(?<=[{_EAST}])[ \t]*\n\\s*(?=[{_EAST}])")
_EASTERN = re.compile(f"[{_EAST}]")

_SURE_MAIN = 1500  # bytes from which on the main part needs no comparison with the page
_MAIN_SHARE = 0.3  # of the page's text that a main part has
_ARTICLE_SHARE = 0.6  # the same of an article, of which a page may have others
_NEARLY_NOTHING = 80  # bytes of a page whose text is somewhere else
_FEW = 0.1  # the same as a share of what is hidden
_MOST_LOOKS = 2000  # texts of elements that are read to judge them
_MOST_DEPTH = 20  # of lists in lists that are indented

_MOSTLY_HIDDEN = "Most of the page is marked hidden or stands in a dialog, and was left out."
_TAKEN = "The page marks its own text as hidden; it was taken all the same."


def parse_html(text: str) -> ParsedDocument:
    """
    Return the text that a reader of the page would call its own.

    Scripts, menus, dialogs, readings of ruby and what a style hides are left out; where a page
    says which part is its main one, so is the rest. A page that shows nearly nothing but hides an
    article, until a script shows it, gives that article.
    """
    tree = LexborHTMLParser(text.replace("\x00", "").replace(_BREAK, ""))
    page = _Page(tree, layout_tables(tree), hidden_elements(tree, text))
    walker = page.read(take_hidden=False)
    few = max(_NEARLY_NOTHING, _FEW * walker.hidden)
    if walker.articles and walker.weight < few:
        walker = page.read(take_hidden=True)
        walker.out.note(_TAKEN)
    elif walker.hidden > walker.weight:
        walker.out.note(_MOSTLY_HIDDEN)
    walker.out.note(*walker.noise.notes())
    named = tree.css_first("head title")
    title = given_title(named.text()) if named is not None else None
    return walker.out.document("html", title=title)


@dataclass(slots=True)
class _Page:
    """A parsed page with what was found out about its elements."""

    tree: LexborHTMLParser
    layout: set[int]
    hidden: frozenset[int]

    def read(self, *, take_hidden: bool) -> "_Walker":
        """Walk the main part if the page has one that deserves the name, else all of it."""
        parts = main_parts(self.tree)
        if not parts:
            return self._walked([self.tree.root], take_hidden=take_hidden)
        part = self._walked([*self._headline(parts), *parts], take_hidden=take_hidden)
        article = parts[0].tag == "article"
        if part.weight >= _SURE_MAIN and not article:
            return part
        whole = self._walked([self.tree.root], take_hidden=take_hidden)
        share = _ARTICLE_SHARE if article else _MAIN_SHARE
        return part if part.weight >= max(share * whole.weight, _NEARLY_NOTHING) else whole

    def _walked(self, roots: list[LexborNode | None], *, take_hidden: bool) -> "_Walker":
        """Return a walker that has visited all of *roots*."""
        walker = _Walker(self.layout, self.hidden, take_hidden)
        for root in roots:
            if root is not None and not walker.skipped_above(root):
                walker.walk(root)
        return walker

    def _headline(self, parts: list[LexborNode]) -> list[LexborNode]:
        """Return the page's first heading if it stands above a main part that has none."""
        if any(part.css_first("h1") is not None for part in parts):
            return []
        return self.tree.css("h1")[:1]


@dataclass(slots=True)
class _List:
    """A list that is open: *count* numbers its items, None for bullets."""

    count: int | None


@dataclass(slots=True)
class _Walker:
    """Visits a tree in document order, without recursion: pages may nest without end."""

    layout: set[int]
    styled: frozenset[int]  # elements that style sheets hide
    take_hidden: bool
    out: Assembly = field(default_factory=Assembly)
    noise: Noise = field(default_factory=Noise)
    weight: int = 0  # bytes of what was taken
    hidden: int = 0  # bytes of what was left out as hidden
    looks: int = 0  # how often the text of an element was read to judge it
    articles: int = 0  # hidden parts that may be what the page is about
    inline: list[str] = field(default_factory=list)
    heading: int = 0
    pre: int = 0
    ruby: int = 0
    prefix: str = ""
    lists: list[_List] = field(default_factory=list)
    naming: bool = False  # inside the term of a definition
    terms: list[str] = field(default_factory=list)
    tables: int = 0  # data tables that are open, of which only the outermost is a grid
    grid: Grid = field(default_factory=Grid)

    def walk(self, root: LexborNode) -> None:
        """Collect everything visible below *root*."""
        stack: list[tuple[LexborNode, str]] = [(root, "")]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(leaving)
                continue
            if node.is_text_node:
                self._words(node.text_content or "")
                continue
            if not node.is_element_node:
                continue  # comments, and processing instructions, which have no name
            attributes = node.attributes
            if self._skipped(node, node.tag or "", attributes):
                continue
            tag = self._named(node.tag or "-", attributes)
            self._enter(node, tag, attributes)
            stack.append((node, tag))
            child = node.last_child
            while child is not None:
                stack.append((child, ""))
                child = child.prev
        self._flush()
        self._end_terms()

    def skipped_above(self, node: LexborNode) -> bool:
        """Return True if an element stands in one that is left out."""
        above = node.parent
        while above is not None and above.is_element_node:
            if self._skipped(above, above.tag or "", above.attributes):
                return True
            above = above.parent
        return False

    def _skipped(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> bool:
        """Return True if an element is left out with all in it; count what is hidden."""
        if tag in UNSEEN:
            return True
        if not attributes and not self.styled:
            return tag == "dialog"
        if is_menu(attributes) or is_ornament(node, tag, attributes):
            return True
        dialog = is_dialog(attributes, tag) or self._asks(node, tag, attributes)
        if not dialog and not is_hidden(attributes) and node.mem_id not in self.styled:
            return False
        self.looks += 1  # each reads the text below: elements hidden in each other are quadratic
        article = not dialog and self.looks < _MOST_LOOKS and is_article(node)
        if article and self.take_hidden:
            return False
        self.articles += article
        self.hidden += weight(node.text(deep=True))
        return True

    def _asks(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> bool:
        """Return True if an element asks for consent."""
        if not names_consent(tag, attributes):
            return False
        self.looks += 1
        return self.looks < _MOST_LOOKS and is_consent(node)

    @staticmethod
    def _named(tag: str, attributes: dict[str, str | None]) -> str:
        """Return the element that a plain one stands for by its role, or its own name."""
        if tag not in _PLAIN or not attributes:
            return tag
        role = role_of(attributes)
        if role == "heading":
            level = attributes.get("aria-level") or "2"
            return f"h{level}" if level in "123456" else "h6"
        return _ROLES.get(role, tag)

    def _words(self, text: str) -> None:
        """Take inline text; the parts of an annotated word stay together."""
        if self.ruby and (text.isspace() or _EASTERN.search(text)):
            text = text.strip()
        self.inline.append(text)

    def _enter(self, node: LexborNode, tag: str, attributes: dict[str, str | None]) -> None:
        """Note what begins."""
        if tag not in _BLOCKS:
            self._enter_inline(tag, attributes)
            return
        self._flush()
        if self.tables:
            self._enter_in_table(node, tag)
        elif tag == "table" and node.mem_id not in self.layout:
            self.tables, self.grid = 1, Grid()
        elif tag[0] == "h" and tag[1:].isdigit():
            self.heading = int(tag[1:])
        elif tag == "pre":
            self.pre += 1
        elif tag in ("ul", "ol"):
            self.lists.append(_List(0 if tag == "ol" else None))
        elif tag == "li":
            self.prefix = self._marker()
        elif tag == "dt":
            self.naming = True

    def _enter_inline(self, tag: str, attributes: dict[str, str | None]) -> None:
        """Note what begins inside a line."""
        if tag == "br":
            self.inline.append(_BREAK)
        elif tag == "ruby":
            self.ruby += 1
        elif tag == "img" and self.tables:
            self.grid.cell.picture = " ".join((attributes.get("alt") or "").split())

    def _enter_in_table(self, node: LexborNode, tag: str) -> None:
        """Note what begins inside a data table; a table in a cell is text of the cell."""
        if tag == "table":
            self.tables += 1
        elif self.tables > 1 or tag in ("li", "dt"):
            if tag in ("tr", "li", "dt"):
                self.grid.cell.between = "; "
        elif tag in ("thead", "tbody", "tfoot"):
            self.grid.enter_section(tag)
        elif tag == "tr":
            self.grid.enter_row()
        elif tag in ("td", "th"):
            first = len(self.grid.rows) <= 1
            self.grid.enter_cell(node, heading=tag == "th" or (first and is_bold(node)))
        elif tag == "caption":
            self.grid.captioned = True

    def _leave(self, tag: str) -> None:
        """Note what ends."""
        if tag == "ruby":
            self.ruby -= 1
        if tag not in _BLOCKS:
            return
        self._flush()
        if self.tables:
            self._leave_in_table(tag)
        elif tag[0] == "h" and tag[1:].isdigit():
            self.heading = 0
        elif tag == "pre":
            self.pre -= 1
        elif tag in ("ul", "ol") and self.lists:
            self.lists.pop()
            self.prefix = ""
        elif tag == "dt":
            self.naming = False
        elif tag == "dl":
            self._end_terms()

    def _leave_in_table(self, tag: str) -> None:
        """Note what ends inside a data table."""
        if tag == "table":
            self.tables -= 1
            if not self.tables:
                self._end_table()
        elif tag == "dt":
            self.grid.cell.between = ": "
        elif tag == "caption":
            self.grid.captioned = False
        elif tag == "tr" and self.tables == 1:
            self.grid.open_row = False

    def _end_table(self) -> None:
        """Write the caption, then the rows."""
        self._put("paragraph", " ".join(self.grid.caption))
        lines, heads = self.grid.lines()
        self._put("table", "\n".join(lines), header=heads)
        self.grid = Grid()

    def _end_terms(self) -> None:
        """Write terms that nothing defines, or something other than words."""
        terms, self.terms = self.terms, []
        if terms:
            self._put("list", ", ".join(terms))

    def _marker(self) -> str:
        """Return what stands before the next item, indented by the depth of its list."""
        indent = "  " * min(max(len(self.lists) - 1, 0), _MOST_DEPTH)
        if not self.lists or self.lists[-1].count is None:
            return f"{indent}- "
        self.lists[-1].count += 1
        return f"{indent}{self.lists[-1].count}. "

    def _flush(self) -> None:
        """Turn the inline text so far into a block, or into a part of the open cell."""
        if not self.inline:
            return
        raw = self.noise.without("".join(self.inline))
        self.inline = []
        if self.pre and not self.tables:
            self._put("code", raw.replace(_BREAK, "\n").strip("\n"))
            return
        if "\n" in raw and not raw.isascii():
            raw = _EAST_BREAK.sub("", raw)
        lines = [" ".join(line.split()) for line in raw.split(_BREAK)]
        for text in re.split("\n\n+", "\n".join(lines).strip("\n")):
            if text:
                self._add(text)

    def _add(self, text: str) -> None:
        """Add lines between blank lines to what is open: a cell, a list, a heading or the text."""
        if self.tables:
            text = text.replace("\n", " ")
            if self.grid.captioned:
                self.grid.caption.append(text)
            else:
                self.grid.cell.add(text)
            return
        if self.naming and not self.heading:
            self.terms.append(text.replace("\n", " "))
            return
        kind: BlockKind = "heading" if self.heading else "paragraph"
        if self.lists and not self.heading:
            self._end_terms()
            kind = "list"
            text = self.prefix + text
            self.prefix = " " * len(self.prefix)
        elif self.terms:
            term = ", ".join(self.terms)
            self.terms = []
            kind, text = "list", f"{term}{' ' if term.endswith((':', '?', '？')) else ': '}{text}"  # noqa: RUF001
        self._put(kind, text, level=self.heading)

    def _put(self, kind: BlockKind, text: str, *, level: int = 0, header: int = 0) -> None:
        """Write a block and weigh it."""
        self._end_terms()
        self.weight += weight(text)
        self.out.add(kind, text, level=level, header=header)
