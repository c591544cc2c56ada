"""What a Markdown source holds for programs alone: addresses of data, and the tags of HTML."""

import re
from dataclasses import dataclass, field
from typing import Final

from markdown_it import MarkdownIt

from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.shared.noise import Noise

_ADDRESS: Final = r"<?(?:data:|attachment:)[^\s)>]*>?(?:[ \t]+(?:\"[^\"\n]*\"|'[^'\n]*'))?[ \t]*"
_LINKED = re.compile(rf"!?\[([^\[\]\n]{{0,2000}})\]\([ \t]*{_ADDRESS}\)", re.IGNORECASE)
_DEFINED = re.compile(
    rf"^ {{0,3}}\[([^\[\]\n]{{1,999}})\]:[ \t]*(?:\n[ \t]*)?{_ADDRESS}$\n?",
    re.IGNORECASE | re.MULTILINE,
)
_FILE_NAME = re.compile(r"[\w.-]+\.(?:png|jpe?g|gif|svg|webp|bmp)", re.IGNORECASE)
_ELEMENTS: Final = (
    "a|abbr|address|article|aside|audio|b|bdi|bdo|big|blockquote|br|button|caption|center|cite|code|"
    "col|colgroup|dd|del|details|dfn|div|dl|dt|em|embed|figcaption|figure|font|footer|form|h[1-6]|"
    "header|hr|i|iframe|img|input|ins|kbd|label|li|main|map|mark|nav|nobr|object|ol|option|p|param|"
    "picture|pre|q|rp|rt|ruby|s|samp|script|section|select|small|source|span|strike|strong|style|sub|summary|sup|"
    "svg|table|tbody|td|template|textarea|tfoot|th|thead|time|tr|tt|u|ul|var|video|wbr"
)
# What is passed over whole (code), a comment, or a tag.
_HTML = re.compile(
    r"(?P<code>(?<!`)(?P<ticks>`{1,20})(?!`)(?:(?!\n\s*\n).){1,5000}?(?<!`)(?P=ticks)(?!`))"
    r"|(?P<comment><!--.*?(?:-->|\Z))"
    rf"|</?(?P<element>{_ELEMENTS})(?:\s(?:[^<>\"']|\"[^\"<>]*\"|'[^'<>]*')*)?/?>",
    re.IGNORECASE | re.DOTALL,
)
#: Elements that are taken whole, with the tags inside them that count.
_WHOLE: Final = {
    name: re.compile(rf"<(/?){name}\b[^<>]*>", re.IGNORECASE)
    for name in ("script", "style", "svg", "template", "table", *(f"h{n}" for n in range(1, 7)))
}
_ANY_TAG = re.compile(r"<[^<>]*>")
_ALT = re.compile(r"\balt\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s>]+))", re.IGNORECASE)
_CODE = re.compile(r"```|~~~|\n(?: {4}|\t)")
_MAYBE = re.compile(r"<[a-zA-Z!/]|data:|attachment:", re.IGNORECASE)


@dataclass(slots=True)
class _Cleaner:
    """Takes out of the parts that are no code what a reader of the page would not see."""

    noise: Noise
    names: set[str] = field(default_factory=set)  # of link definitions that were taken out
    open: set[str] = field(default_factory=set)  # elements that are nowhere closed

    def clean(self, text: str) -> str:
        """Return one part of the source without addresses of data and tags."""
        if "](" in text or "]:" in text:
            text = _DEFINED.sub(self._definition, text)
            text = _LINKED.sub(self._linked, text)
        if "<" in text:
            text = self._without_html(text)
        return text

    def _definition(self, found: re.Match[str]) -> str:
        """Take a link definition out and remember its name."""
        self.names.add(found[1].casefold())
        self._count(found[0])
        return ""

    def _linked(self, found: re.Match[str]) -> str:
        """Keep the words of a picture or link."""
        self._count(found[0])
        return "" if _FILE_NAME.fullmatch(found[1]) else found[1]

    def _count(self, piece: str) -> None:
        """Count bytes that were written as an address."""
        if "data:" in piece.lower():
            self.noise.pieces += 1
            self.noise.characters += len(piece)

    def _without_html(self, text: str) -> str:
        """Return a part without tags, comments and hidden elements."""
        parts: list[str] = []
        at = 0
        while (found := _HTML.search(text, at)) is not None:
            end = found.end()
            if found["code"]:
                parts.append(text[at:end])
                at = end
                continue
            parts.append(text[at : found.start()])
            element = (found["element"] or "").lower()
            if element in _WHOLE and not found[0].startswith("</"):
                end = self._closed(text, element, end)
            if element == "table" and end > found.end():
                parts.append(self._table(text[found.start() : end]))
            elif element[:1] == "h" and end > found.end():
                words = " ".join(_ANY_TAG.sub(" ", text[found.start() : end]).split())
                parts.append(f"\n\n{'#' * int(element[1:])} {words}\n\n")
            elif element == "img":
                parts.append(self._picture(found[0]))
            elif element == "br":
                parts.append("\n")
            at = end
        parts.append(text[at:])
        return "".join(parts)

    def _closed(self, text: str, element: str, at: int) -> int:
        """Return where an element that was opened before *at* ends; *at* where it does not."""
        if element in self.open:
            return at
        depth = 1
        for tag in _WHOLE[element].finditer(text, at):
            depth += -1 if tag[1] else 1
            if depth == 0:
                return tag.end()
        self.open.add(element)  # none after it ends either: each is looked for once
        return at

    def _picture(self, tag: str) -> str:
        """Return what a picture says instead of what it shows."""
        self._count(tag)
        alt = _ALT.search(tag)
        return next((group for group in alt.groups() if group), "") if alt else ""

    def _table(self, source: str) -> str:
        """Return a table of HTML as one of Markdown; what is no grid as its words."""
        document = parse_html(source)
        parts = []
        for block in document.blocks:
            text = document.text[block.start : block.end]
            if block.kind == "table" and "\n" in text:
                text = _piped(text.split("\n"))
            parts.append(text)
        return "\n\n" + "\n\n".join(parts) + "\n\n"


def without_markup(text: str, noise: Noise) -> str:
    """
    Return a Markdown source without addresses of data, encoded bytes and the tags of HTML.

    Pictures leave their alternative text, tables of HTML become tables of Markdown; code stays as
    it is, but for encoded bytes.
    """
    if not _MAYBE.search(text):
        return noise.without(text)
    cleaner = _Cleaner(noise)
    lines = text.splitlines(keepends=True)
    parts: list[str] = []
    at = 0
    for start, end in _code_lines(text):
        parts.append(cleaner.clean("".join(lines[at:start])))
        parts.append("".join(lines[start:end]))
        at = end
    parts.append(cleaner.clean("".join(lines[at:])))
    text = "".join(parts)
    if cleaner.names:
        text = _without_references(text, cleaner.names)
    return noise.without(text)


def _code_lines(text: str) -> list[tuple[int, int]]:
    """Return the lines (first, past the last) of fenced and indented code, in order."""
    if not _CODE.search(text):
        return []
    tokens = MarkdownIt("commonmark").parse(text)
    return sorted(
        (token.map[0], token.map[1])
        for token in tokens
        if token.map and token.type in ("fence", "code_block")
    )


def _without_references(text: str, names: set[str]) -> str:
    """Replace pictures and links whose definition is gone by their words."""

    def words(found: re.Match[str]) -> str:
        name = found[2] or found[1]
        return found[1] if name.casefold() in names else found[0]

    return re.sub(r"!?\[([^\[\]\n]{1,999})\](?:\[([^\[\]\n]{0,999})\])?", words, text)


def _piped(lines: list[str]) -> str:
    """Return rows `a | b` as a table of Markdown."""
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    width = max(map(len, rows))
    written = [f"| {' | '.join(row + [''] * (width - len(row)))} |" for row in rows]
    return "\n".join([written[0], "|" + "---|" * width, *written[1:]])
