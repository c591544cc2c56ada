"""Filters: which documents a search may find, by what is known of them; one meaning everywhere."""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from rag.documents import Scalar, Value
from rag.errors import InvalidRequest
from rag.metadata.scalars import check_scalar, encoded

#: Bounds of one filter, so that neither its parsing nor its use can become the work of a search.
MAX_DEPTH: Final = 8
MAX_CONDITIONS: Final = 64
MAX_VALUES: Final = 1_000

#: What Quern itself knows of a document; everything else is metadata.
BUILT_IN: Final = ("document_id", "title", "language")
#: Before a field's name: metadata, whatever it is called.
METADATA: Final = "metadata."

Order = Literal["gt", "gte", "lt", "lte"]
#: What is known of a document by name: one value, or several, never none.
Facts = Mapping[str, Value]

_COMPARE: Final[Mapping[Order, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt, "gte": operator.ge, "lt": operator.lt, "lte": operator.le,
}  # fmt: skip
_OPERATORS: Final = ("eq", "ne", "in", "not_in", "gt", "gte", "lt", "lte", "exists")


@dataclass(frozen=True, slots=True)
class In:
    """The field has one of *values*, among several at least once."""

    field: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """The field has a value of the kind of *value*, on that side of it, or one such of several."""

    field: str
    order: Order
    value: Scalar


@dataclass(frozen=True, slots=True)
class Exists:
    """The field has a value."""

    field: str


@dataclass(frozen=True, slots=True)
class And:
    """All of *parts* hold."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of *parts* holds."""

    parts: tuple["Filter", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold: also where the field has no value."""

    part: "Filter"


Filter = In | Compare | Exists | And | Or | Not


def parse(given: object, where: str = "filters") -> Filter | None:
    """
    Read a filter from JSON; None where it is absent or empty, and so excludes nothing.

    An object names fields, all of which must hold: `{"author": "Knuth", "year": {"gte": 1968}}`.
    `and`, `or` (lists of filters) and `not` (a filter) combine. Fields are `document_id`, `title`,
    `language` and metadata; `metadata.NAME` is the metadata NAME even if a word above is its name.

    Raises:
        InvalidRequest: Names the place in the filter and what it should hold.
    """
    if given is None or given == {}:
        return None
    wanted = _filter(given, where, MAX_DEPTH)
    if sum(1 for _ in _leaves(wanted)) > MAX_CONDITIONS:
        raise InvalidRequest(where, f"must hold at most {MAX_CONDITIONS} conditions")
    return wanted


def holds(filters: Filter, facts: Facts) -> bool:
    """Return True if a document of these facts matches."""
    match filters:
        case And(parts):
            return all(holds(part, facts) for part in parts)
        case Or(parts):
            return any(holds(part, facts) for part in parts)
        case Not(part):
            return not holds(part, facts)
        case Exists(field):
            return field in facts
        case In(field, values):
            had = several(facts[field]) if field in facts else ()
            return any(same(one, value) for one in had for value in values)
        case Compare(field, order, value):
            had = several(facts[field]) if field in facts else ()
            return any(compares(one, order, value) for one in had)


def facts(
    document_id: str, title: str, metadata: Mapping[str, Value], language: str = ""
) -> dict[str, Value]:
    """
    Return what is known of a document under the names that filters use.

    No language is none, and a name with an empty list is not there.
    """
    known = {METADATA + name: value for name, value in metadata.items() if value != []}
    known["document_id"] = document_id
    known["title"] = title
    if language:
        known["language"] = language
    return known


def several(value: Value) -> Sequence[Scalar]:
    """Return the values that a fact stands for."""
    return value if isinstance(value, list) else (value,)


def kind(value: Scalar) -> str:
    """Name what a value compares with: true is no number, 1 and 1.0 are the same number."""
    if isinstance(value, bool):
        return "boolean"
    return "text" if isinstance(value, str) else "number"


def same(a: Scalar, b: Scalar) -> bool:
    """Return True if two values are equal and of one kind."""
    return kind(a) == kind(b) and a == b


def compares(value: Scalar, order: Order, bound: Scalar) -> bool:
    """Return True if *value* lies on that side of *bound*; texts compare by code points."""
    return kind(value) == kind(bound) and _COMPARE[order](value, bound)


def values_in(filters: Filter) -> int:
    """Count the values that a filter names."""
    return sum(len(leaf.values) if isinstance(leaf, In) else 1 for leaf in _leaves(filters))


def _leaves(filters: Filter) -> Iterator[In | Compare | Exists]:
    """Yield every condition on a field."""
    match filters:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _leaves(part)
        case Not(part):
            yield from _leaves(part)
        case _:
            yield filters


def _filter(given: object, where: str, depth: int) -> Filter:
    """Read one object of a filter."""
    if not isinstance(given, dict):
        raise InvalidRequest(where, "must be an object of fields and conditions")
    if not given:
        raise InvalidRequest(where, "must name a field")
    if depth == 0:
        raise InvalidRequest(where, f"is nested more than {MAX_DEPTH} deep")
    parts: list[Filter] = []
    for name, condition in given.items():
        place = f"{where}.{name}"
        if name in ("and", "or"):
            parts.append(_combined(name, condition, place, depth))
        elif name == "not":
            parts.append(Not(_filter(condition, place, depth - 1)))
        else:
            parts.append(_field(name, condition, place))
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _combined(name: str, given: object, where: str, depth: int) -> Filter:
    """Read the list of an `and` or `or`."""
    if not isinstance(given, list) or not given:
        raise InvalidRequest(where, "must be a list of filters, not empty")
    parts = tuple(_filter(part, f"{where}[{n}]", depth - 1) for n, part in enumerate(given))
    return And(parts) if name == "and" else Or(parts)


def _field(name: str, given: object, where: str) -> Filter:
    """Read what is asked of one field."""
    if name.startswith("$"):
        raise InvalidRequest(
            where, f"is not known: write {name[1:]} without $, or metadata.{name} for a field"
        )
    field = name if name in BUILT_IN or name.startswith(METADATA) else METADATA + name
    encoded(name, where)
    if isinstance(given, list):
        raise InvalidRequest(where, 'must be one value; for several write {"in": [...]}')
    if not isinstance(given, dict):
        return In(field, (_value(given, where),))
    if not given:
        raise InvalidRequest(where, f"must have one of: {', '.join(_OPERATORS)}")
    parts = tuple(_condition(field, op, value, f"{where}.{op}") for op, value in given.items())
    kinds = {kind(part.value) for part in parts if isinstance(part, Compare)}
    if len(kinds) > 1:
        raise InvalidRequest(where, "has bounds of different kinds: a number and a text")
    return parts[0] if len(parts) == 1 else And(parts)


def _condition(field: str, op: str, given: object, where: str) -> Filter:
    """Read one operator of a field with its value."""
    match op:
        case "eq" | "ne":
            found: Filter = In(field, (_value(given, where),))
        case "in" | "not_in":
            found = In(field, _values(given, where))
        case "gt" | "gte" | "lt" | "lte":
            bound = _value(given, where)
            if isinstance(bound, bool):
                raise InvalidRequest(where, "must be a number or a text: true has no order")
            return Compare(field, op, bound)
        case "exists":
            if not isinstance(given, bool):
                raise InvalidRequest(where, "must be true or false")
            return Exists(field) if given else Not(Exists(field))
        case _:
            raise InvalidRequest(where, f"is not known; use one of: {', '.join(_OPERATORS)}")
    return Not(found) if op in ("ne", "not_in") else found


def _values(given: object, where: str) -> tuple[Scalar, ...]:
    """Read a list of values; of an empty one nothing is a member."""
    if not isinstance(given, list) or len(given) > MAX_VALUES:
        raise InvalidRequest(where, f"must be a list of at most {MAX_VALUES} values")
    return tuple(_value(value, f"{where}[{n}]") for n, value in enumerate(given))


def _value(given: object, where: str) -> Scalar:
    """Read a value to compare with."""
    return check_scalar(given, where, kinds="must be a text, a number, true or false")
