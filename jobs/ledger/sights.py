"""Sights: what is shown of a job, as of one moment."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Place:
    """
    Where a unit stood when its row was read.

    Attributes:
        rank: How many of its lane go before it; None where it does not wait there.

        interactive: Units of the interactive lane, which go before those of any other.

        mean_us: The mean time of a body, microseconds; None where none has ended.
    """

    rank: int | None
    interactive: int
    mean_us: int | None

    @classmethod
    def of(cls, told: Sequence[str | int]) -> Self | None:
        """Read what a script told, see `place_of`; None where that is nothing."""
        if not told:
            return None
        rank, interactive, mean_us = told
        return cls(
            rank=None if rank == "" else int(rank),
            interactive=int(interactive),
            mean_us=None if mean_us == "" else int(mean_us),
        )


@dataclass(frozen=True, slots=True)
class Sight:
    """
    What was seen of a job.

    Attributes:
        row: Its row.

        place: Of a unit that has not ended.

        retried_as: The newest retry of a job that has ended, empty where there is none.

        seen_ms: When it was seen, by Redis' clock, milliseconds since 1970; 0 where nobody asked.
    """

    row: Mapping[str, str]
    place: Place | None = None
    retried_as: str = ""
    seen_ms: int = 0
