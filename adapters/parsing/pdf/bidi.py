"""
PDF: lines with right-to-left letters, from the order of the screen to the order of reading.

The inverse of the reordering of the Unicode Bidirectional Algorithm (UAX #9, rules W1 to L2) for a
line without explicit marks. A letter together with its combining marks is one unit.
"""

import unicodedata
from itertools import groupby

_STRONG_RIGHT = ("R", "AL")
_BRACKETS = {"(": ")", "[": "]", "{": "}", "<": ">", "«": "»"}


def is_right_to_left(code: int) -> bool:
    """Return True if a code point is a letter of Hebrew, Arabic or a like script."""
    if code < 0x590 or 0x8FF < code < 0xFB1D:  # noqa: PLR2004 - the usual scripts, told at once
        return False
    return code < 0x110000 and unicodedata.bidirectional(chr(code)) in _STRONG_RIGHT  # noqa: PLR2004


def logical(screen: str, *, right_to_left: bool) -> str:
    """Return a line in the order of reading; *right_to_left* is the direction of its paragraph."""
    units = _units(screen)
    if right_to_left:
        units.reverse()
    levels = _levels([_kind(unit) for unit in units], right_to_left=right_to_left)
    for level in (2, 1):
        if level == 1 and right_to_left:
            break  # the whole line has been turned
        units, levels = _reversed_runs(units, levels, level)
    return _mended_brackets("".join(units))


def runs_right_to_left(screen: str, *, among: bool) -> bool:
    """
    Return True if a line, in the order of the screen, runs right to left.

    *among* tells that most of its page runs from right to left: it decides where its ends do not.
    """
    kinds = [_kind(c) for c in screen]
    strong = [kind for kind in kinds if kind in ("L", "R")]
    if not strong:
        return among
    first, last = strong[0], strong[-1]
    if first == last == "R":
        return True
    more = strong.count("R") * 2 > len(strong)
    return more if first == last else among or more


def _units(text: str) -> list[str]:
    """Return the characters of *text*, each with its marks."""
    units: list[str] = []
    for c in text:
        if units and unicodedata.combining(c):
            units[-1] += c
        else:
            units.append(c)
    return units


def _kind(unit: str) -> str:
    """Return the bidirectional class of a unit: L, R, EN, AN, or what stands between."""
    kind = unicodedata.bidirectional(unit[0])
    return "R" if kind == "AL" else kind


def _levels(kinds: list[str], *, right_to_left: bool) -> list[int]:
    """Return the embedding level of each unit."""
    kinds = _numbers(kinds)
    around = "R" if right_to_left else "L"
    levels = []
    place = 0
    for neutral, group in groupby(kinds, key=lambda kind: kind not in ("L", "R", "EN", "AN")):
        run = list(group)
        if neutral:  # N1, N2: what stands between two of one direction is of it
            before = kinds[place - 1] if place else around
            after = kinds[place + len(run)] if place + len(run) < len(kinds) else around
            sides = {"L" if kind == "L" else "R" for kind in (before, after)}
            run = [sides.pop() if len(sides) == 1 else around] * len(run)
        place += len(run)
        levels += [_LEVELS[around][kind] for kind in run]
    return levels


#: I1, I2: levels by the paragraph's direction and a unit's class.
_LEVELS = {
    "L": {"L": 0, "R": 1, "EN": 2, "AN": 2},
    "R": {"L": 2, "R": 1, "EN": 2, "AN": 2},
}


def _numbers(kinds: list[str]) -> list[str]:
    """Settle what belongs to numbers (W4 to W7); a number beside a word of Latin letters is its."""
    kinds = list(kinds)
    for n in range(1, len(kinds) - 1):
        around = {kinds[n - 1], kinds[n + 1]}
        if around == {"EN"} and kinds[n] in ("ES", "CS"):
            kinds[n] = "EN"
        elif around == {"AN"} and kinds[n] == "CS":
            kinds[n] = "AN"
    for order in (range(len(kinds)), range(len(kinds) - 1, -1, -1)):
        last = ""
        for n in order:  # W5: signs such as % and $ at a number
            if kinds[n] == "ET" and last == "EN":
                kinds[n] = "EN"
            last = kinds[n]
    # W7. On the screen the word that a number follows stands to its left, whatever the paragraph's
    # direction; in a line that was turned it is the next one.
    for order in (range(len(kinds)), range(len(kinds) - 1, -1, -1)):
        _numbers_of_words(kinds, order)
    return kinds


def _numbers_of_words(kinds: list[str], order: range) -> None:
    """Make numbers after Latin letters a part of their run."""
    strong = ""
    for n in order:
        if kinds[n] in ("L", "R"):
            strong = kinds[n]
        elif kinds[n] == "EN" and strong == "L":
            kinds[n] = "L"


def _reversed_runs(units: list[str], levels: list[int], least: int) -> tuple[list[str], list[int]]:
    """Turn round each run of at least level *least* (L2)."""
    pairs: list[tuple[str, int]] = []
    both = zip(units, levels, strict=True)
    for high, group in groupby(both, key=lambda pair: pair[1] >= least):
        run = list(group)
        pairs += reversed(run) if high else run
    return [unit for unit, _ in pairs], [level for _, level in pairs]


def _mended_brackets(text: str) -> str:
    """Turn brackets that close before they open; pdfium mirrors some of a line and not others."""
    signs = list(text)
    for before, after in _BRACKETS.items():
        places = [n for n, c in enumerate(signs) if c in (before, after)]
        if len(places) % 2 or not places:
            continue
        depth = 0
        for left, n in enumerate(places):
            rest = len(places) - left
            if signs[n] == after and depth == 0:
                signs[n] = before
            elif signs[n] == before and depth >= rest:
                signs[n] = after
            depth += 1 if signs[n] == before else -1
    return "".join(signs)
