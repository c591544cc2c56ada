"""What is wrong with a filter: a name that no document has, or values of another kind."""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Final

from rag.metadata.filters import (
    BUILT_IN,
    METADATA,
    And,
    Compare,
    Exists,
    Filter,
    In,
    Not,
    Or,
    kind,
)

#: Sentences about one filter.
MOST: Final = 5
#: How alike two names are of which one may be a slip of the pen, 0 to 1.
ALIKE: Final = 0.75
#: Names that one is compared with, and characters of a name that is compared or shown: the time
#: that a comparison takes grows with their square.
NAMES: Final = 500
CHARACTERS: Final = 64
#: Names that are told where none is alike.
TOLD: Final = 8
WHOLE: Final = "text is compared as a whole, capitals included"

_KINDS: Final = {"text": "text", "number": "numbers", "boolean": "true or false"}


def hints(filters: Filter, fields: Mapping[str, frozenset[str]]) -> list[str]:
    """
    Return sentences that say why nothing matches *filters*, as far as its names tell.

    *fields* are those that documents have, each with the kinds of its values (`filters.kind`).
    What stands below a `not` keeps no document out by being absent, and is not looked at. Where
    the names are right and text is asked for, it is told how text is compared.
    """
    short = (name for field in fields if len(name := _shown(field)) <= CHARACTERS)
    names = {_folded(name): name for name in islice(short, NAMES)}
    told: list[str] = []
    leaves, unknown = list(_required(filters)), False
    for leaf in leaves:
        if leaf.field in fields:
            said = _of_kind(leaf, fields)
        else:
            meant = _meant(leaf.field, names)
            unknown |= not meant
            said = f"no document has a field {_quoted(leaf.field)}{meant}"
        if said and said not in told:
            told.append(said)
        if len(told) == MOST:
            break
    if not told and any(isinstance(leaf, In) and _asks_for_text(leaf) for leaf in leaves):
        told.append(WHOLE)
    if unknown and names and len(told) < MOST:
        told.append(_there(names.values()))
    return told


def required(filters: Filter) -> frozenset[str]:
    """Name the fields without which no document matches, or not by every way."""
    return frozenset(leaf.field for leaf in _required(filters))


def bounded(filters: Filter) -> frozenset[str]:
    """Name the fields that a filter compares with a bound."""
    return frozenset(leaf.field for leaf in _required(filters) if isinstance(leaf, Compare))


def uncompared(filters: Filter, fields: Mapping[str, frozenset[str]]) -> list[str]:
    """
    Return sentences that name the fields of which a bound passes some values over, by their kind.

    *fields* are those of `bounded` that documents have, each with the kinds of its values.
    """
    told = (
        f"the field {_quoted(leaf.field)} holds {_listed(others)} too in these documents, "
        f"which no {kind(leaf.value)} is compared with"
        for leaf in _required(filters)
        if isinstance(leaf, Compare)
        and kind(leaf.value) in fields.get(leaf.field, ())
        and (others := fields[leaf.field] - {kind(leaf.value)})
    )
    return list(islice(dict.fromkeys(told), MOST))


def _required(filters: Filter) -> Iterator[In | Compare | Exists]:
    """Yield the conditions that a document meets only by having the field."""
    match filters:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _required(part)
        case Not():
            return
        case _:
            yield filters


def _meant(field: str, names: Mapping[str, str]) -> str:
    """Ask whether one of *names*, by `_folded`, is meant; empty where none is alike."""
    if len(name := _shown(field)) > CHARACTERS:
        return ""
    near = get_close_matches(_folded(name), names, n=1, cutoff=ALIKE)
    return f"; did you mean '{names[near[0]]}'?" if near else ""


def _there(names: Iterable[str]) -> str:
    """Return which fields there are: what people gave their documents before what each has."""
    there = sorted(names, key=lambda one: (one in BUILT_IN, one))
    more = ", \u2026" if len(there) > TOLD else ""
    return f"the fields are {', '.join(map(_quoted, there[:TOLD]))}{more}"


def _asks_for_text(leaf: In) -> bool:
    """Return True if a value that is asked for is text."""
    return any(isinstance(value, str) for value in leaf.values)


def _of_kind(leaf: In | Compare | Exists, fields: Mapping[str, frozenset[str]]) -> str:
    """Return that a field's values are of no kind that is asked for; empty where some are."""
    if isinstance(leaf, Exists):
        return ""
    values = leaf.values if isinstance(leaf, In) else (leaf.value,)
    asked, had = {kind(value) for value in values}, fields[leaf.field]
    if not asked or asked & had:
        return ""
    return (
        f"the field {_quoted(leaf.field)} holds {_listed(had)} in these documents, "
        f"and the filter asks for {_listed(asked)}"
    )


def _listed(kinds: frozenset[str] | set[str]) -> str:
    return " and ".join(_KINDS[one] for one in sorted(kinds))


def _shown(field: str) -> str:
    """Return a field's name as people write it."""
    name = field.removeprefix(METADATA)
    return field if name in BUILT_IN else name


def _quoted(field: str) -> str:
    """Return a field's name in quotes, cut where it is very long."""
    name = _shown(field)
    return f"'{name}'" if len(name) <= CHARACTERS else f"'{name[: CHARACTERS - 1]}\u2026'"


def _folded(name: str) -> str:
    """Return a name without what is easily written another way."""
    return "".join(sign for sign in name.casefold() if sign not in " _-.")
