"""The numbers of list items as they are written: figures, letters, Roman numerals."""

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"),
    (40, "xl"), (10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_ROMAN_END = 4000
_MOST_LETTERS = 10


def numeral(number: int, form: str) -> str:
    """Return *number* in a *form*: `1`, `a`, `A`, `i` or `I`; what has no such form is figures."""
    if form in ("a", "A") and number > 0:
        # After z comes aa, then bb: letters are repeated.
        times, letter = divmod(number - 1, 26)
        if times < _MOST_LETTERS:
            text = chr(ord("a") + letter) * (times + 1)
            return text.upper() if form == "A" else text
    if form in ("i", "I") and 0 < number < _ROMAN_END:
        text = ""
        for value, letters in _ROMAN:
            times, number = divmod(number, value)
            text += letters * times
        return text.upper() if form == "I" else text
    return str(number)
