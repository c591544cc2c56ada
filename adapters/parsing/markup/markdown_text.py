"""Markdown: the text is the source, less what programs alone read; blocks are CommonMark's own."""

import re
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.token import Token

from adapters.parsing.markup.markdown_source import without_markup
from adapters.parsing.shared.assembly import cleaned, paragraphs, sane_title
from adapters.parsing.shared.noise import Noise
from rag.documents import Block, BlockKind, ParsedDocument
from rag.text.spans import trimmed

_KINDS: dict[str, BlockKind] = {
    "heading_open": "heading",
    "bullet_list_open": "list",
    "ordered_list_open": "list",
    "fence": "code",
    "code_block": "code",
    "table_open": "table",
}
_FRONT_MATTER = re.compile(r"---\n(?:.*\n)*?(?:---|\.\.\.)[ \t]*(?:\n|$)")
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.+?)[\"']?[ \t]*$", re.MULTILINE)


def parse_markdown(text: str) -> ParsedDocument:
    """
    Return the source with its top-level blocks and its first heading.

    Newlines are normalised; addresses of data, encoded bytes and the tags of HTML are taken out,
    and pictures leave their alternative text.
    """
    text = cleaned(text)
    noise = Noise()
    front = _FRONT_MATTER.match(text)
    at = front.end() if front else 0
    text = text[:at] + without_markup(text[at:], noise)
    named = _FRONT_TITLE.search(text, 0, at) if front else None
    title = sane_title(named[1]) if named else None
    blocks = paragraphs(text, kind="code", end=at) if front else []
    lines = [at, *accumulate((len(s) for s in text[at:].splitlines(keepends=True)), initial=at)][1:]
    tokens = MarkdownIt("commonmark").enable("table").parse(text[at:])
    for n, token in enumerate(tokens):
        if token.level or token.map is None:
            continue
        start, end = (lines[min(line, len(lines) - 1)] for line in token.map)
        kind = _KINDS.get(token.type, "paragraph")
        blocks.extend(_gap(text, blocks, at, start))
        if kind == "heading":
            title = title or sane_title(_spoken(tokens[n + 1]))
        level = int(token.tag[1:]) if kind == "heading" else 0
        first, last = trimmed(text, start, end)
        heads = _table_header(text[first:last]) if kind == "table" else 0
        blocks.append(Block(kind, first, last, level, heads))
    blocks.extend(_gap(text, blocks, at, len(text)))
    kept = tuple(block for block in blocks if block.end > block.start)
    return ParsedDocument(text, "markdown", title, kept, notes=noise.notes())


def _gap(text: str, blocks: list[Block], at: int, end: int) -> list[Block]:
    """Return blocks for source that renders to nothing, such as link definitions."""
    return paragraphs(text, kind="paragraph", start=blocks[-1].end if blocks else at, end=end)


def _table_header(text: str) -> int:
    """Return the length of the first two lines of a table, its names and a rule; 0 without rows."""
    return text.find("\n", text.find("\n") + 1) + 1


def _spoken(inline: Token) -> str:
    """Return the words of a heading without its marks."""
    return "".join(
        " " if part.type == "softbreak" else part.content
        for part in inline.children or []
        if part.type in ("text", "code_inline", "softbreak")
    )
