"""Source code: the text as it is, a block for each definition with the comment above it."""

import re
from dataclasses import dataclass
from typing import Final

from adapters.parsing.shared.assembly import cleaned
from adapters.parsing.shared.noise import Noise
from rag.documents import Block, ParsedDocument

_LONG: Final = 60  # lines of a definition above which the definitions inside it are blocks
_LEVELS: Final = 4  # of definitions inside definitions that are told apart
_TAB: Final = 4  # columns
# What goes on with the lines above though it is not indented.
_CLOSING = re.compile(
    r"[})\]]|(?:else|elif|except|finally|catch|rescue|ensure|end|endif|fi|done|esac|then)\b|#(?:endif|else|elif)\b"
)
_COMMENT = re.compile(
    r"(?:#(?!!|include|define|if|pragma|import)|//|/\*|\*|--|;|%|'''|\"\"\"|<!--|@|\[)"
)
# What begins a definition at the top of a file, where no blank line stands before it.
_DEFINES = re.compile(
    r"(?:(?:export|default|public|private|protected|internal|static|abstract|final|async|pub|unsafe)"
    r"(?:\(\w+\))? )*(?:def|class|function|fn|func|impl|trait|struct|enum|interface|type|module|"
    r"namespace|sub|record|object|const|let|var) ?[\w$*(<]"
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """Lines without a blank line between them: their span, number and indentation."""

    start: int
    end: int
    lines: int
    indent: int
    first: str
    comment: bool  # holds nothing but comments, decorators or attributes


def parse_code(text: str, kind: str = "code") -> ParsedDocument:
    """Return *text* with a block for each top-level definition; of long ones their inner ones."""
    noise = Noise()
    text = cleaned(text)
    bare = noise.without(text)
    text = bare if bare.strip() else text
    blocks = [
        Block("code", group[0].start, group[-1].end) for group in _grouped(_pieces(text), _LEVELS)
    ]
    return ParsedDocument(text, kind, None, tuple(blocks), notes=noise.notes())


def _pieces(text: str) -> list[_Piece]:
    """Cut a text at its blank lines."""
    pieces: list[_Piece] = []
    at = 0
    lines: list[str] = []
    start = 0
    for line in [*text.splitlines(keepends=True), ""]:
        if lines and (not line.strip() or (_DEFINES.match(line) and _over(lines[-1]))):
            pieces.append(_piece(lines, start))
            lines = []
        if line.strip():
            start = start if lines else at
            lines.append(line)
        at += len(line)
    return pieces


def _over(line: str) -> bool:
    """Return True for the last line of a definition: a closing sign, or indented."""
    return line[0].isspace() or bool(_CLOSING.match(line))


def _piece(lines: list[str], start: int) -> _Piece:
    """Describe lines that stand together; the span is without the white space around it."""
    first = lines[0]
    size = sum(map(len, lines))
    lead = len(first) - len(first.lstrip())
    end = start + size - (len(lines[-1]) - len(lines[-1].rstrip()))
    comment = all(_COMMENT.match(line.lstrip()) for line in lines)
    indent = len(first.expandtabs(_TAB)) - len(first.lstrip().expandtabs(_TAB))
    return _Piece(start + lead, end, len(lines), indent, first.strip(), comment)


def _grouped(pieces: list[_Piece], levels: int) -> list[list[_Piece]]:
    """Return the pieces of each definition; those of a long one by the definitions inside it."""
    if not pieces:
        return []
    least = min((piece.indent for piece in pieces if not _CLOSING.match(piece.first)), default=0)
    groups: list[list[_Piece]] = []
    for piece in pieces:
        begins = piece.indent <= least and not _CLOSING.match(piece.first)
        explained = (
            bool(groups) and groups[-1][-1].comment and groups[-1][-1].indent == piece.indent
        )
        if groups and (not begins or explained):
            groups[-1].append(piece)
        else:
            groups.append([piece])
    if levels == 0:
        return groups
    found: list[list[_Piece]] = []
    for group in groups:
        if len(group) > 1 and sum(piece.lines for piece in group) > _LONG:
            found.append(group[:1])
            found.extend(_grouped(group[1:], levels - 1))
        else:
            found.append(group)
    return found
