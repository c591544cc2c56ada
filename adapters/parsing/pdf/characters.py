"""PDF: the words of a page with the places where they stand, as pdfium sees its characters."""

import ctypes
import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

from pypdfium2 import raw

from adapters.parsing.pdf.bidi import is_right_to_left

_HYPHEN = 0x2D
_HYPHENS = (0x02, 0xFFFE)  # what pdfium makes of a hyphen at the end of a line
_BLANKS = frozenset([9, 10, 13, 32, 0xA0, 0x1680, *range(0x2000, 0x200C), 0x202F, 0x205F, 0x3000])
_ENDS = (10, 13)
#: Ligatures, and the shapes that Arabic letters and pointed Hebrew letters take in print.
_SHAPES = ((0xFB00, 0xFDFF), (0xFE70, 0xFEFE))
_FIRST_SURROGATE = 0xD800
_FIRST_RTL = 0x590
_BOLD = 600
_BOLD_NAMES = ("bold", "black", "heavy", "demi")
_FORCED_BOLD = 1 << 18  # of a font descriptor's flags
_NAME_BYTES = 128
#: A word, which has its raised marks at its ends.
_LETTERS = re.compile(
    r"([A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02af\u0388-\u03ff\u0400-\u0481\u048a-\u052f]{3,})"
    r"[.,;:!?)]?"
)
_NEAR_SIGN = 1.0  # points: a sign behind a word is nearer
#: Letters that are set without blanks between words.
CJK = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uff60]+")
_DOWN = 270  # degrees that a line from top to bottom is turned
_FEW_LETTERS = 8
_MOST = 0.6

# In parts of the font size
_SHIFT = 0.04  # a box that is higher or lower by more begins another piece
_BACK = 0.6  # so far back no kerning goes
_LEAP = 0.9
_CLOSE = 0.7  # letters of a line that runs down
_SPLIT = 0.3  # between letters of a right-to-left word, which pdfium has put in another order


@dataclass(slots=True, eq=False)
class Word:
    """
    Characters without a blank between them, on one baseline and in one size.

    Lengths are in points, in the frame of the page in which the word runs from left to right.
    The text of a word with right-to-left letters is in the order of the screen. *n* counts the
    words in the order of the file, *blank* tells that the file has a blank before it.
    """

    text: str
    left: float
    right: float
    base: float
    size: float
    bold: bool = False
    turn: int = 0  # degrees that it is turned, against the clock
    n: int = 0
    blank: bool = False
    rtl: bool = False
    rtl_page: bool = False  # among letters that mostly run from right to left
    field: bool = False  # what a form's field holds
    table: Any = None  # of a placeholder: the table that stands there


@dataclass(slots=True)
class _Piece:
    """A word that is being read."""

    turn: int
    base: float
    size: float
    bold: bool
    blank: bool
    low: float
    high: float
    text: str = ""  # of a plain word, instead of its codes
    codes: list[int] = field(default_factory=list)
    lefts: list[float] = field(default_factory=list)
    rights: list[float] = field(default_factory=list)

    def goes_on(self, left: float, low: float, right: float, high: float) -> bool:
        """Return True if a character in this box belongs to the piece."""
        size = self.size
        shift = _SHIFT * size
        if not (-shift <= self.low - low <= shift and -shift <= self.high - high <= shift):
            return False
        ahead = left - self.rights[-1]
        if -_BACK * size <= ahead <= _LEAP * size:
            return True
        # pdfium gives right-to-left letters in the order in which they are read.
        reach = 3 * size
        return (
            is_right_to_left(self.codes[-1]) and -reach <= right - self.lefts[-1] and ahead <= reach
        )


def page_words(page: Any) -> list[Word]:
    """Return the words of a text page of pdfium, in the order of the file."""
    words: list[Word] = []
    for piece in _Reader(page).pieces():
        words += _words(piece, len(words))
    right_to_left = [word for word in words if word.rtl]
    if right_to_left:
        letters = sum(len(word.text) for word in words if word.text.isalpha())
        among = 2 * sum(len(word.text) for word in right_to_left) >= letters
        for word in right_to_left:
            word.rtl_page = among
    return upright(words)


def upright(words: list[Word]) -> list[Word]:
    """Turn the letters of lines that run from top to bottom, as in Japanese, into lines across."""
    single = [
        below.left - above.left for above, below in pairwise(words) if _stands_over(above, below)
    ]
    ideographs = [word for word in words if CJK.match(word.text) and not word.turn]
    if len(single) < _FEW_LETTERS or len(single) < _MOST * len(ideographs):
        return words
    for word in ideographs:
        x, y, size = word.left, word.base, word.size
        word.turn, word.base = _DOWN, framed(x, y, _DOWN)[1]
        word.left, word.right = -y - 0.8 * size, -y - 0.8 * size + size * len(word.text)
    return words


def _stands_over(above: Word, below: Word) -> bool:
    """Return True if two letters stand under each other as in a line that runs down."""
    size = above.size
    return (
        not above.turn
        and abs(above.left - below.left) < _SPLIT * size
        and _CLOSE * size < above.base - below.base < 2 * _CLOSE * size
        and len(above.text) == len(below.text) == 1
        and bool(CJK.match(above.text) and CJK.match(below.text))
    )


def framed(x: float, y: float, turn: int) -> tuple[float, float]:
    """Return a point of the page in the frame that is turned by *turn* degrees."""
    if not turn:
        return x, y
    cos, sin = math.cos(math.radians(turn)), math.sin(math.radians(turn))
    return x * cos + y * sin, y * cos - x * sin


class _Reader:
    """Reads the characters of a text page; few calls, for each takes a microsecond."""

    def __init__(self, page: Any) -> None:
        self._handle = page.raw
        self._codes = [raw.FPDFText_GetUnicode(page.raw, n) for n in range(page.count_chars())]
        self._text = "".join(map(chr, self._codes))
        self._box = raw.FS_RECTF()
        self._where = ctypes.byref(self._box)
        self._name, self._flags = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_int()
        self._matrix, self._x, self._y = raw.FS_MATRIX(), ctypes.c_double(), ctypes.c_double()
        self._last: _Piece | None = None
        self._blank = False

    def pieces(self) -> Iterator[_Piece]:
        """Yield runs of characters that stand side by side in one height."""
        codes = self._codes
        first = 0
        for n, code in enumerate((*codes, 32)):
            if code not in _BLANKS:
                continue
            if n > first:
                letters = _LETTERS.fullmatch(self._text, first, n)
                whole = self._word(first, n, letters.end(1)) if letters else None
                yield from [whole] if whole else self._run(first, n)
            self._blank = code not in _ENDS and (self._blank or n > first)
            first = n + 1

    def _place(self, n: int) -> tuple[float, float, float, float] | None:
        """Return left, low, right and high of a character."""
        if not raw.FPDFText_GetLooseCharBox(self._handle, n, self._where):
            return None
        box = self._box
        return box.left, box.bottom, box.right, box.top

    def _word(self, first: int, end: int, letters_end: int) -> _Piece | None:
        """
        Return the piece of letters that begin and end at one height; marks are at the ends.

        Behind *letters_end* there may be a full stop or another such sign.
        """
        start, last = self._place(first), self._place(letters_end - 1)
        if not start or not last:
            return None
        stop = last if letters_end == end else self._place(end - 1)
        if not stop or not start[1] == last[1] == stop[1] or not start[3] == last[3] == stop[3]:
            return None
        if last[0] < start[2] - _SHIFT or (
            stop is not last and abs(stop[0] - last[2]) > _NEAR_SIGN
        ):
            return None
        piece = self._started(first, start)
        if piece.turn:
            return None
        piece.text, piece.lefts, piece.rights = self._text[first:end], [start[0]], [stop[2]]
        return piece

    def _run(self, first: int, end: int) -> Iterator[_Piece]:
        """Yield the pieces of characters between two blanks."""
        piece: _Piece | None = None
        for n in range(first, end):
            code, box = self._codes[n], self._place(n)
            if not code or not box:
                continue  # a glyph that the font gives no letter for
            place = _turned(*box, piece.turn) if piece and piece.turn else box
            if not piece or not piece.goes_on(*place):
                if piece:
                    yield piece
                piece = self._started(n, box)
                place = _turned(*box, piece.turn) if piece.turn else box
            piece.codes.append(_HYPHEN if code in _HYPHENS else code)
            piece.lefts.append(place[0])
            piece.rights.append(place[2])
        if piece:
            yield piece

    def _is_bold(self, n: int) -> bool:
        """Return True if a character is bold; the name tells it of fonts that are not embedded."""
        if raw.FPDFText_GetFontWeight(self._handle, n) >= _BOLD:
            return True
        raw.FPDFText_GetFontInfo(self._handle, n, self._name, _NAME_BYTES, self._flags)
        return bool(self._flags.value & _FORCED_BOLD) or _names_bold(self._name.value)

    def _started(self, n: int, box: tuple[float, float, float, float]) -> _Piece:
        """Return a piece that begins with character *n* in *box*, still empty."""
        page, last = self._handle, self._last
        bold, blank = self._is_bold(n), self._blank
        self._blank = False
        if last and not last.turn and last.low == box[1] and last.high == box[3]:
            piece = _Piece(0, last.base, last.size, bold, blank, last.low, last.high)
        else:
            matrix, x, y = self._matrix, self._x, self._y
            raw.FPDFText_GetMatrix(page, n, matrix)
            raw.FPDFText_GetCharOrigin(page, n, x, y)
            # Less than nothing where the letters are turned by half, no number in a broken file.
            height = raw.FPDFText_GetFontSize(page, n)
            size = abs(height) * math.hypot(matrix.c, matrix.d)
            turn = math.degrees(math.atan2(matrix.b, matrix.a)) + (180 if height < 0 else 0)
            turn = round(turn) % 360 if math.isfinite(turn) else 0
            _, low, _, high = _turned(*box, turn) if turn else box
            base = framed(x.value, y.value, turn)[1]
            piece = _Piece(turn, base, size if 0 < size < math.inf else 1.0, bold, blank, low, high)
        self._last = piece
        return piece


def _turned(
    left: float, low: float, right: float, high: float, turn: int
) -> tuple[float, float, float, float]:
    """Return the box in the frame that is turned by *turn* degrees."""
    corners = [framed(x, y, turn) for x in (left, right) for y in (low, high)]
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return min(xs), min(ys), max(xs), max(ys)


@lru_cache(maxsize=1000)
def _names_bold(name: bytes) -> bool:
    """Return True if a font is bold by its name."""
    named = name.decode("utf-8", "replace").lower()
    return any(bold in named for bold in _BOLD_NAMES)


def _words(piece: _Piece, n: int) -> list[Word]:
    """Return the word of a piece, or the words where right-to-left letters stand apart."""
    if piece.text:
        return [_word(piece, piece.text, piece.lefts[0], piece.rights[0], n)]
    if max(piece.codes) < _FIRST_RTL or not any(map(is_right_to_left, piece.codes)):
        text = _text(piece.codes)
        return [_word(piece, text, piece.lefts[0], max(piece.rights), n)] if text else []
    letters = _screen_order(piece)
    groups: list[list[tuple[float, float, str]]] = []
    for letter in letters:
        last = groups[-1] if groups else None
        if last and letter[0] - max(r for _, r, _ in last[-3:]) <= _SPLIT * piece.size:
            last.append(letter)
        else:
            groups.append([letter])
    words: list[Word] = []
    for group in groups:
        text = "".join(text for _, _, text in group)
        left, right = group[0][0], max(r for _, r, _ in group)
        word = _word(piece, text, left, right, n + len(words))
        word.rtl = True
        words.append(word)
    return words


def _screen_order(piece: _Piece) -> list[tuple[float, float, str]]:
    """Return left edge, right edge and text of the letters from left to right, marks joined."""
    letters: list[tuple[float, float, str]] = []
    for code, left, right in zip(piece.codes, piece.lefts, piece.rights, strict=True):
        text = _text([code])
        same = letters and letters[-1][0] == left and letters[-1][1] == right
        if letters and (same or (text and unicodedata.combining(text[0]))):
            letters[-1] = (*letters[-1][:2], letters[-1][2] + text)  # one glyph, or its mark
        elif text:
            letters.append((left, right, text))
    return sorted(letters, key=lambda letter: letter[0] + letter[1])


def _word(piece: _Piece, text: str, left: float, right: float, n: int) -> Word:
    """Return a word of a piece."""
    return Word(
        text=text,
        left=left,
        right=right,
        base=piece.base,
        size=piece.size,
        bold=piece.bold,
        turn=piece.turn,
        n=n,
        blank=piece.blank,
    )


def _text(codes: list[int]) -> str:
    """Return text from UTF-16 units or code points, whichever pdfium gave, in base letters."""
    text = "".join(map(chr, codes))
    if max(codes) < _FIRST_SURROGATE:
        return text
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "ignore")
    return "".join(
        unicodedata.normalize("NFKC", c) if any(a <= ord(c) <= b for a, b in _SHAPES) else c
        for c in text
    )
