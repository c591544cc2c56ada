"""PDF: rows of words, parted at wide gaps and at dots that lead over one."""

import re
from dataclasses import dataclass, field, replace

from adapters.parsing.pdf.characters import Word

_LEADER = re.compile(r"\.{4,}|·{4,}|…{2,}|_{4,}")
_LEADERS = ("....", "····", "……", "____")
_DOT = re.compile(r"[.·]+")
_DOTS = 4
_MARKER = re.compile(
    r"(?:[•‣▪◦●○■□–—*\uf0b7\uf0a7-]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxlcIVXLC]{1,5})[.):]"  # noqa: RUF001 - bullets
    r"|\d{1,2}(?:\.\d{1,3})*\.?|\[\d{1,3}\]|[¹²³⁴-⁹⁰])"
)

# In parts of the font size
_WIDE = 0.9  # more than a blank
_MARKER_GAP = 4.0


@dataclass(slots=True)
class Segment:
    """Words of a row without a wide gap between them."""

    words: list[Word]
    left: float
    right: float


@dataclass(slots=True)
class Row:
    """A row of segments; *led* numbers those that dots lead to, *words* has the dots too."""

    segments: list[Segment]
    base: float
    size: float
    words: list[Word] = field(default_factory=list)
    led: set[int] = field(default_factory=set)

    @property
    def leader(self) -> bool:
        """Return True if dots lead from one segment to the next."""
        return bool(self.led)


def row_of(words: list[Word]) -> Row:
    """Part the words of a row at wide gaps and at dots that lead over one."""
    size = max(word.size for word in words)
    base = max(words, key=lambda word: (word.size, len(word.text))).base
    whole = words
    words, ends = _without_leaders(words)
    led: set[int] = set()
    segments: list[Segment] = []
    last: Word | None = None
    for n, word in enumerate(words):
        gap = word.left - segments[-1].right if segments else 0.0
        wide = gap > _WIDE * max(word.size, last.size if last else 0.0)
        if (segments and not (n in ends or wide)) or (segments and _hangs(segments, word, gap)):
            segments[-1].words.append(word)
            segments[-1].right = max(segments[-1].right, word.right)
        else:
            if n in ends:
                led.add(len(segments))
            segments.append(Segment([word], word.left, word.right))
        last = word
    return Row(segments, base, size, whole, led)


def _hangs(segments: list[Segment], word: Word, gap: float) -> bool:
    """Return True if *word* belongs to the marker, number or label before it in spite of a gap."""
    last = segments[-1]
    if word.field:
        return True
    alone = len(segments) == 1 and len(last.words) == 1
    marker = last.words[0].text
    if not alone or gap > _MARKER_GAP * word.size or not _MARKER.fullmatch(marker):
        return False
    return not marker.isdigit()


def _without_leaders(words: list[Word]) -> tuple[list[Word], set[int]]:
    """Return the words without rows of dots, and the numbers of those that dots lead to."""
    whole = "".join(word.text for word in words)
    if not any(dots in whole for dots in _LEADERS):
        return words, set()
    kept: list[Word] = []
    ends: set[int] = set()
    n, led = 0, False
    while n < len(words):
        until = _end_of_dots(words, n)
        pieces = [None] if until else _pieces(words[n])
        for piece in pieces:
            if piece is None:
                led = bool(kept)
                continue
            if led:
                ends.add(len(kept))
            kept.append(piece)
            led = False
        n = until or n + 1
    return (kept, ends) if kept else (words, set())


def _end_of_dots(words: list[Word], n: int) -> int:
    """Return where a row of dots that begins at word *n* ends, 0 where none does."""
    until = n
    while until < len(words) and _DOT.fullmatch(words[until].text):
        until += 1
    return until if sum(len(word.text) for word in words[n:until]) >= _DOTS else 0


def _pieces(word: Word) -> list[Word | None]:
    """Part a word at the dots within it, for which None stands: "Soup......4.50"."""
    if word.rtl or not _LEADER.search(word.text):
        return [word]
    pieces: list[Word | None] = []
    wide = (word.right - word.left) / len(word.text)
    start = 0
    for dots in (*_LEADER.finditer(word.text), None):
        end = dots.start() if dots else len(word.text)
        if end > start:
            left, right = word.left + start * wide, word.left + end * wide
            pieces.append(replace(word, text=word.text[start:end], left=left, right=right))
        if dots:
            pieces.append(None)
            start = dots.end()
    return pieces
