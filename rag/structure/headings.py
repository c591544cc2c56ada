"""What the pieces of a passage stand under: headings, questions, keys; and what only leads on."""

import re
from bisect import bisect_right
from collections.abc import Sequence

from rag.documents import Passage
from rag.structure.clauses import COLONS, HEADING, is_row, is_title
from rag.structure.run_in import goes_on, is_run_in
from rag.structure.sections import opened, parted, written
from rag.text.lines import is_setting
from rag.text.plain import without_markup

MAX_HEADING_CHARACTERS = 80
LEADS_ON = ("?", "\uff1f", *COLONS)

#: Levels of what is no heading of the document's own, below all that are.
_QUESTION, _BARE, _RUN_IN = 8, 7, 9
#: Pieces that stand under a question of a list of them, where no other one follows.
_MOST_UNDER_QUESTION = 6
_MOST_WORDS = 8
#: Code points of a greeting.
_LONGEST_FORMULA = 100

_BOLD_LINE = re.compile(r"(?:\*\*|__)[^*_\n]{1,80}(?:\*\*|__):?")
_INI = re.compile(r"\[{1,2}[^\[\]\n]{1,80}\]{1,2}")
_BARE_KEY = re.compile(r"(?:- )?[\"']?[\w][\w .\"'/-]{0,60}[\"']?:(?: [|>&][\w-]*)?")
_GREETING = re.compile(
    r"(?:dear|hello|hi|good (?:morning|afternoon|day|evening)|to whom it may concern"
    r"|sehr geehrte[rs]?|liebe[rs]?|hallo|guten (?:tag|morgen|abend)|moin"
    r"|estimad[oa]s?|querid[oa]s?|apreciad[oa]s?|buen(?:os|as) (?:d[ií]as|tardes)|muy señor(?:es)?"
    r"|ch(?:er|ère|ers|ères)|bonjour|madame|monsieur|mesdames|messieurs"
    r"|gentil[ei]|egregi[oa]?|spett|car[oaie]|buongiorno|prezad[oa]s?|car[oa]s|exm[oa]"
    r"|geachte|beste|kære|kära|hei|hej|bästa|szanown[aiy]\w*|drog[ai]"
    r"|vážen[ýíá]\w*)\b[^.?!\n]{0,80}",
    re.IGNORECASE,
)
_CLOSING = re.compile(
    r"(?:yours (?:sincerely|faithfully|truly)|(?:kind|best|warm) (?:regards|wishes)|regards"
    r"|sincerely(?: yours)?|many thanks|with (?:kind|best) (?:regards|wishes)"
    r"|(?:mit )?(?:freundlichen|besten|herzlichen|lieben|viele|beste) gr(?:ü|ue)(?:ß|ss)en?"
    r"|hochachtungsvoll"
    r"|(?:muy )?atentamente|(?:un )?(?:cordial )?saludos?(?: cordiales)?"
    r"|cordialement|bien à vous|(?:cordiali|distinti) saluti|atenciosamente"
    r"|met vriendelijke groet(?:en)?|(?:med )?vänliga hälsningar|(?:med )?venlig hilsen"
    r"|z poważaniem)"
    r"\b[^.?!:\n\d]{0,40}",
    re.IGNORECASE,
)
#: A line of a table of contents: a title, a leader, a page.
_CONTENTS = re.compile(
    r"[^\n]{1,150}?(?:\s?\.){3,}\s*\d{1,4}|[^\n]{1,150}?(?:\u2026|_{3,})\s*\d{1,4}"
)


class Standing:
    """
    Tracks the headings that each piece of a passage stands under, as one reads on.

    Headings are those that the document's parser found. A passage of an older index knows none:
    there Markdown's are known by their sign, and the bare first line of a passage. A question alone
    on its line, a line in bold and the name of a group of settings lead the pieces below them; a
    title on the line of what it heads leads the rest of its paragraph.
    """

    def __init__(self, passage: Passage) -> None:
        self._text = passage.text
        self._known = [(a - passage.start, b - passage.start, n) for a, b, n in passage.headings]
        self._starts = [start for start, _, _ in self._known]
        self._path = [(0, words) for words in parted(passage.section)]
        self._keys: list[tuple[int, str]] = []
        self._nested = "\n " in passage.text or "\n\t" in passage.text
        self._under = 0
        self._end = 0  # of the piece read last
        #: Whether the passage has headings of its document's own.
        self.sectioned = bool(passage.section or passage.headings)

    @property
    def path(self) -> tuple[str, ...]:
        """The headings and keys that are open, the highest first."""
        if not (self._path or self._keys):
            return ()
        return tuple(words for _, words in (*self._path, *self._keys) if words)

    def read(self, start: int, end: int, following: tuple[int, int] | None) -> bool:
        """Read the next piece; returns True if it is a heading, below those before it."""
        piece = self._text[start:end]
        if self._nested:
            self._leave_keys(start, piece)
        titled = self._under > 0 and bool(self._path) and self._path[-1][0] == _RUN_IN
        if titled and not goes_on(self._text, self._end, start):
            self._path.pop()
        self._end = end
        level = self._level(start, end, piece, following)
        if level:
            self.sectioned = self.sectioned or level < _BARE or level == _RUN_IN
            words = written(piece)
            self._path = opened(self._path, level, words.rstrip(".") if level == _RUN_IN else words)
            self._keys, self._under = [], 0
            return True
        self._under += 1
        if self._path and self._path[-1][0] == _QUESTION and self._under > _MOST_UNDER_QUESTION:
            self._path.pop()
        return False

    def enter_key(self, start: int, end: int) -> bool:
        """Take a piece for the name of a group that is set in below it, where it is one."""
        piece = self._text[start:end]
        if not self._nested or "\n" in piece:
            return False
        bare = _BARE_KEY.fullmatch(piece) is not None
        if bare or (piece.startswith("- ") and is_setting(piece[2:])):
            self._keys.append((self._indent(start), written(piece).rstrip(": |>")))
        return bare

    def _leave_keys(self, start: int, piece: str) -> None:
        """Leave the groups that a piece is not set in below."""
        indent = self._indent(start)
        if not piece.startswith("- "):
            while self._keys and self._keys[-1][0] >= indent:
                self._keys.pop()
            return
        # In YAML the items of a list may stand as far left as its name.
        while self._keys and (
            self._keys[-1][0] > indent
            or (self._keys[-1][0] == indent and ": " in self._keys[-1][1])
        ):
            self._keys.pop()

    def _indent(self, start: int) -> int:
        """Return how far a piece is set in that begins its line; one inside a line is far in."""
        line = self._text.rfind("\n", 0, start) + 1
        before = self._text[line:start]
        return start - line if not before.strip() else start - line + len(before)

    def _level(self, start: int, end: int, piece: str, following: tuple[int, int] | None) -> int:
        """Return the level of a heading, 0 for what is none."""
        at = bisect_right(self._starts, start) - 1
        if at >= 0 and start < self._known[at][1]:
            return self._known[at][2] if _may_be_heading(piece) else 0
        if piece[0] == "#" and (mark := HEADING.match(piece)):
            return mark.end() - 1
        long = len(piece) > 2 * MAX_HEADING_CHARACTERS
        if long or "\n" in piece:
            return 0
        if is_run_in(self._text, start, end, following):
            return _RUN_IN
        return self._level_of_line(start, end, piece, following)

    def _level_of_line(
        self, start: int, end: int, piece: str, following: tuple[int, int] | None
    ) -> int:
        """Return the level of a heading that has its line to itself, 0 for what is none."""
        if not self._is_line(start, end):
            return 0
        if piece.endswith(LEADS_ON[:2]):
            return _QUESTION
        return _BARE if self._is_unsigned(start, end, piece, following) else 0

    def _is_unsigned(
        self, start: int, end: int, piece: str, following: tuple[int, int] | None
    ) -> bool:
        """Return True if a line is a heading that Markdown has no sign for."""
        if piece[0] in "*_[" and (_BOLD_LINE.fullmatch(piece) or _INI.fullmatch(piece)):
            return True
        if len(piece) <= MAX_HEADING_CHARACTERS and is_title(self._text, start, end):
            return True
        return self._is_bare(start, end, piece, following)

    def _is_line(self, start: int, end: int) -> bool:
        """Return True if a piece has its line to itself."""
        line = self._text.rfind("\n", 0, start) + 1
        return not self._text[line:start].strip() and self._text[end : end + 1] in ("", "\n")

    def _is_bare(self, start: int, end: int, piece: str, following: tuple[int, int] | None) -> bool:
        """Return True if a line without a sign is a heading: first, or between blank lines."""
        bare = piece[-1] not in '.!?,;\u3002\uff01\u2026"\u201d)' and piece[0].isalpha()
        if not bare or len(piece) > MAX_HEADING_CHARACTERS or following is None:
            return False
        if not self._text[:start].strip():
            below = self._text[end + 1 :].partition("\n")[0].strip()
            return not (is_setting(piece) and is_setting(below)) and not is_row(piece)
        before = self._text[:start].rstrip(" ")
        apart = before.endswith("\n\n") and self._text[end : end + 2] == "\n\n"
        if not apart or self._known or piece.endswith(COLONS) or not piece[0].isupper():
            return False
        if len(piece.split()) > _MOST_WORDS or any(map(str.isdigit, piece)) or is_row(piece):
            return False
        below = self._text[slice(*following)]
        return below[-1] in ".!:;\u3002" and len(below) > len(piece)


def path_at(passage: Passage, spans: Sequence[tuple[int, int]], place: int) -> tuple[str, ...]:
    """Return the headings and keys above the piece of *spans* that begins at *place*."""
    standing = Standing(passage)
    for at, (start, end) in enumerate(spans):
        if start == end:
            continue
        heading = standing.read(start, end, spans[at + 1] if at + 1 < len(spans) else None)
        if start >= place:
            return standing.path[:-1] if heading else standing.path
        if not heading:
            standing.enter_key(start, end)
    return ()


def only_leads(piece: str) -> bool:
    """Return True if a piece says nothing by itself: a greeting, a line of a table of contents."""
    if piece[-1].isdigit():
        return _CONTENTS.fullmatch(piece) is not None
    return len(piece) <= _LONGEST_FORMULA and (is_greeting(piece) or is_closing(piece))


def is_greeting(piece: str) -> bool:
    """Return True if a piece is what a letter begins with."""
    return piece[-1] in ",!:\uff0c" and _GREETING.fullmatch(piece) is not None


def is_closing(piece: str) -> bool:
    """Return True if a piece is what a letter ends with, names left out."""
    return piece[-1] not in ".?:" and _CLOSING.fullmatch(piece) is not None


def _may_be_heading(piece: str) -> bool:
    """Return True if what a parser took for a heading is short enough to be one."""
    return len(without_markup(piece)) <= 2 * MAX_HEADING_CHARACTERS
