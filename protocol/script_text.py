"""The text of a script: itself, behind what it uses of the prelude that all scripts share."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

#: Lua 5.1, as far as names are to be told from what stands in comments and strings.
_TOKEN: Final = re.compile(
    r"""
      (?P<skipped> \s+ | --\[(?P<a>=*)\[.*?\](?P=a)\] | --(?!\[=*\[)[^\n]* )
    | (?P<text> '(?:[^'\\\n]|\\.)*' | "(?:[^"\\\n]|\\.)*" | \[(?P<b>=*)\[.*?\](?P=b)\] )
    | (?P<name> [A-Za-z_]\w* )
    | (?P<number> 0[xX][0-9A-Fa-f]+ | \d+\.?\d*(?:[eE][+-]?\d+)? | \.\d+(?:[eE][+-]?\d+)? )
    | (?P<sign> \.\.\.|\.\.|==|~=|<=|>=|[-+*/%^\#<>=(){}\[\];:,.] )
    """,
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_OPENS: Final = frozenset(("function", "if", "do", "repeat", "(", "{", "["))
_CLOSES: Final = frozenset(("end", "until", ")", "}", "]"))
_BEGINS: Final = re.compile(
    r"local function (\w+)\(|local (\w+(?:, \w+)*) = |function (\w+\.\w+)\(|(\w+\.\w+) = ",
    re.ASCII,
)
#: What closes a definition may stand at the beginning of a line.
_LAST_LINE: Final = re.compile(r"(?:end|\})\s*(?:--|$)")


class PreludeError(ValueError):
    """Raised when a script or the prelude is written so that what it uses cannot be told."""


@dataclass(frozen=True, slots=True)
class Definition:
    """
    What stands at the top of a prelude: a local function, local values, a field of a local table.

    Attributes:
        names: What it defines; a field is called `table.field`.

        text: Its lines, with the end of the last one.

        uses: Every name in it that may be one of the prelude's. One that is used with a field is
            there alone and with it, any other also as `name.`.
    """

    names: tuple[str, ...]
    text: str
    uses: frozenset[str]


def with_prelude(prelude: Sequence[Definition], script: str) -> str:
    """
    Put in front of *script* the definitions that it uses, and those that these use, in their order.

    Redis makes all functions of a text anew at each call: those of the whole prelude take it many
    times as long as a small script does.

    Raises:
        PreludeError: A table of the prelude is used otherwise than by the names of its fields, or
            has no field of a name that is used.
    """
    by_name = {name: one for one in prelude for name in one.names}
    tables = {name.partition(".")[0] for name in by_name if "." in name}
    needed: set[str] = set()
    left = set(uses(script))
    while left:
        name = left.pop()
        if name in by_name:
            needed.add(name)
            left |= by_name[name].uses - needed - {f"{table}." for table in by_name[name].names}
        elif name.partition(".")[0] in tables:
            raise PreludeError(f"{name}: a table of the prelude is used by its fields' names only")
    return "".join(one.text for one in prelude if not needed.isdisjoint(one.names)) + script


@lru_cache(maxsize=16)
def definitions(prelude: str) -> tuple[Definition, ...]:
    """
    Take a prelude apart; what comments say between its definitions is left out.

    A definition begins at the beginning of a line. Its other lines are indented, but for one that
    begins with what closes it.

    Raises:
        PreludeError: A line at the top is no definition, one is not closed, or a name is taken.
    """
    found: list[Definition] = []
    taken: set[str] = set()
    for number, text in _parts(prelude):
        began = _BEGINS.match(text)
        if not began:
            raise PreludeError(f"line {number} of the prelude is no definition: {text[:60]!r}")
        names = tuple(next(filter(None, began.groups())).split(", "))
        if taken.intersection(names):
            raise PreludeError(f"line {number} of the prelude takes a name that is taken: {names}")
        taken.update(names)
        found.append(Definition(names, text, uses(text)))
    return tuple(found)


def uses(text: str) -> frozenset[str]:
    """
    Return every name in a text of Lua but those of fields; see `Definition.uses`.

    Raises:
        PreludeError: The text is no Lua.
    """
    found: set[str] = set()
    words = ["", *_words(text), "", ""]
    for before, word, after, field in zip(words, words[1:], words[2:], words[3:], strict=False):
        if word.isidentifier() and before not in (".", ":"):
            found |= {word, f"{word}.{field}" if after == "." else f"{word}."}
    return frozenset(found)


def _parts(prelude: str) -> Iterator[tuple[int, str]]:
    """Yield the definitions, each with the number of its first line."""
    part: list[str] = []
    began = depth = 0
    for number, line in enumerate(prelude.splitlines(keepends=True), 1):
        if not part:
            if line.isspace() or line.startswith("--"):
                continue
            began = number
        elif not line[0].isspace() and not _LAST_LINE.match(line):
            break  # the next one begins
        part.append(line)
        depth += sum((word in _OPENS) - (word in _CLOSES) for word in _words(line))
        if depth == 0:
            yield began, "".join(part)
            part.clear()
    if part:
        raise PreludeError(f"line {began} of the prelude: what begins there is not closed")


def _words(text: str) -> list[str]:
    """Return names and signs in their order; strings and numbers are empty strings of Lua."""
    found: list[str] = []
    at = 0
    while at < len(text):
        token = _TOKEN.match(text, at)
        if not token:
            raise PreludeError(f"no Lua: {text[at : at + 60]!r}")
        if token.lastgroup in ("name", "sign"):
            found.append(token[0])
        elif token.lastgroup != "skipped":
            found.append("''")
        at = token.end()
    return found
