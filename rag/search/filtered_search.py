"""Filtered dense search: exact scores of the matches or a filtered search of all, by cost."""

from collections.abc import Callable
from dataclasses import dataclass

from rag.ports import Ranking, Vectors
from rag.reading_ports import Matching

#: A call to the vector store costs about as much as to look at so many rows by their codes,
CALL_ROWS = 60_000
#: and each hit it returns as much as at so many more.
HIT_ROWS = 120
#: Hits asked for beyond what an even spread of the matching chunks would need.
SLACK = 2

Nearest = Callable[[int], Ranking]


@dataclass(frozen=True, slots=True)
class Filtered:
    """A retriever's matching candidates, how they were found, and which were dropped."""

    ranking: Ranking
    way: str
    dropped: tuple[str, ...] = ()


def nearest_matching(
    matching: Matching, vector: Vectors, *, limit: int, nearest: Nearest
) -> Filtered:
    """
    Return the nearest chunks that match, at most *limit*.

    Exact scores where few match; else the vector store's *nearest* of all chunks, more of them than
    needed, without those that do not match. Where the question lies far from what matches, that
    would leave too few: a sample says so beforehand mostly, and the scores are exact.
    """
    if not matching.rows:
        return Filtered([], "nothing matches")
    asked = SLACK * limit * matching.of // matching.rows
    costs_more = matching.rows > CALL_ROWS + HIT_ROWS * asked
    if costs_more and matching.share_near(vector) * asked >= limit:
        found = nearest(asked)
        kept = [hit for hit in found if matching.keeps(hit[0])]
        if len(kept) >= min(limit, matching.rows):
            dropped = tuple(name for name, _ in found if not matching.keeps(name))
            return Filtered(kept[:limit], "the nearest of all, then the filter", dropped)
    return Filtered(matching.nearest(vector, limit=limit), "scores of what matches")
