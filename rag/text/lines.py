"""Lines that stand for themselves: rows, log lines, settings and code, told from wrapped prose."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

_MONTH = r"(?:Jan|Feb|M[aä]r|Apr|Ma[iy]|Jun|Jul|Aug|Sep|O[ck]t|Nov|De[cz])[a-z]*\.?"
_DATE = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}"  # ISO 8601
    rf"|\d{{1,2}}[-/. ]{{1,2}}(?:\d{{1,2}}|{_MONTH})[-/. ]{{1,2}}\d{{2,4}}"
    rf"|(?:[A-Z][a-z]{{1,2}},? )?{_MONTH} {{1,2}}\d{{1,2}}(?:,? \d{{4}})?"  # syslog, RFC 3164
)
_TIME = r"\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?"
#: What a line of a log begins with; hardly any prose does.
_STAMP = re.compile(
    rf"[\[(<]?(?:{_DATE})[T _,:|-]{{1,3}}{_TIME}"
    r"|[\[(<]?\d{1,2}:\d{2}:\d{2}[.,]\d"
    r"|[\[(<]?1\d{9}(?:\d{3})?(?:\.\d+)?[\])>]?\s"  # seconds or milliseconds since 1970
    r"|[IWEF]\d{4} \d{2}:\d{2}:\d{2}"  # glog
    r"|<\d{1,3}>\S"  # RFC 5424
    rf"|\S+ \S+ \S+ \[\d{{1,2}}/{_MONTH}/\d{{4}}:\d{{2}}:"  # access logs
)
#: What a line of a log, a timetable or a chat may begin with, where another one does too.
_MAYBE_STAMP = re.compile(
    rf"[\[(<]?(?:{_DATE}|{_TIME}(?:\s?[ap]\.?m\.?)?)(?=[\])>:,;|\s]|[-\u2013]\s?\d|$)"
    r"|[\[(<]?(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|CRITICAL|FATAL)\b"
)
_KEY = re.compile(
    r"""["']?[^\W\d_][\w./-]*+["']?(?:(?: [\w./()-]++){0,3}+ ?:|\s*+(?::?=>?))(?=\s|$)"""
    r"|[\w.-]++=\S"
)
#: The name of a field with its value: `lead time (days): 18`.
_FIELD = re.compile(r"([^\s:;|.!?()][^:;|.!?()]{0,60}(?:\([^:;|()]{1,30}\))?): ")
_CODE = re.compile(r"^(?:[}\])]++[;,]?$|\$ |>>> |#!|//|/\*|\*/|<[^>]+>.*>$|<[^>]+>$)|\{$|\);$")
_MAYBE_CODE = re.compile(
    r"=>|->|::|&&|\|\||[=!<>]=|[-+*/|]=|\w\(\)|\w\([^()]*\)[:;]?$|[;}]$"
    r"|^(?:def|class|function|func|fn) \w+\(|^(?:const|let|var) \w+ =|^(?:else|try):"
    r"|^(?:SELECT|FROM|WHERE|INSERT|UPDATE|JOIN|VALUES)\b"
)
#: A list's mark with the tab behind it, which parts no cells.
_MARK = re.compile(r"(?:[^\w\s]|\(?\w{1,4}[.)])\t+")
_QUOTED = re.compile(r'"[^"]*+"')
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_PIPE = re.compile(r"(?:^|(?<=\s))\|(?=\s|$)")
_TIGHT_COMMA = re.compile(r",(?=[\w\"'+,@#(-])")
#: Many languages write a comma in fractions.
_IN_NUMBER = re.compile(r"(?<=\d),(?=\d)")
_TIGHT_SEMICOLON = re.compile(r";(?=\S|$)")
#: Rows of a list with a comma and a blank between cells look like prose, unless there are several.
_LIKELY_ROWS = 3
_SEVERAL = 2
#: Of the parts of a record, so many have a name.
_NAMED = 0.8


class Line(NamedTuple):
    """
    What a line is, beside its neighbours.

    *alone*: it goes on from no line before it. *whole*: it is one record, not to be cut at the full
    stops inside.
    """

    alone: bool
    whole: bool


class _Shape(NamedTuple):
    """The separators in a line: how often each kind is there."""

    pipes: int
    tabs: int
    semicolons: int
    commas: int
    loose_semicolons: int
    loose_commas: int

    def is_that_of(self, other: "_Shape") -> bool:
        """Return True if two neighbouring lines are rows of one table."""
        mine = (self.pipes, self.tabs, self.semicolons)
        theirs = (other.pipes, other.tabs, other.semicolons)
        if any(one and one == two for one, two in zip(mine, theirs, strict=True)):
            return True
        if min(self.pipes, other.pipes) >= _SEVERAL:
            return True  # a merged cell, or one that holds a stroke
        tight = self.commas == other.commas > 0
        return tight and not (self.loose_commas or other.loose_commas)


_NONE = _Shape(0, 0, 0, 0, 0, 0)


def lines_of(text: str, spans: Sequence[tuple[int, int]]) -> list[Line]:
    """
    Return for each trimmed line of a paragraph whether it stands alone, unlike wrapped prose.

    Time is linear in their length.
    """
    lines = [text[start:end] for start, end in spans]
    if len(lines) == 1:
        return [Line(alone=True, whole=is_record(lines[0]))]
    records = [_record(line) for line in lines]
    shapes = [_shape(line) for line in lines]
    rows = _rows(lines, shapes)
    stamped = _stamped(lines)
    settings = _in_runs([is_setting(line) for line in lines])
    code = _code(lines)
    found = []
    for n in range(len(lines)):
        beside = records[max(0, n - 1) : n] + records[n + 1 : n + 2]
        record = bool(records[n]) and (records[n] in beside or _record_alone(lines[n], records[n]))
        alone = rows[n] or stamped[n] or record or settings[n] or code[n]
        after_row = n > 0 and (rows[n - 1] or code[n - 1])
        found.append(Line(alone or after_row, rows[n] or stamped[n] or record))
    return found


def is_record(line: str) -> bool:
    """Return True if a text is a row, a record or a line of a log, whatever stands beside it."""
    if "\n" in line:
        return False
    if line.count("|") >= _SEVERAL or "\t" in line:
        return _is_row(_shape(line))
    return _STAMP.match(line) is not None or _record_alone(line, _record(line))


def is_setting(line: str) -> bool:
    """Return True if a line begins like a setting, `key: value` or `key = value`."""
    return _KEY.match(line) is not None


def _record(line: str) -> str:
    """Return the first name of a record, `name: value; name: value`; nothing of another line."""
    if "; " not in line or not (match := _FIELD.match(line)):
        return ""
    parts = line.split("; ")
    named = sum(_FIELD.match(part) is not None for part in parts)
    return match[1] if named >= max(_SEVERAL, _NAMED * len(parts)) else ""


def _record_alone(line: str, name: str) -> bool:
    """Return True if a line is a record whatever stands beside it."""
    return bool(name) and line.count("; ") >= _SEVERAL


def _is_row(shape: _Shape) -> bool:
    """Return True if a line is a row of a table whatever stands beside it."""
    return shape.pipes >= _SEVERAL or shape.tabs >= _SEVERAL


def _shape(line: str) -> _Shape:
    """Count the separators of a line outside of quotes."""
    if not any(mark in line for mark in "|\t;,"):
        return _NONE
    bare = _QUOTED.sub('""', line) if '"' in line else line
    # Without a blank it is no prose, and its numbers are cells.
    prose = " " in bare
    commas = _THOUSANDS.sub("", bare) if "," in bare and prose else bare
    tight, in_numbers = len(_TIGHT_COMMA.findall(commas)), len(_IN_NUMBER.findall(commas))
    semicolons = len(_TIGHT_SEMICOLON.findall(bare)) if ";" in bare else 0
    return _Shape(
        len(_PIPE.findall(bare)) if "|" in bare else 0,
        bare.count("\t", match.end() if (match := _MARK.match(bare)) else 0),
        semicolons,
        tight - in_numbers if prose and in_numbers <= _LIKELY_ROWS else tight,
        bare.count(";") - semicolons,
        commas.count(",") - tight,
    )


def _rows(lines: Sequence[str], shapes: Sequence[_Shape]) -> list[bool]:
    """Return which lines are rows of a table, by the separators that neighbours share."""
    alone = [_is_row(shape) for shape in shapes]
    for n, (one, two) in enumerate(pairwise(shapes)):
        if one is not _NONE and two is not _NONE and one.is_that_of(two):
            alone[n] = alone[n + 1] = True
    at = 0
    for n in range(1, len(lines) + 1):
        if n < len(lines) and _alike(lines[n - 1], shapes[n - 1], lines[n], shapes[n]):
            continue
        if n - at >= _LIKELY_ROWS:
            alone[at:n] = [True] * (n - at)
        at = n
    return alone


def _alike(one: str, first: _Shape, two: str, second: _Shape) -> bool:
    """Return True if two lines look like rows of cells with a blank behind each separator."""
    mine = (first.loose_commas, first.loose_semicolons)
    same = mine == (second.loose_commas, second.loose_semicolons) and max(mine) >= _SEVERAL
    # The lines of wrapped prose hardly ever all begin like sentences.
    return same and not (one[0].islower() or two[0].islower())


def _stamped(lines: Sequence[str]) -> list[bool]:
    """Return which lines begin with a time, or with less where several do."""
    likely = [_MAYBE_STAMP.match(line) is not None for line in lines]
    several = sum(likely) >= _SEVERAL
    return [
        (one and several) or _STAMP.match(line) is not None
        for one, line in zip(likely, lines, strict=True)
    ]


def _code(lines: Sequence[str]) -> list[bool]:
    """Return which lines are code."""
    surely = [_CODE.search(line) is not None for line in lines]
    likely = [
        sure or _MAYBE_CODE.search(line) is not None
        for sure, line in zip(surely, lines, strict=True)
    ]
    return [one or two for one, two in zip(surely, _in_runs(likely), strict=True)]


def _in_runs(likely: Sequence[bool]) -> list[bool]:
    """Keep what is likely where a neighbour is, too."""
    before, after = [False, *likely[:-1]], [*likely[1:], False]
    return [one and (two or three) for one, two, three in zip(likely, before, after, strict=True)]
