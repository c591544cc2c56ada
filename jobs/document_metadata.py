"""Metadata as the ledger keeps it: a job says what holds of all its documents, a row the rest."""

from collections.abc import Mapping

import orjson


def merged(of_all: str, own: str) -> str:
    """Put together what a request says of all its documents and what it says of one, which wins."""
    known = _read(of_all) | _read(own)
    return orjson.dumps(known, option=orjson.OPT_SORT_KEYS).decode()


def own_part(whole: str, of_all: str) -> str:
    """
    Return what of a document's whole metadata its job does not say, empty where that is nothing.

    `merged` makes the whole of both again: it has every name that *of_all* has.
    """
    given = {name: orjson.dumps(value) for name, value in _read(of_all).items()}
    # As JSON: to Python 1, 1.0 and true are equal.
    own = {
        name: value
        for name, value in _read(whole).items()
        if given.get(name) != orjson.dumps(value)
    }
    return orjson.dumps(own).decode() if own else ""


def of_row(row: Mapping[str, str], of_all: str) -> str:
    """Return the whole metadata of a document row, whose job says *of_all*."""
    # Rows of earlier builds hold a copy of the whole.
    return row["metadata"] if "metadata" in row else merged(of_all, row.get("own_metadata", ""))


def _read(text: str) -> dict[str, object]:
    """Read a part; an empty one says nothing."""
    return orjson.loads(text) if text else {}
