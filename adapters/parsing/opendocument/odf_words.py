"""The words of OpenDocument paragraphs: what is seen of them, and what hangs on them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.shared.comments import told
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.packages import Package, attribute, below, local

#: Holds text that nobody reads in its place, or that is gone.
_SKIPPED = frozenset(
    {
        "tracked-changes",
        "deletion",
        "annotation-end",
        "ruby-text",
        "title",
        "desc",
        "bookmark-start",
    }
    | {"hidden-text", "script", "forms", "sequence-decls", "variable-decls", "user-field-decls"}
    | {"table-of-content", "soft-page-break", "change", "change-start", "change-end", "notes"}
)
_SIGNS = {"s": " ", "tab": "\t", "line-break": "\n"}
_MOST_BLANKS = 100
_MOST_STYLES = 20  # that a style may take after
OUTLINE = "\x00outline"  # stands for the name of the numbers of headings
_BOXES = frozenset(
    {"text-box", "table", "object", "custom-shape", "rect", "ellipse", "list", "object-ole"}
    | {"line", "polygon", "polyline", "path", "circle", "connector", "caption"}
)


@dataclass(slots=True)
class Words:
    """The text of a paragraph, and what is anchored in it and written after it."""

    text: str = ""
    boxes: list[etree._Element] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Notes:
    """Footnotes and endnotes, numbered through the document in the order of their marks."""

    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> str:
        """Keep a note, and return the mark that stands for it."""
        self.texts.append(text)
        return f"[{len(self.texts)}]"


def words(paragraph: etree._Element, notes: Notes, hidden: Callable[[str], bool]) -> Words:
    """
    Return what is read of a paragraph or heading.

    *hidden* tells whether a style by its name hides what is in it.
    """
    found = Words()
    parts: list[str] = []
    stack: list[etree._Element | str] = [paragraph]
    while stack:
        node = stack.pop()
        if isinstance(node, str):
            parts.append(node)
            continue
        kind = local(node)
        if kind == "note":
            parts.append(notes.add(flat(node, hidden, "p", "h")))
        elif kind == "annotation":
            found.comments.append(comment(node, hidden))
        elif kind in _BOXES:
            found.boxes.append(node)
        elif kind in _SIGNS:
            parts.append(_SIGNS[kind] * min(whole(node, "c"), _MOST_BLANKS))
        elif not (kind in _SKIPPED or (kind == "span" and hidden(attribute(node, "style-name")))):
            if kind in ("p", "h") and node is not paragraph:
                parts.append("\n")
            for child in reversed(node):
                stack.extend([child.tail or "", child])
            stack.append(node.text or "")
    found.text = "".join(parts)
    return found


def flat(element: etree._Element, hidden: Callable[[str], bool], *names: str) -> str:
    """Return the words of all paragraphs of these *names* below an element on one line."""
    return one_line(" ".join(words(p, Notes(), hidden).text for p in below(element, *names)))


def whole(element: etree._Element, name: str, otherwise: int = 1) -> int:
    """Return an attribute that is a number, *otherwise* where it is none."""
    value = attribute(element, name)
    return int(value) if value.isdigit() else otherwise


def comment(note: etree._Element, hidden: Callable[[str], bool]) -> str:
    """Return a comment with who wrote it."""
    author = next(("".join(map(str, who.itertext())) for who in below(note, "creator")), "")
    text = flat(note, hidden, "p", "h")
    return told(text, author=author)


@dataclass(frozen=True, slots=True)
class Level:
    """How a level of a list is numbered; without a *form* it has bullets."""

    form: str = ""
    before: str = ""
    after: str = ""
    start: int = 1
    shown: int = 1  # levels whose numbers stand before an item


@dataclass(slots=True)
class Styles:
    """What styles say that changes what is read."""

    hidden: frozenset[str]  # of text that is not shown
    unseen: frozenset[str]  # of sheets and slides that are not shown
    bold: frozenset[str]
    numbered: dict[str, dict[int, Level]]  # of lists, by level
    outline: dict[str, int]  # the heading's level of paragraph styles that are headings
    parents: dict[str, str]

    @classmethod
    def of(cls, package: Package, content: etree._Element) -> "Styles":
        """Read the styles of a document, its own and the automatic ones."""
        common = package.optional("styles.xml")
        hidden, unseen, bold = set(), set(), set()
        styles = cls(frozenset(), frozenset(), frozenset(), {}, {}, {})
        for root in (common, content):
            for style in (
                below(root, "style", "list-style", "outline-style") if root is not None else ()
            ):
                name = attribute(style, "name")
                if local(style) != "style":
                    name = OUTLINE if local(style) == "outline-style" else name
                    styles.numbered[name] = dict(map(_level, _levels(style)))
                    continue
                styles.parents[name] = attribute(style, "parent-style-name")
                if level := whole(style, "default-outline-level", 0):
                    styles.outline[name] = level
                for properties in style:
                    if attribute(properties, "display") == "none":
                        hidden.add(name)
                    if (
                        attribute(properties, "display") == "false"
                        or attribute(properties, "visibility") == "hidden"
                    ):
                        unseen.add(name)
                    if attribute(properties, "font-weight") in ("bold", "600", "700", "800", "900"):
                        bold.add(name)
        styles.hidden, styles.unseen = frozenset(hidden), frozenset(unseen)
        styles.bold = frozenset(bold)
        return styles

    def hides(self, name: str) -> bool:
        """Return True if a style of text hides it."""
        return any(one in self.hidden for one in self._upwards(name))

    def stands_out(self, paragraph: etree._Element) -> bool:
        """Return True for a bold paragraph, or LibreOffice's style for column names."""
        if any(
            one in self.bold or one == "Table_20_Heading"
            for one in self._upwards(attribute(paragraph, "style-name"))
        ):
            return True
        spans = [child for child in paragraph if local(child) == "span"]
        words = "".join(map(str, paragraph.itertext())).strip()
        bold = [
            "".join(map(str, span.itertext()))
            for span in spans
            if any(one in self.bold for one in self._upwards(attribute(span, "style-name")))
        ]
        return bool(words) and "".join(bold).strip() == words

    def heading(self, name: str) -> int:
        """Return the level of headings that a paragraph's style makes, 0 for none."""
        for one in self._upwards(name):
            if one in self.outline:
                return self.outline[one]
            if one == "Title":
                return 1
        return 0

    def _upwards(self, name: str) -> Iterator[str]:
        """Yield a style and those that it takes after, so many that a circle ends."""
        for _ in range(_MOST_STYLES):
            if not name:
                return
            yield name
            name = self.parents.get(name, "")


def _levels(style: etree._Element) -> list[etree._Element]:
    """Return what a list's style says of its levels."""
    return [one for one in style if attribute(one, "level").isdigit()]


def _level(one: etree._Element) -> tuple[int, Level]:
    """Return a level's number and how it is numbered."""
    return int(attribute(one, "level")), Level(
        "" if local(one) == "list-level-style-bullet" else attribute(one, "num-format"),
        attribute(one, "num-prefix"),
        attribute(one, "num-suffix"),
        whole(one, "start-value"),
        whole(one, "display-levels"),
    )
