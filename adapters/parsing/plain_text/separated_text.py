"""Separated values in any dialect (RFC 4180 and its relatives): each record one line of text."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, pairwise
from typing import Final

from adapters.parsing.shared.assembly import Assembly, cleaned
from adapters.parsing.shared.grids import row_line
from adapters.parsing.shared.noise import Noise
from rag.documents import ParsedDocument

_SEPARATORS: Final = ("\t", ";", "|", ",")  # of equals the first: a comma may be a decimal one
_SAMPLE = 65_536  # characters that tell the separator
_MOST_RECORDS = 400  # of the sample
_CONSISTENT = 0.8  # share of records with as many fields as most
_QUOTED_LINES = 300  # of one record above which a quote was left open by mistake
_MOST_PREAMBLE = 30  # lines above the header
_LONG_NAME = 80  # characters above which words are no column name
_TYPED = 0.6  # share of a column's values that are numbers or dates where it is of such
_JUDGED = 200  # records that tell a column's type
_MOST_TEXT = 100_000_000  # characters above which records are written without names
_LEAST_LINES = 3  # of a file whose name does not tell that it holds records
_SEP = re.compile(r"sep=([,;|\t:^~#])\n", re.IGNORECASE)
_NUMBER = re.compile(r"[-+(]?[$€£¥]?\s?\d[\d.,'\s]*(?:[eE][-+]?\d+)?\s?[%€$£)]?")
_DATE = re.compile(
    r"\d{1,4}[-./]\d{1,2}(?:[-./]\d{1,4})?(?:[T ]\d{1,2}:\d{2}.*)?|\d{1,2}:\d{2}(?::\d{2})?"
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_ADDRESS = re.compile(r"\S+@\S+\.\w+|https?://\S+")
_SENTENCE = re.compile(r"[.!?。！？]$")  # noqa: RUF001


def looks_separated(text: str) -> bool:
    """Return True for records of three or more fields, or two after tabs; False for prose."""
    head = text[:_SAMPLE]
    if head.count("\n") < _LEAST_LINES - 1:
        return False
    separator, share, fields = _separator(head)
    least = {"\t": 2, ";": 3, "|": 3, ",": 3}
    if not separator or share < 0.95 or fields < least[separator]:  # noqa: PLR2004 - all but strays
        return False
    if separator == "|" and re.search(r"^\s*\|?\s*:?-{3,}", head, re.MULTILINE):
        return False  # a table of Markdown
    records = [r for r in _Reader(head, separator).records() if any(f.strip() for f in r)]
    values = [field.strip() for record in records[:_MOST_RECORDS] for field in record]
    # Prose between commas has a blank after each, longer pieces, and full stops.
    mean = sum(map(len, values)) / max(len(values), 1)
    if len(records) < _LEAST_LINES or mean > _LONG_NAME:
        return False
    spaced = 2 * head.count(f"{separator} ") > head.count(separator)
    ended = sum(bool(_SENTENCE.search(record[-1].strip())) for record in records)
    words = sum(value.count(" ") for value in values) > len(values)
    return not (separator != "\t" and spaced and (words or 4 * ended > len(records)))


def parse_separated(text: str, *, filename: str = "") -> ParsedDocument | None:
    """
    Return a line `name: value; name: value` for each record, empty values left out.

    Rows without column names are written `a | b | c`. Lines above the header stay text. None where
    no separator parts the lines into fields.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "").lstrip("\ufeff")
    told = _SEP.match(text)
    separator = told[1] if told else _separator(text[:_SAMPLE], filename)[0]
    if told:
        text = text[told.end() :]
    if not separator:
        return None
    table = _Table()
    table.write(_Reader(text, separator).records())
    return table.out.document("table")


def _separator(sample: str, filename: str = "") -> tuple[str, float, int]:
    """Return the separator, the share of records it cuts alike, and into how many fields."""
    whole = sample.rpartition("\n")[0] if len(sample) >= _SAMPLE else sample
    best: tuple[str, float, int] = ("", 0.0, 0)
    order = _SEPARATORS if not filename.lower().endswith(".psv") else ("|", "\t", ";", ",")
    for separator in order:
        if separator not in whole:
            continue
        records = islice(_Reader(whole, separator).records(), _MOST_RECORDS)
        sizes = Counter(len(record) for record in records if any(record))
        many = {size: count for size, count in sizes.items() if size > 1}
        if not many:
            continue
        size, count = max(many.items(), key=lambda item: (item[1], item[0]))
        share = round(count / sizes.total(), 2)
        if share > best[1] + 0.05 or (share < _CONSISTENT and share > best[1]):
            best = (separator, share, size)
    return best


@dataclass(slots=True)
class _Reader:
    """Cuts a text into records; quotes that were left open by mistake are taken as letters."""

    text: str
    separator: str

    def records(self) -> Iterator[list[str]]:
        """Yield the fields of each record, quotes undone."""
        escaped = '\\"' in self.text and '""' not in self.text
        try:
            yield from self._quoted(escaped=escaped)
        except _OpenQuote as stopped:
            for line in self.text.split("\n")[stopped.line :]:
                yield [field.strip().strip('"') for field in line.split(self.separator)]

    def _quoted(self, *, escaped: bool) -> Iterator[list[str]]:
        """Yield records as the csv module reads them."""
        reader = csv.reader(
            io.StringIO(self.text, newline=""),
            delimiter=self.separator,
            doublequote=not escaped,
            escapechar="\\" if escaped else None,
            skipinitialspace=True,
        )
        at = 0
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                raise _OpenQuote(at) from error
            if reader.line_num - at > _QUOTED_LINES:
                raise _OpenQuote(at)
            at = reader.line_num
            yield record


class _OpenQuote(Exception):
    """Raised when a quoted field goes on and on; *line* counts those read before it."""

    def __init__(self, line: int) -> None:
        super().__init__()
        self.line = line


@dataclass(slots=True)
class _Table:
    """Writes records: first what stands above the header, then the header's names into each."""

    out: Assembly = field(default_factory=Assembly)
    noise: Noise = field(default_factory=Noise)

    def write(self, records: Iterator[list[str]]) -> None:
        """Write all records."""
        first = list(islice(records, _JUDGED + _MOST_PREAMBLE + 1))
        first = [record for record in first if any(field.strip() for field in record)]
        width = _width(first)
        at = _preamble(first, width)
        for record in first[:at]:
            self.out.add("paragraph", " ".join(filter(None, map(self._value, record))))
        names: list[str] = []
        if at < len(first) and _names_columns(first[at], first[at + 1 :]):
            names = _names(first[at])
            at += 1
        lines = [self._line(record, names, width) for record in first[at:]]
        size = 0
        for record in records:
            if size > _MOST_TEXT and names:
                names = []
                self.out.note("The last rows of the table are written without their column names.")
            lines.append(self._line(record, names, width))
            size += len(lines[-1])
        if names and not any(lines):
            lines = [row_line(names)]
        self.out.add("table", "\n".join(filter(None, lines)))
        self.out.note(*self.noise.notes())

    def _line(self, record: list[str], names: list[str], width: int) -> str:
        """Write one record; fields beyond the last name are numbered."""
        values = [self._value(value) for value in record]
        if not any(values):
            return ""
        if not names:
            return row_line(values)
        if len(record) == 1 and width > 2:  # noqa: PLR2004 - a remark below the table
            return values[0]
        named = [
            f"{names[n] if n < len(names) else f'column {n + 1}'}: {value}"
            for n, value in enumerate(values)
            if value
        ]
        return "; ".join(named)

    def _value(self, value: str) -> str:
        """Return a field on one line."""
        if not value.isascii() or not value.isprintable():
            value = cleaned(value)
        return " ".join(self.noise.without(value).split())


def _width(records: list[list[str]]) -> int:
    """Return how many fields most records have."""
    sizes = Counter(len(record) for record in records)
    return max(sizes, key=lambda size: (sizes[size], size), default=0)


def _preamble(records: list[list[str]], width: int) -> int:
    """Return how many records stand above the header: those with hardly any fields filled."""
    for n, record in enumerate(records[:_MOST_PREAMBLE]):
        filled = sum(bool(field.strip()) for field in record)
        # Of a width of two or three a half says nothing.
        if width <= 1 or (filled > 1 and (width < 4 or 2 * filled > width)):  # noqa: PLR2004
            return n
    return 0


def _names_columns(first: list[str], others: list[list[str]]) -> bool:
    """Return True if a record holds the names of the columns of those below."""
    filled = [field.strip() for field in first if field.strip()]
    if not filled or any(len(f) > _LONG_NAME or _SENTENCE.search(f) for f in filled):
        return False
    typed = [f for f in filled if _typed(f)]
    if typed and (len(typed) == len(filled) or not _counts_on(typed)):
        return False
    differ = len(set(filled)) == len(filled)
    if not others:
        return differ
    for n, name in enumerate(first):
        below = [r[n].strip() for r in others[:_JUDGED] if n < len(r) and r[n].strip()]
        if below and sum(map(_typed, below)) >= _TYPED * len(below) and not _typed(name.strip()):
            return True
    if typed:
        return True
    # Words alone: names are short, and no value below repeats its name.
    columns = range(len(first))
    repeated = any(
        first[n].strip() and any(n < len(r) and r[n].strip() == first[n].strip() for r in others)
        for n in columns
    )
    return differ and not repeated and len(first) > 1


def _counts_on(names: list[str]) -> bool:
    """Return True for years, and numbers that count on: names of columns all the same."""
    if all(map(_YEAR.fullmatch, names)):
        return True
    if len(names) < 3 or not all(n.isascii() and n.isdigit() for n in names):  # noqa: PLR2004
        return False
    return all(int(b[:9]) == int(a[:9]) + 1 for a, b in pairwise(names))


def _typed(value: str) -> bool:
    """Return True for a number, a date, a mail address or a link."""
    return bool(_NUMBER.fullmatch(value) or _DATE.fullmatch(value) or _ADDRESS.fullmatch(value))


def _names(record: list[str]) -> list[str]:
    """Return a name for each column: none empty, none twice."""
    seen: Counter[str] = Counter()
    names = []
    for n, field_ in enumerate(record):
        name = " ".join(cleaned(field_).split()).rstrip(":")[:_LONG_NAME] or f"column {n + 1}"
        seen[name] += 1
        names.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return names
