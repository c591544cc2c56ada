"""Finding documents by a part of their names: a bounded look through the list of them."""

import unicodedata
from typing import Final, NamedTuple

from redis import Redis

from protocol.keys import key

#: Names that one call looks at, and that Redis is asked for at a time: some 0.5 ms of its time.
MOST: Final = 20_000
_STEP: Final = 2_000


class NamesFound(NamedTuple):
    """
    Names that have a part, in order.

    *last* is the name to go on after, None at the end of the list; *searched* of *total* names of
    the collection have been looked at, those of earlier calls included.
    """

    names: list[str]
    last: str | None
    searched: int
    total: int


def names_with(
    redis: Redis, collection_id: str, part: str, *, after: str, limit: int
) -> NamesFound:
    """
    Return up to *limit* ids of current documents above *after* that have *part*, whatever its case.

    Looks at MOST names and no further, so there may be fewer, even none, and more to come: names
    have no index by their parts, which would be larger than they are.
    """
    listed = key("names", collection_id)
    wanted = _folded(part)
    found: list[str] = []
    last, looked = after, 0
    is_over = False
    while looked < MOST and len(found) < limit and not is_over:
        names = redis.zrangebylex(listed, f"({last}" if last else "-", "+", 0, _STEP)
        is_over = len(names) < _STEP
        looked += len(names)
        for name in names:
            last = name
            if wanted in _folded(name):
                found.append(name)
                if len(found) == limit:
                    is_over = is_over and name == names[-1]
                    break
    pipe = redis.pipeline(transaction=False)
    pipe.zcard(listed)
    pipe.zlexcount(listed, "-", f"[{last}" if last else "+")
    total, searched = pipe.execute()
    return NamesFound(found, None if is_over else last, total if is_over else searched, total)


def _folded(name: str) -> str:
    """Return a name as it is compared: composed (NFC), and without case."""
    return unicodedata.normalize("NFC", name).casefold()
