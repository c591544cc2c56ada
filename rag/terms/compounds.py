"""Compounds: words that German, Dutch and the Nordic languages write together from others."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

#: ISO 639-1 codes of languages that write words together.
COMPOUNDING: Final = frozenset(
    ("af", "da", "de", "et", "fi", "fo", "fy", "hu", "is", "lb", "nb", "nl", "nn", "no", "sv")
)
SHORTEST: Final = 4  # letters of a part
LONGEST: Final = 48  # letters of a word that is taken apart
MOST: Final = 16  # compounds of a part that are looked for, the most common ones

# What may stand between two parts, the longer first: Urlaub-s-antrag, Katze-n-futter.
_LINKS = ("ens", "ers", "es", "en", "er", "ns", "s", "n", "e", "")
LONGEST_LINK: Final = 3
_VOWEL = re.compile(r"[aeiouy\u00e4\u00f6\u00fc\u00e5\u00e6\u00f8]")

BEGINS, ENDS = "<", ">"  # before a compound, and before it turned round


def edges(stems: Iterable[str]) -> Iterator[str]:
    """
    Yield two terms for each stem that may be a compound: it, and it turned round.

    A part that begins or ends compounds is then a prefix of terms, which an index finds at once,
    and no list of words is needed. Each has a mark before it that no word has.
    """
    for stem in stems:
        if 2 * SHORTEST <= len(stem) <= LONGEST and stem.isalpha():
            yield BEGINS + stem
            yield ENDS + stem[::-1]


def prefixes(stem: str) -> tuple[str, ...]:
    """Return what the terms of `edges` begin with that may hold *stem*; none for a short one."""
    if SHORTEST <= len(stem) <= LONGEST and stem.isalpha():
        return BEGINS + stem, ENDS + stem[::-1]
    return ()


def is_compound(edge: str, stem: str) -> bool:
    """Return True if a term, which begins with a prefix of *stem*, is a compound of it."""
    rest = edge[1:][len(stem) :]
    if edge[0] == ENDS:
        rest = rest[::-1]
    else:
        rest = next(rest[len(link) :] for link in _LINKS if rest.startswith(link))
    return len(rest) >= SHORTEST - 1 and _VOWEL.search(rest) is not None


def held_in(stems: Iterable[str], compounds: Iterable[str]) -> Iterator[str]:
    """Yield those of *stems* that begin or end one of *compounds*, which are terms of `edges`."""
    asked = [(stem, begun) for stem in stems if (begun := prefixes(stem))]
    some = tuple(chain.from_iterable(begun for _, begun in asked))
    for edge in compounds:
        if not edge.startswith(some):
            continue
        for stem, begun in asked:
            if edge.startswith(begun) and is_compound(edge, stem):
                yield stem


def splits(stem: str, is_known: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
    """Yield the ways to part a compound's stem in two, both of which are known by themselves."""
    if not (2 * SHORTEST <= len(stem) <= LONGEST and stem.isalpha()):
        return
    for at in range(SHORTEST, len(stem) - SHORTEST + 2):
        right = stem[at:]
        if not is_known(right):
            continue
        for link in _LINKS:
            left = stem[: at - len(link)]
            if stem[:at].endswith(link) and len(left) >= SHORTEST - 1 and is_known(left):
                yield left, right
                break


def made_of_two(compounds: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """
    Return the terms of compounds that two words of a question make up, and how common each is.

    *compounds* has for each stem the terms of `edges` that hold it: `Antrag` and `Urlaub` make up
    `Urlaubsantrag`.
    """
    last: dict[str, list[str]] = {}
    for stem, edges in compounds.items():
        for edge in edges:
            if edge.startswith(ENDS):
                last.setdefault(edge[:0:-1], []).append(stem)
    return {
        edge: count
        for stem, edges in compounds.items()
        for edge, count in edges.items()
        if edge.startswith(BEGINS)
        and any(
            0 <= len(edge) - 1 - len(stem) - len(other) <= LONGEST_LINK
            for other in last.get(edge[1:], ())
        )
    }
