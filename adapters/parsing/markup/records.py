"""Data as text: each record one line `name: value; name: value`, nested names joined by dots."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.grids import row_line
from adapters.parsing.shared.noise import Noise

_LONG: Final = 500  # characters from which on a value is prose of its own
_LONG_PATH: Final = 200  # characters of names above which only the last ones are told
_MARKUP = re.compile(r"</?(?:p|br|div|span|a|b|i|em|strong|ul|ol|li|img|h[1-6]|table)\b[^<>]*>")


@dataclass(slots=True)
class Records:
    """Writes values of JSON and XML into an assembly; nesting is followed without recursion."""

    out: Assembly = field(default_factory=Assembly)
    noise: Noise = field(default_factory=Noise)
    lines: list[str] = field(default_factory=list)

    def write(self, value: Any) -> None:
        """Write a value: a line for each object of a list, and for each path of an object."""
        stack: list[tuple[str, Any]] = [("", value)]
        while stack:
            path, value = stack.pop()
            if isinstance(value, dict):
                stack.extend(reversed([(joined(path, key), inner) for key, inner in value.items()]))
            elif isinstance(value, list) and any(isinstance(inner, dict) for inner in value):
                self._table(path, value)
            elif isinstance(value, list) and any(isinstance(inner, list) for inner in value):
                self._grid(path, value)
            elif isinstance(value, list) and not path:
                self.lines.extend(filter(None, map(self.scalar, value)))
            else:
                self._entry(path, value)
        self.end()

    def end(self) -> None:
        """Close the table that is open."""
        self.out.add("table", "\n".join(self.lines))
        self.lines = []

    def scalar(self, value: Any) -> str:
        """Return a value on one line, markup and noise taken out; a list's values after commas."""
        if isinstance(value, list):
            return ", ".join(filter(None, map(self.scalar, _flat(value))))
        return " ".join(self._prose(value).split())

    def _entry(self, path: str, value: Any) -> None:
        """Write one path of an object; prose stands below its name."""
        text = self.scalar(value)
        if len(text) >= _LONG and isinstance(value, str):
            self._long(path, value)
        elif text:
            self.lines.append(f"{path}: {text}" if path else text)

    def _long(self, path: str, value: str) -> None:
        """Write prose as paragraphs, the first of them after its name."""
        self.end()
        text = self._prose(value).strip()
        for n, piece in enumerate(re.split(r"\n\s*\n", text)):
            self.out.add("paragraph", f"{path}: {piece}" if path and not n else piece)

    def _table(self, path: str, values: list[Any]) -> None:
        """Write a list of objects as a table, its name above."""
        self.end()
        if path:
            self.out.add("paragraph", f"{path}:")
        for value in values:
            pairs, prose = self._pairs(value)
            if pairs:
                self.lines.append("; ".join(f"{k}: {v}" if k else v for k, v in pairs))
            for name, text in prose:
                self._long(name, text)
        self.end()

    def _grid(self, path: str, rows: list[Any]) -> None:
        """Write a list of lists as rows of cells."""
        self.end()
        if path:
            self.out.add("paragraph", f"{path}:")
        for row in rows:
            cells = list(row) if isinstance(row, list) else [row]
            texts = [
                "; ".join(f"{k}: {v}" for k, v in self._pairs(cell)[0])
                if isinstance(cell, dict)
                else self.scalar(cell)
                for cell in cells
            ]
            if any(texts):
                self.lines.append(row_line(texts))
        self.end()

    def _pairs(self, record: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Return (path, value) of a record's values on one line, and of those that are prose."""
        pairs: list[tuple[str, str]] = []
        prose: list[tuple[str, str]] = []
        for path, value in leaves(record):
            text = self.scalar(value)
            if len(text) >= _LONG and isinstance(value, str):
                prose.append((path, value))
            elif text:
                pairs.append((path, text))
        return pairs, prose

    def _prose(self, value: Any) -> str:
        """Return a value as text, without noise and markup; nothing for null."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        text = self.noise.without(str(value))
        if "<" in text and _MARKUP.search(text):
            return parse_html(text).text
        return text


def joined(path: str, key: object) -> str:
    """Return the path of a value below another."""
    name = " ".join(str(key).split())
    if len(path) > _LONG_PATH:
        path = f"…{path[-_LONG_PATH // 2 :]}"
    return f"{path}.{name}" if path and name else path or name


def leaves(record: Any) -> Iterator[tuple[str, Any]]:
    """Yield (path, value) of what is no object, in order; lists of plain values whole."""
    stack: list[tuple[str, Any]] = [("", record)]
    while stack:
        path, value = stack.pop()
        if isinstance(value, dict):
            stack.extend(reversed([(joined(path, key), inner) for key, inner in value.items()]))
        elif isinstance(value, list) and any(map(_holds_objects, value)):
            stack.extend(reversed([(f"{path}[{n}]", inner) for n, inner in enumerate(value)]))
        else:
            yield path, value


def _holds_objects(value: Any) -> bool:
    """Return True for an object, and for a list with objects in it."""
    return isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(inner, dict) for inner in value)
    )


def _flat(values: list[Any]) -> Iterator[Any]:
    """Yield the plain values of nested lists in order."""
    stack = list(reversed(values))
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            stack.extend(reversed(value))
        else:
            yield value
