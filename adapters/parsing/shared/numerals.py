"""The numbers of list items as they are written: figures, letters, Roman numerals."""

from collections.abc import Sequence

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ROMAN_END = 4000
_MOST_LETTERS = 10
_ALPHABET = "abcdefghijklmnopqrstuvwxyz"


def numeral(number: int, form: str) -> str:
    """Return *number* in a *form*: `1`, `a`, `A`, `i` or `I`; what has no such form is figures."""
    text = str(number)
    if form in ("a", "A") and number > 0:
        text = lettered(number, _ALPHABET, most=_MOST_LETTERS)
    if form in ("i", "I"):
        text = roman(number)
    return text.upper() if form in ("A", "I") else text


def lettered(number: int, letters: str, *, most: int) -> str:
    """Return the letter of *number*: after z come aa and bb, past *most* letters figures."""
    times, place = divmod(number - 1, len(letters))
    return letters[place] * (times + 1) if times < most else str(number)


def roman(number: int) -> str:
    """Return a Roman numeral in small letters; figures where there is none."""
    return added(number, _ROMAN) if 0 < number < _ROMAN_END else str(number)


def added(number: int, signs: Sequence[tuple[int, str]]) -> str:
    """Write a number as a sum of signs, the greatest first."""
    written = ""
    for value, sign in signs:
        times, number = divmod(number, value)
        written += sign * times
    return written
