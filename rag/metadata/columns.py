"""The facts of many documents, column by column: a filter is answered for all of them at once."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from itertools import compress, islice
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from rag.documents import Scalar
from rag.metadata.filters import (
    And,
    Compare,
    Exists,
    Facts,
    Filter,
    In,
    Not,
    Or,
    kind,
    several,
    values_in,
)

Mask = NDArray[np.bool_]
Whole = NDArray[np.int64]

#: So many new values are put in their places one by one; of more, all are sorted again.
FEW = 100
#: What `rag.metadata.filters.kind` tells apart.
KINDS = ("boolean", "number", "text")


class Numbers:
    """Whole numbers in a growing array."""

    def __init__(self) -> None:
        self._kept: Whole = np.zeros(16, dtype=np.int64)
        self._count = 0

    def __len__(self) -> int:
        """Return how many there are."""
        return self._count

    def append(self, number: int) -> None:
        """Add one at the end."""
        if self._count == len(self._kept):
            self._kept = np.concatenate([self._kept, np.zeros_like(self._kept)])
        self._kept[self._count] = number
        self._count += 1

    @property
    def all(self) -> Whole:
        """All of them, without a copy."""
        return self._kept[: self._count]


class Columns:
    """
    What is known of documents that are numbered from 0, in memory.

    Memory grows with the number of facts, not with documents times names. The meaning of a filter
    is that of `rag.metadata.filters.holds`, row by row.
    """

    def __init__(self) -> None:
        self._columns: dict[str, _Column] = {}
        self._count = 0

    def append(self, facts: Facts) -> None:
        """Take the next document's facts."""
        for name, value in facts.items():
            column = self._columns.setdefault(name, _Column())
            for one in several(value):
                column.append(self._count, one)
        self._count += 1

    def fields(
        self, most: int, only: AbstractSet[str] | None = None
    ) -> Callable[[Mask], dict[str, frozenset[str]]]:
        """
        Note at most so many fields as they are now, or *only* these; return a reader of them.

        It takes a mask of the documents and returns the fields that one of these has, each with
        the kinds of its values (`filters.kind`). It may be called beside one that appends.
        """
        names = self._columns if only is None else only & self._columns.keys()
        noted = [(name, self._columns[name].noted()) for name in islice(names, most)]

        def told(among: Mask) -> dict[str, frozenset[str]]:
            found = ((name, kinds(among)) for name, kinds in noted)
            return {name: kinds for name, kinds in found if kinds}

        return told

    def matching(self, filters: Filter) -> Mask:
        """Return for each document whether it matches; shape (documents,)."""
        match filters:
            case And(parts):
                return reduce(np.logical_and, map(self.matching, parts))
            case Or(parts):
                return reduce(np.logical_or, map(self.matching, parts))
            case Not(part):
                return ~self.matching(part)
            case Exists(field) | In(field) | Compare(field):
                mask = np.zeros(self._count, dtype=np.bool_)
                column = self._columns.get(field)
                if column is not None:
                    mask[column.rows(filters)] = True
                return mask

    def spelled(self, filters: Filter, most: int) -> Filter | None:
        """Return *filters* with values in place of bounds; None where it names more than *most*."""
        spelled = self._spelled(filters, most)
        return None if spelled is None or values_in(spelled) > most else spelled

    def _spelled(self, filters: Filter, most: int) -> Filter | None:
        """Return *filters* without bounds; None where one of them stands for more than *most*."""
        match filters:
            case Compare(field):
                column = self._columns.get(field)
                values = column.beside(filters, most) if column is not None else []
                return None if values is None else In(field, tuple(values))
            case And(parts) | Or(parts):
                spelled = [self._spelled(part, most) for part in parts]
                known = tuple(part for part in spelled if part is not None)
                return type(filters)(known) if len(known) == len(parts) else None
            case Not(part):
                inner = self._spelled(part, most)
                return None if inner is None else Not(inner)
            case _:
                return filters


class _Column:
    """
    One field: which rows have it, and the number of each row's value among its values.

    A row of several values comes several times.
    """

    def __init__(self) -> None:
        self._rows = Numbers()
        self._codes = Numbers()
        self._known: dict[str, dict[Scalar, int]] = {}  # by kind: 1 and True are one dict key
        self._kinds = bytearray()  # of each value, its place in KINDS
        self._count = 0
        self._sorted: dict[str, tuple[list[Any], Whole]] = {}
        self._fresh: dict[str, list[tuple[Any, int]]] = {}  # not among the sorted yet

    def append(self, row: int, value: Scalar) -> None:
        """Append the values of *row*."""
        known = self._known.setdefault(kind(value), {})
        if value not in known:
            known[value] = self._count
            self._fresh.setdefault(kind(value), []).append((value, self._count))
            self._kinds.append(KINDS.index(kind(value)))
            self._count += 1
        self._rows.append(row)
        self._codes.append(known[value])

    def noted(self) -> Callable[[Mask], frozenset[str]]:
        """Note the column as it is now; what is returned names the kinds that rows have."""
        rows, codes = self._rows.all, self._codes.all
        # A copy: a view of it would keep it from growing.
        kinds = np.frombuffer(bytes(self._kinds), dtype=np.uint8)

        def told(among: Mask) -> frozenset[str]:
            there = np.zeros(len(KINDS), dtype=np.bool_)
            there[kinds[codes[among[rows]]]] = True
            return frozenset(compress(KINDS, there.tolist()))

        return told

    def rows(self, condition: Exists | In | Compare) -> Whole:
        """Return the rows for which a condition holds."""
        match condition:
            case Exists():
                return self._rows.all
            case In(_, values):
                codes: Sequence[int] | Whole = [
                    self._known[kind(value)][value]
                    for value in values
                    if value in self._known.get(kind(value), {})
                ]
            case Compare():
                ordered, numbers = self._in_order(kind(condition.value))
                codes = numbers[_side(ordered, condition)]
        if len(codes) == 1:
            having = self._codes.all == codes[0]
        else:
            truth = np.zeros(self._count, dtype=np.bool_)
            truth[codes] = True
            having = truth[self._codes.all]
        chosen: Whole = self._rows.all[having]
        return chosen

    def beside(self, condition: Compare, most: int) -> list[Scalar] | None:
        """Return the values on one side of a bound; None where they are more than *most*."""
        values, _ = self._in_order(kind(condition.value))
        chosen = _side(values, condition)
        return values[chosen] if len(range(*chosen.indices(len(values)))) <= most else None

    def _in_order(self, of: str) -> tuple[list[Any], Whole]:
        """Return the values of one kind in order, and their numbers."""
        values, codes = self._sorted.get(of, ([], np.zeros(0, dtype=np.int64)))
        fresh = self._fresh.pop(of, [])
        if len(fresh) > FEW:
            # In Python, which compares whole numbers with fractions exactly.
            pairs = sorted(cast("dict[Any, int]", self._known[of]).items())
            values = [value for value, _ in pairs]
            codes = np.array([code for _, code in pairs], dtype=np.int64)
        else:
            for value, code in fresh:
                place = bisect_left(values, value)
                values.insert(place, value)
                codes = np.insert(codes, place, code)
        self._sorted[of] = (values, codes)
        return values, codes


def _side(values: list[Any], condition: Compare) -> slice:
    """Return where in *values*, which ascend, those on one side of a bound are."""
    bound = cast("Any", condition.value)
    match condition.order:
        case "gt":
            return slice(bisect_right(values, bound), None)
        case "gte":
            return slice(bisect_left(values, bound), None)
        case "lt":
            return slice(bisect_left(values, bound))
        case "lte":
            return slice(bisect_right(values, bound))
