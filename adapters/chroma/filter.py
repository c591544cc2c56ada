"""Filters in Chroma's words: a clause that no matching chunk fails, as narrow as Chroma can say."""

import math
from collections.abc import Iterable
from typing import Any, Final

from rag.documents import Scalar
from rag.metadata.filters import METADATA, And, Compare, Exists, Filter, In, Not, Or, kind

#: Before the names of metadata that people attach, apart from our own.
THEIRS: Final = "meta."
#: Before the names of those that have a list, whose value here is true.
LISTED: Final = "list."

Where = dict[str, Any]

#: Clauses that hold for every row and for none: every row has a document, which has a name.
_EVERY: Final[Where] = {"document": {"$ne": ""}}
_NONE: Final[Where] = {"document": {"$eq": ""}}


def where(filters: Filter) -> Where:
    """
    Translate a filter.

    Chroma has no order of texts and cannot ask whether there is a value, so a clause may let rows
    pass that do not match; it never keeps one out that does.
    """
    return _clause(filters, negated=False)


def _clause(filters: Filter, *, negated: bool) -> Where:
    """Translate a filter or its opposite; what Chroma cannot say holds for every row."""
    match filters:
        case Not(part):
            return _clause(part, negated=not negated)
        case And(parts) | Or(parts):
            clauses = [_clause(part, negated=negated) for part in parts]
            return _any(clauses) if isinstance(filters, Or) != negated else _all(clauses)
        case In(field, values):
            said = _among(_column(field), values, negated=negated)
            # What is in a list Chroma does not know, so any list passes; by `$nin` it does anyway.
            return said if negated or not values else _or_listed(field, said)
        case Compare(field, order, value) if not negated and kind(value) == "number":
            return _or_listed(field, _beside(_column(field), order, value))
        case Compare() | Exists():
            return _EVERY


def _or_listed(field: str, said: Where) -> Where:
    """Let also pass what has a list under this name."""
    if not field.startswith(METADATA):
        return said
    return {"$or": [said, {LISTED + field.removeprefix(METADATA): {"$eq": True}}]}


def _among(column: str, values: tuple[Scalar, ...], *, negated: bool) -> Where:
    """Translate membership, type by type: to Chroma 1 and 1.0 are different values."""
    texts = [value for value in values if isinstance(value, str)]
    flags = [value for value in values if isinstance(value, bool)]
    numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
    wholes = [int(number) for number in numbers if number == math.floor(number)]
    fractions = [float(number) for number in numbers if float(number) == number]
    if negated:
        # Asked for what is not 1.5 Chroma keeps out 1 too, asked for what is not 9.3e18 the
        # largest whole number, and as fractions it compares whole numbers that no fraction equals.
        fractions = [n for n in fractions if n == math.floor(n) and -(2.0**63) <= n < 2.0**63]
        wholes = [number for number in wholes if float(number) == number]
    wholes = [number for number in wholes if -(2**63) <= number < 2**63]
    given: list[list[Any]] = [texts, flags, wholes, fractions]
    word = "$nin" if negated else "$in"
    clauses = [{column: {word: some}} for some in given if some]
    if not clauses:
        return _EVERY if negated else _NONE
    return _all(clauses) if negated else _any(clauses)


def _beside(column: str, order: str, value: Scalar) -> Where:
    """Translate a bound, once for whole numbers and once for fractions."""
    bound = float(value)
    # The fraction nearest to a large whole number may lie on its other side.
    fraction_order = order
    if bound > value and order in ("gt", "lte"):  # type: ignore[operator]  # value is a number
        fraction_order = {"gt": "gte", "lte": "lt"}[order]
    elif bound < value and order in ("gte", "lt"):  # type: ignore[operator]  # the same
        fraction_order = {"gte": "gt", "lt": "lte"}[order]
    clauses: list[Where] = [{column: {f"${fraction_order}": bound}}]
    whole = math.floor(value) if order in ("gt", "lte") else math.ceil(value)  # type: ignore[arg-type]  # the same
    if -(2**63) <= whole < 2**63:
        clauses.append({column: {f"${order}": whole}})
    elif (whole < 0) == (order in ("gt", "gte")):
        clauses.append({column: {"$gte": -(2**63)}})
    return _any(clauses)


def _any(clauses: Iterable[Where]) -> Where:
    """Join clauses of which one has to hold."""
    some = list(clauses)
    return some[0] if len(some) == 1 else {"$or": some}


def _all(clauses: Iterable[Where]) -> Where:
    """Join clauses that all have to hold."""
    some = list(clauses)
    return some[0] if len(some) == 1 else {"$and": some}


def _column(field: str) -> str:
    """Return what a field is called in Chroma."""
    if field.startswith(METADATA):
        return THEIRS + field.removeprefix(METADATA)
    return "document" if field == "document_id" else field
