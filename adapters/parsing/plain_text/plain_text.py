"""Plain text: paragraphs, or the entries of a log."""

import re
from typing import Final

from adapters.parsing.shared.assembly import cleaned, paragraphs
from adapters.parsing.shared.noise import Noise
from rag.documents import Block, BlockKind, ParsedDocument

_BLOCKS: Final[dict[str, BlockKind]] = {"table": "table", "code": "code"}
_CLOCK: Final = r"\d{1,2}:\d{2}(?::\d{2})?(?:[.,]\d+)?"
# What a line of a log begins with: a time, by itself or after a level, a host or a number.
_STAMP: Final = re.compile(
    r"(?:[<\[(]?\d{1,6}[>\])]\s?(?:1 )?)?"  # priority of syslog, number of a process
    r"(?:(?:\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\]?|[IWEF](?=\d{4} ))"
    r"[\s:|-]*)?"
    r"(?:[\w.:-]+ \S+ \S+ )?"  # host and users of an access log
    r"[\[(\"]?(?:"
    rf"\d{{4}}[-/.]\d{{1,2}}[-/.]\d{{1,2}}[T\s_,]+{_CLOCK}"
    rf"|\d{{1,2}}[-/. ](?:\d{{1,2}}|[A-Z][a-z]{{2}})[-/. ]\d{{2,4}}[T\s:,]+{_CLOCK}"
    rf"|(?:[A-Z][a-z]{{2}},? )?[A-Z][a-z]{{2}} {{1,2}}\d{{1,2}},? (?:\d{{4}} )?{_CLOCK}"
    rf"|\d{{4}} {_CLOCK}|\d{{8}}[T ]\d{{4,6}}"
    r"|\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?|\s*\d{1,7}\.\d{6}\]"
    r"|1[4-9]\d{8}(?:\.\d+|\d{3})?\s)"
)
_SAMPLED = 400  # lines that tell a log
_MOST_STAMPED = 0.5  # share of lines that do not go on with the entry before
_LEAST_ENTRIES = 3
_INDENTED = re.compile(
    r"[ \t]|Caused by:|Traceback \(|\w[\w.]*(?:Error|Exception)\b|[})\]]|\.\.\. "
)


def parse_plain(text: str, kind: str) -> ParsedDocument:
    """Return *text* with one block for each piece between blank lines; of a log a line an entry."""
    text = cleaned(text)
    noise = Noise()
    text = noise.without(text)
    if kind == "log":
        return _log(text, noise)
    blocks = paragraphs(text, kind=_BLOCKS.get(kind, "paragraph"))
    return ParsedDocument(text, kind, None, tuple(blocks), notes=noise.notes())


def looks_like_log(text: str) -> bool:
    """Return True for a text whose lines begin with the time of an event."""
    lines = [line for line in text[: 200 * _SAMPLED].split("\n") if line.strip()][:_SAMPLED]
    stamped = [bool(_STAMP.match(line)) for line in lines]
    own = [line for line, stamp in zip(lines, stamped, strict=True) if not stamp]
    loose = sum(not _INDENTED.match(line) for line in own)
    entries = sum(stamped)
    return entries >= _LEAST_ENTRIES and entries >= _MOST_STAMPED * (entries + loose)


def has_header(text: str) -> bool:
    """Return True if the first line is no entry: the names of columns stand there."""
    return not _STAMP.match(text.lstrip().partition("\n")[0])


def _log(text: str, noise: Noise) -> ParsedDocument:
    """Return entries a line each, with the lines that go on with them, as one table."""
    entries: list[list[str]] = []
    for line in text.split("\n"):
        if not line.strip():
            continue
        if not entries or _STAMP.match(line):
            entries.append([line.strip()])
        else:
            entries[-1].append(line.strip())
    lines = [" ".join(entry) for entry in entries]
    text = "\n".join(lines)
    # The lines above the first entry, if any, became one: it is a row like the others.
    block = Block("table", 0, len(text))
    return ParsedDocument(text, "log", None, (block,) if text else (), notes=noise.notes())
