"""`--filter` and `--metadata`: what people type about documents, turned into the API's JSON."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import click

_CONDITION = re.compile(
    r"\s*(?P<name>[^\s=!<>][^=!<>]*?)\s*(?P<sign>!=|>=|<=|=|<|>)(?P<value>.*)", re.DOTALL
)
_ORDERS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_DIGITS = 20  # of a whole number of 64 bits, with its sign

filter_option = click.option(
    "--filter",
    "conditions",
    multiple=True,
    metavar="CONDITION",
    help="Only documents of which this holds: author=Knuth, 'year>=1968', tag=a,b, "
    "'status!=draft', or JSON as the API takes it. Repeatable: all must hold.",
)


metadata_option = click.option(
    "--metadata",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Kept with each of these documents, to filter by: author=Knuth, year=1968. Repeatable; "
    "a name that comes again gets a list: tags=pump, tags=outdoor.",
)


def filters(conditions: Sequence[str]) -> dict[str, Any] | None:
    """
    Read the conditions of a command line; None where there are none.

    A value that is written like a number, true or false means both that and the same text; in
    quotes (`year="1968"`) it is text, and so is what a number would not be written like (`1.10`,
    which is not 1.1). Values with commas between them are any of several. A bound is a number
    however it is written.
    """
    read = [_read(condition) for condition in conditions]
    if len(read) > 1:
        return {"and": read}
    return read[0] if read else None


def metadata(pairs: Sequence[str]) -> dict[str, Any]:
    """
    Read NAME=VALUE pairs; a name that comes several times has a list of its values.

    What comes back as it was written is a number, true or false: `2`, `0.5`, but not `1.10`,
    `1e5`, `007`, nor anything in quotes, which are text.

    Raises:
        click.BadParameter: One is no such pair.
    """
    read: dict[str, list[Any]] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        name = name.strip()
        if not (name and sign):
            raise click.BadParameter(f"{pair!r} is no metadata: write NAME=VALUE")
        read.setdefault(name, []).append(_typed(value.strip())[0])
    return {name: values[0] if len(values) == 1 else values for name, values in read.items()}


def kept_as_text(pairs: Sequence[str]) -> list[str]:
    """Return notes on pairs that look like numbers and are kept as text."""
    values = [(pair.strip(), pair.partition("=")[2].strip()) for pair in pairs]
    return [
        f"{pair} is kept as text, just as it is written; as a number it would be {float(value)}."
        for pair, value in values
        if _json_number(value) and math.isfinite(float(value)) and _number(value) is None
    ]


def written(known: Mapping[str, Any]) -> str:
    """Write metadata as `--metadata` reads it: `author=Knuth, tags=pump, tags=outdoor`."""
    return ", ".join(
        f"{name}={_written(one)}"
        for name, value in known.items()
        for one in (value if isinstance(value, list) else [value])
    )


def _written(value: object) -> str:
    """Write one value; in quotes where it would be read as another kind, or as two."""
    if not isinstance(value, str):
        return json.dumps(value)
    plain = value == value.strip() and "," not in value and isinstance(_typed(value)[0], str)
    return value if plain and not _quoted(value) else f'"{value}"'


def _read(condition: str) -> dict[str, Any]:
    """Read one condition."""
    if condition.lstrip().startswith("{"):
        try:
            given: dict[str, Any] = json.loads(condition)
        except ValueError as error:
            raise click.BadParameter(f"{condition!r} is not JSON: {error}") from error
        return given
    found = _CONDITION.fullmatch(condition)
    if found is None:
        raise click.BadParameter(
            f"{condition!r} is no condition: write NAME=VALUE, NAME!=VALUE, NAME>=VALUE, or JSON"
        )
    name, sign, value = found["name"], found["sign"], found["value"].strip()
    if sign in _ORDERS:
        return {name: {_ORDERS[sign]: _bound(value)}}
    values = [meant for part in _parts(value) for meant in _typed(part)]
    if sign == "=":
        return {name: values[0] if len(values) == 1 else {"in": values}}
    return {name: {"not_in": values}}


def _parts(value: str) -> list[str]:
    """Split at commas, but not inside quotes."""
    return [part.strip() for part in re.findall(r'(?:"[^"]*"|[^,])+', value)] or [""]


def _typed(value: str) -> list[Any]:
    """Return what a value may mean, the likeliest first."""
    if _quoted(value):
        return [value[1:-1]]
    if value in ("true", "false"):
        return [value == "true", value]
    number = _number(value)
    return [value] if number is None else [number, value]


def _bound(value: str) -> Any:
    """Return what a value is compared with: a number wherever it is one, else text."""
    if _quoted(value):
        return value[1:-1]
    number = _number(value)
    if number is None and _NUMBER.fullmatch(value):
        number = float(value)
        if not math.isfinite(number):
            raise click.BadParameter(f"{value} is too large a number")
    return value if number is None else number


def _number(value: str) -> int | float | None:
    """Return the number that is written just so; None for 1.10, 1e5, 007, and what is none."""
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
        return None
    if "." in value:
        fraction = float(value)
        return fraction if str(fraction) == value else None
    # Of thousands of digits `int` makes no number, and the API takes none beyond 64 bits.
    whole = int(value) if len(value) <= _DIGITS else None
    fits = whole is not None and str(whole) == value and -(2**63) <= whole < 2**63
    return whole if fits else None


def _quoted(value: str) -> bool:
    return len(value) > 1 and value.startswith('"') and value.endswith('"')


def _json_number(value: str) -> bool:
    """Return True if JSON would take this for a number: without zeros before it."""
    return re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?", value) is not None
