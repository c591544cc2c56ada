"""PDF: headers and footers that repeat from page to page."""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from adapters.parsing.pdf.characters import Word
from adapters.parsing.pdf.lines import line_of, rows_of

_ROWS = 3  # so many rows at the top and at the bottom may repeat
_TOP, _BOTTOM = 0.15, 0.15  # in these parts of the page's height
_APART = 1.5  # distance from the text, in font sizes
_NUMBER = re.compile(r"\d+")
_ROMAN = re.compile(r"[ivxlc]{1,7}|[IVXLC]{1,7}")
_LETTERS = re.compile(r"[^\W\d_]+")
_PAGE_WORD = re.compile(
    r"page|pages|of|p|pp|pg|seite|seiten|von|s|página|pagina|páginas|pagine|de|di|da|van|sur|"
    r"folio|strana|str|z|sida|sivu|side|av|af|stranica|oldal|pag|sayfa|стр|страница|из",
)
_PLACE = 4.0  # points that a running line may stand higher or lower
_SURE = 3  # pages that have it


@dataclass(slots=True)
class Sheet:
    """The words of a page in its main direction, and how high the page is there."""

    words: list[Word]
    low: float
    high: float


@dataclass(slots=True, eq=False)
class _Candidate:
    """A row near the top or bottom of a page; *rank* counts from the edge."""

    page: int
    top: bool
    rank: int
    text: str
    base: float
    words: list[Word]


class RunningLines:
    """Finds running lines in groups of pages; what was found before is found again."""

    def __init__(self) -> None:
        self.found = False
        self._seen: dict[tuple[bool, str], float] = {}

    def taken_out(self, sheets: Sequence[Sheet], *, first: int) -> list[list[str]]:
        """
        Take the running lines out of the words of pages that follow each other.

        Returns:
            For each page the lines that appear for the first time, without mere page numbers.
        """
        groups: dict[tuple[bool, str], list[_Candidate]] = defaultdict(list)
        pages = [list(_candidates(sheet, first + n)) for n, sheet in enumerate(sheets)]
        for candidate in (c for page in pages for c in page):
            groups[candidate.top, _key(candidate.text)].append(candidate)
        running: set[_Candidate] = set()
        written = sum(bool(sheet.words) for sheet in sheets)
        for key, group in groups.items():
            running.update(self._repeated(key, group, written))
        found = [self._edges(page, running) for page in pages]
        empty = sum(
            sum(len(c.words) for c in rows) == len(sheet.words) > 0
            for rows, sheet in zip(found, sheets, strict=True)
        )
        if 2 * empty > written:
            return [[] for _ in sheets]  # pages that are all alike
        return [self._removed(sheet, rows) for sheet, rows in zip(sheets, found, strict=True)]

    def _repeated(
        self, key: tuple[bool, str], group: list[_Candidate], pages: int
    ) -> Iterable[_Candidate]:
        """Yield the rows of *group* that repeat at one height, with numbers that count pages."""
        for alike in _alike(group):
            base = sorted(c.base for c in alike)[len(alike) // 2]
            level = [c for c in alike if abs(c.base - base) <= _PLACE]
            count = len({c.page for c in level})
            known = key in self._seen and abs(self._seen[key] - base) <= _PLACE
            both = count == pages == 2 and all(c.rank == 0 for c in level)  # noqa: PLR2004
            if known or both or count >= _SURE or (count > 1 and _is_number(key[1])):
                yield from level

    def _edges(self, page: list[_Candidate], running: set[_Candidate]) -> list[_Candidate]:
        """Return the running lines of a page: from its edge on, as far as all rows are such."""
        found: dict[int, _Candidate] = {}
        for top in (True, False):
            edge: list[_Candidate] = []
            for row in sorted((c for c in page if c.top == top), key=lambda c: c.rank):
                if row not in running or row.rank == _ROWS:
                    if edge and _near(edge[-1], row):
                        edge.pop()  # it stands close to the text: its first line
                    break
                edge.append(row)
            found |= {id(row.words[0]): row for row in edge}
        return list(found.values())

    def _removed(self, sheet: Sheet, rows: list[_Candidate]) -> list[str]:
        """Take rows out of a page; returns those that were not seen before."""
        new: list[str] = []
        gone: set[int] = set()
        for row in rows:
            key = (row.top, _key(row.text))
            if key not in self._seen and not _is_number(key[1]):
                new.append(row.text)
            self._seen[key] = row.base
            gone.update(map(id, row.words))
        if gone:
            self.found = True
            sheet.words[:] = [word for word in sheet.words if id(word) not in gone]
        return new


def _candidates(sheet: Sheet, page: int) -> Iterable[_Candidate]:
    """Yield the rows at the top and the bottom of a page that may be running lines."""
    height = sheet.high - sheet.low
    if height <= 0:
        return
    for top in (True, False):
        line = sheet.high - _TOP * height if top else sheet.low + _BOTTOM * height
        words = [w for w in sheet.words if (w.base >= line if top else w.base <= line)]
        rows = rows_of(words)
        if not top:
            rows.reverse()
        for rank, row in enumerate(rows[: _ROWS + 1]):
            made = line_of(row)
            yield _Candidate(page, top, rank, made.text, made.base, row)


def _near(row: _Candidate, text: _Candidate) -> bool:
    """Return True if a row stands as close to the next one as lines of a text do."""
    size = max(word.size for word in (*row.words, *text.words))
    return abs(row.base - text.base) < _APART * size


def _key(text: str) -> str:
    """Return *text* without its numbers."""
    if _ROMAN.fullmatch(text.strip(" -–—.")):  # noqa: RUF001 - dashes are meant
        return "#"
    return " ".join(_NUMBER.sub("#", text).lower().split())


def _is_number(key: str) -> bool:
    """Return True if a line is nothing but the number of its page."""
    return "#" in key and all(map(_PAGE_WORD.fullmatch, _LETTERS.findall(key)))


def _alike(group: list[_Candidate]) -> list[list[_Candidate]]:
    """Part rows whose numbers neither stay nor count the pages."""
    parts: dict[tuple[int | str, ...], list[_Candidate]] = defaultdict(list)
    numbers = [_NUMBER.findall(c.text) for c in group]
    if len(set(map(len, numbers))) > 1:  # Roman page numbers beside others
        return [group]
    columns = list(zip(*numbers, strict=True)) if numbers else []
    counting = []
    for column in columns:
        same = len(set(column))
        steady = len({_after(number, c.page) for number, c in zip(column, group, strict=True)})
        counting.append(steady < same)
    for c, row in zip(group, numbers, strict=True):
        name = tuple(
            _after(number, c.page) if counts else number
            for number, counts in zip(row, counting, strict=True)
        )
        parts[name].append(c)
    return list(parts.values())


def _after(number: str, page: int) -> int:
    """Return how far a number is ahead of the page's."""
    return int(number[:9]) - page
