"""`--filter` and `--metadata`: what people type about documents, turned into the API's JSON."""

import json
import re
from collections.abc import Sequence
from typing import Any

import click

_CONDITION = re.compile(
    r"\s*(?P<name>[^\s=!<>][^=!<>]*?)\s*(?P<sign>!=|>=|<=|=|<|>)(?P<value>.*)", re.DOTALL
)
_ORDERS = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][-+]?\d+)?")

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
    help="Kept with each of these documents, to filter by: author=Knuth, year=1968. Repeatable.",
)


def filters(conditions: Sequence[str]) -> dict[str, Any] | None:
    """
    Read the conditions of a command line; None where there are none.

    A value that looks like a number, true or false means both that and the same text; in quotes
    (`year="1968"`) it is text. Values with commas between them are any of several.
    """
    read = [_read(condition) for condition in conditions]
    if len(read) > 1:
        return {"and": read}
    return read[0] if read else None


def metadata(pairs: Sequence[str]) -> dict[str, Any]:
    """
    Read NAME=VALUE pairs; what JSON takes for a number, true or false is one, except in quotes.

    Raises:
        click.BadParameter: One is no such pair, or a name comes twice.
    """
    read: dict[str, Any] = {}
    for pair in pairs:
        name, sign, value = pair.partition("=")
        name = name.strip()
        if not (name and sign):
            raise click.BadParameter(f"{pair!r} is no metadata: write NAME=VALUE")
        if name in read:
            raise click.BadParameter(f"{name!r} is given twice")
        value = value.strip()
        is_text = _NUMBER.fullmatch(value) and not _json_number(value)  # 01234, a postal code
        read[name] = value if is_text else _typed(value)[0]
    return read


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
        return {name: {_ORDERS[sign]: _typed(value)[0]}}
    values = [meant for part in _parts(value) for meant in _typed(part)]
    if sign == "=":
        return {name: values[0] if len(values) == 1 else {"in": values}}
    return {name: {"not_in": values}}


def _parts(value: str) -> list[str]:
    """Split at commas, but not inside quotes."""
    return [part.strip() for part in re.findall(r'(?:"[^"]*"|[^,])+', value)] or [""]


def _typed(value: str) -> list[Any]:
    """Return what a value may mean, the likeliest first."""
    if len(value) > 1 and value.startswith('"') and value.endswith('"'):
        return [value[1:-1]]
    if value in ("true", "false"):
        return [value == "true", value]
    if _NUMBER.fullmatch(value):
        return [json.loads(value) if _json_number(value) else float(value), value]
    return [value]


def _json_number(value: str) -> bool:
    """Tell whether JSON would write a number so: without zeros before it."""
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?", value) is not None
