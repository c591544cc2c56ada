"""PDF: words on one baseline become a line; raised and lowered marks are kept apart from it."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median_low

from adapters.parsing.pdf.bidi import logical, runs_right_to_left
from adapters.parsing.pdf.characters import CJK, Word

# In parts of the font size
_SAME_LINE = 0.35  # baselines nearer than this are one line
_BESIDE = 0.75  # or this, where the words stand in different columns
_RAISED_LINE = 0.6  # or this, where a small word touches a large one
_TIGHT = 0.15  # words nearer than this have no blank between them
_CJK_TIGHT = 0.5
_TOUCHES = 0.6
_OVER = 0.4
_FAR = 1.0
_SMALL = 0.85
_UNLIKE = 3.0
_RAISED = 0.12
_RAISED_SAME_SIZE = 0.25
_LOWERED = 0.05
_NEAR_MARK = 0.4
_MARK_CHARACTERS = 8
_SHORT_MARK = 3  # characters
_LOOK_AROUND = 200  # words of a row
_LOOK_BACK = 4  # rows that a word is compared with

_UP = str.maketrans("0123456789+-−=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁻⁼⁽⁾ⁿ")  # noqa: RUF001 - a minus sign is meant
_DOWN = str.maketrans("0123456789+-−=()", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎")  # noqa: RUF001 - a minus sign is meant
_FIGURES = re.compile(r"[\d+\-−=(),;.\s–]*\d[\d+\-−=(),;.\s–]*|[+\-−]|n")  # noqa: RUF001 - signs
#: Raised letters that are part of the word: 1st, 2nd, 3e, 4º, Mme, Mlle, nº, a trade mark.
_ORDINAL = re.compile(r"(?:st|nd|rd|th|e|er|ers|re|nde|es|ème|r|o|os|a|as|ª|º|°)\.?", re.IGNORECASE)
_ABBREVIATED = re.compile(r"(?:me|mes|lle|lles|gr|r|º|°|tm|sm|™|®|©)\.?|(?<=n)o", re.IGNORECASE)
_NOTE_MARK = re.compile(r"[*†‡§¶#∗]+")  # noqa: RUF001 - marks of notes


@dataclass(slots=True)
class Line:
    """
    A line with its place: *left* and *right* are mirrored where it runs from right to left.

    *fresh* tells that it begins another column or another part of the page.
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool
    turn: int
    fresh: bool = False
    form: bool = False  # it holds a field of a form


def rows_of(words: Iterable[Word], *, columns: bool = False) -> list[list[Word]]:
    """
    Return the words by rows from top to bottom, each row from left to right.

    With *columns*, words that stand beside each other share a row though their baselines differ.
    """
    rows: list[_Row] = []
    for word in sorted(words, key=lambda word: (-word.base, word.left)):
        for row in rows[: -_LOOK_BACK - 1 : -1]:
            if row.takes(word, columns):
                row.add(word)
                break
        else:
            rows.append(_Row(word))
    rows.sort(key=lambda row: -row.base)
    _join_marks(rows)
    return [sorted(row.words, key=lambda word: word.left) for row in rows if row.words]


class _Row:
    """Words on one baseline, which is that of the largest."""

    __slots__ = ("base", "left", "right", "size", "words")

    def __init__(self, word: Word) -> None:
        self.words = [word]
        self.base, self.size = word.base, word.size
        self.left, self.right = word.left, word.right

    def takes(self, word: Word, columns: bool) -> bool:
        """Return True if *word*, which is not higher than any word so far, stands in this row."""
        if word.size > _UNLIKE * self.size or self.size > _UNLIKE * word.size:
            return False
        away = abs(self.base - word.base)
        if away <= _SAME_LINE * self.size and away <= _SAME_LINE * word.size:
            return True
        size = max(self.size, word.size)
        if away > _BESIDE * size:
            return False
        small = min(self.size, word.size) <= _SMALL * size
        if small and away <= _RAISED_LINE * size and self.beside(word, _TOUCHES * size):
            return True
        return columns and not self.touches(word, _FAR * size)

    def touches(self, word: Word, near: float) -> bool:
        """Return True if a word of the row overlaps *word* or is near."""
        if word.left > self.right + near or word.right < self.left - near:
            return False
        near_words = self.words[-_LOOK_AROUND:]
        return any(w.left - near <= word.right and word.left <= w.right + near for w in near_words)

    def beside(self, word: Word, near: float) -> bool:
        """Return True if *word* is near a word of the row, and over or under none."""
        if not self.touches(word, near):
            return False
        return not any(
            min(w.right, word.right) - max(w.left, word.left) > _OVER * min(w.size, word.size)
            for w in self.words[-_LOOK_AROUND:]
            if w.size > word.size / _SMALL or word.size > w.size / _SMALL  # two marks may overlap
        )

    def add(self, word: Word) -> None:
        """Take *word* in."""
        self.words.append(word)
        self.left = min(self.left, word.left)
        self.right = max(self.right, word.right)
        if word.size > self.size:
            self.base, self.size = word.base, word.size


def _join_marks(rows: list[_Row]) -> None:
    """Put small words that stand a little above or below a row of larger ones into that row."""
    for n, row in enumerate(rows):
        for other in (*rows[n + 1 : n + 3], *reversed(rows[max(n - 2, 0) : n])):
            if abs(row.base - other.base) > _RAISED_LINE * other.size:
                continue
            touching = [word for word in row.words if _is_mark(word, other)]
            if touching:
                kept = set(map(id, touching))
                row.words = [w for w in row.words if id(w) not in kept]
                for word in touching:
                    other.add(word)


def _is_mark(word: Word, row: _Row) -> bool:
    """Return True if *word* is a raised or lowered mark of a word in *row*."""
    if row.size > _UNLIKE * word.size:
        return False
    if word.size <= _SMALL * row.size:
        return row.beside(word, _TOUCHES * row.size)
    short = len(word.text) <= _SHORT_MARK and word.size <= row.size / _SMALL
    return short and any(
        abs(word.left - w.right) <= _TIGHT * w.size for w in row.words[-_LOOK_AROUND:]
    )


def line_of(row: list[Word]) -> Line:
    """Return the line of a row's words."""
    size, base = row[0].size, row[0].base
    if any(word.size != size or word.base != base for word in row):
        sizes: Counter[float] = Counter()
        for word in row:
            sizes[round(word.size, 1)] += len(word.text)
        size = sizes.most_common(1)[0][0]
        main = [word for word in row if abs(word.size - size) <= 0.1]  # noqa: PLR2004 - as rounded
        base = median_low([word.base for word in main])
    text = _joined(row, base, max(size, 0.1))
    left, right = row[0].left, max(word.right for word in row)
    turned_left = False
    if any(word.rtl for word in row):
        turned_left = runs_right_to_left(text, among=any(word.rtl_page for word in row))
        text = logical(text, right_to_left=turned_left)
    return Line(
        text=text,
        left=-right if turned_left else left,
        right=-left if turned_left else right,
        base=base,
        size=size,
        bold=all(word.bold for word in row),
        turn=row[0].turn,
        form=any(word.field for word in row),
    )


def lines_of(words: Iterable[Word]) -> list[Line]:
    """Return words that stand in one column as lines from top to bottom."""
    return [line_of(row) for row in rows_of(words)]


def _joined(row: list[Word], base: float, size: float) -> str:
    """Return the text of a row as it stands on the screen."""
    parts: list[str] = []
    last: Word | None = None
    for word in row:
        text = _marked(word, last, base, size)
        if last is not None:
            gap = word.left - last.right
            tight = _TIGHT * size
            if CJK.match(text) and CJK.match(last.text[-1:]):
                tight = _CJK_TIGHT * size
            told = not word.rtl and word.blank and word.n == last.n + 1 and gap > -tight
            parts.append(" " if gap >= tight or told or word.field or last.field else "")
        parts.append(text)
        last = word
    return "".join(parts)


def _marked(word: Word, last: Word | None, base: float, size: float) -> str:
    """Return the text of a word, written as raised or lowered where it is."""
    if abs(word.base - base) < _LOWERED * size or len(word.text) > _MARK_CHARACTERS:
        return word.text
    rise, small = (word.base - base) / size, word.size <= _SMALL * size
    touches = last is None or word.left - last.right < _NEAR_MARK * size
    if touches and rise > (_RAISED if small else _RAISED_SAME_SIZE):
        return _raised(word.text, last)
    if touches and rise < -_LOWERED and small and word.text.isdigit():
        return word.text.translate(_DOWN)
    return word.text


def _raised(text: str, last: Word | None) -> str:
    """Return a raised mark in signs that differ from the number before it."""
    if _FIGURES.fullmatch(text):
        return text.translate(_UP)
    before = last.text[-1:] if last else ""
    if not before.isalnum() or _NOTE_MARK.fullmatch(text) or not text[0].isalnum():
        return text
    of_word = _ORDINAL if before.isdigit() else _ABBREVIATED
    return text if of_word.fullmatch(text) else f"^{text}"
