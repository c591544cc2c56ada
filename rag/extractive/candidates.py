"""What of passages may be quoted, and what of a passage belongs to each piece."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from rag.chunking.pieces import MAX_PIECE, pieces
from rag.documents import Passage
from rag.extractive.said import DENIED, Said, terms_of
from rag.structure.clause_numbers import named
from rag.structure.clauses import COLONS, Clauses, is_item, is_row, items_end
from rag.structure.headings import LEADS_ON, Standing, is_greeting, only_leads
from rag.structure.letters import (
    GREETING,
    SENDER,
    SIGNER,
    AskedOfLetter,
    LetterPart,
    asked_of_letter,
    letter_parts,
)
from rag.terms.analysis import terms
from rag.terms.identifiers import identifiers
from rag.text.lines import is_setting
from rag.text.plain import without_markup
from rag.text.table_rows import TableRows, key_before

MAX_PARTS = 24  # of a letter whose words are read with one of them
MAX_CLOSING = 60  # code points of a closing formula with its name on the line
STATEMENT = 4  # terms beyond the question's that make a lead-in say something by itself

NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot|least|except|fail\w*"
    r"|unable|unlike\w*|lack\w*|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
#: How a sentence begins that goes on about what the one before it is about.
_GOES_ON = re.compile(
    r"(?:it|its|they|their|theirs|he|she|his|her|hers|this|these|both"
    r"|er|sie|es|ihre?[mnrs]?|seine?[mnrs]?|dies\w{0,2}|deren|dessen"
    r"|su|sus|\u00e9l|ellas?|ellos|est[aeo]s?|ambos"
    r"|il|elle|ils|elles|sa|son|ses|leurs?|c(?:e|et|ette|es)"
    r"|zijn|hun|deze?|dit|hij|ze|den|det|dens|dess)(?=\s|['\u2019])",
    re.IGNORECASE,
)


class Candidate(NamedTuple):
    """
    A span of a passage that may be quoted.

    *context* is what leads to it, such as a line that ends with a colon; *path* are the headings
    and keys that it stands under, and *greeting* says whom a letter is to. *row* is a row of a
    table with the names of its columns, empty for all else. *terms* are its own, with those of what
    leads to it at once; *above* are those of the path, of the title, of the greeting, and of the
    sentence that a pronoun goes back to; *near* are those of the last of the path. A *record* is a
    row, or a line of a log or of settings: its neighbours tell nothing of it. What is quoted
    reaches to *stop*, 0 for *end*: a lead-in has its first items with it, and a clause what belongs
    to it. *clause* tells how well it is the one that the question names, 0 for no clause.
    *sectioned* tells that its passage has headings, or is a letter. *wanted* tells that it is the
    part of a letter that is asked for.
    """

    source: int
    start: int
    end: int
    text: str
    context: str
    terms: frozenset[str]
    row: str = ""
    record: bool = False
    stop: int = 0
    clause: int = 0
    path: tuple[str, ...] = ()
    above: frozenset[str] = frozenset()
    near: frozenset[str] = frozenset()
    sectioned: bool = False
    greeting: str = ""
    wanted: bool = False

    @property
    def shown(self) -> str:
        """How an answer says it: without markup, a row of a table with the names of its columns."""
        return self.row or without_markup(self.text, row=self.record)

    @property
    def read(self) -> str:
        """What is read of it: with what belongs to it."""
        path = [words for words in self.path if words not in self.context]
        return " ".join(filter(None, (*path, self.greeting, self.context, self.shown)))


def candidates(
    question: str, passages: Sequence[Passage], wanted: frozenset[str]
) -> list[Candidate]:
    """
    List what may be quoted, in order of rank and place.

    What only leads to an answer is no answer: a question, a line that ends with a colon, a
    heading, a greeting, what says nothing but the question's words. Such text is read with what
    follows it, and quoted only where there is nothing else, or with its first items where it says
    something by itself. So is the header of a table, which is read with each of its rows. The
    clause or the step that a question names by its number is a candidate in any case.

    Args:
        question: What is asked.

        passages: In rank order.

        wanted: The terms of the question.
    """
    languages = sorted({passage.language for passage in passages})
    reader = _Reader(question, wanted, asked_of_letter(question, wanted, languages))
    for source, passage in enumerate(passages):
        reader.read(source, passage)
    return reader.found or reader.leads


class _Reader:
    """Separate the pieces that may be quoted from those that only lead to them."""

    def __init__(self, question: str, wanted: frozenset[str], asked: AskedOfLetter) -> None:
        self.found: list[Candidate] = []
        self.leads: list[Candidate] = []
        self._wanted = wanted
        self._asked = named(question)
        self._of_letter = asked
        negated = any(pattern.search(question) for pattern in (NEGATION, DENIED))
        self._said = Said(wanted, negated=negated, named=bool(identifiers(question)))

    def read(self, source: int, passage: Passage) -> None:
        """Add the pieces of a passage."""
        spans = pieces(passage.text)
        clauses = Clauses(passage.text, spans, self._asked) if self._asked else None
        place = _Place(source, passage, self._said)
        letter = _Letter(letter_parts(passage.text), self._of_letter)
        known = self._wanted | self._said.title(passage.title, passage.language)
        for at, (start, end) in enumerate(spans):
            if letter.parts and letter.has(start, end):
                if part := letter.next():
                    self.found.append(place.part(part, letter))
                continue
            following = spans[at + 1] if at + 1 < len(spans) else None
            one, held, leads_on = place.read(start, end, following)
            if clauses is not None and clauses.level(at):
                self.found.append(self._clause(one, clauses, at, passage.language))
            elif leads_on or held <= known:
                self.leads.append(one)
                if leads_on and one.text.endswith(COLONS) and len(held - known) >= STATEMENT:
                    stop = items_end(passage.text, spans, at, most=MAX_PIECE)
                    self.found.append(one._replace(stop=stop))
            else:
                self.found.append(one)
            place.leave(one, held, leads=leads_on or held <= known)

    def _clause(self, one: Candidate, clauses: Clauses, at: int, language: str) -> Candidate:
        """Return the candidate for a clause: it has the words that the question names it with."""
        words = self._asked.words if self._asked else ""
        return one._replace(
            terms=one.terms.union(terms(words, language), terms(words)),
            stop=one.end if one.record else clauses.end(at, most=MAX_PIECE),
            clause=clauses.level(at),
        )


class _Letter:
    """The parts of a letter around its text, as its passage is read piece by piece."""

    def __init__(self, parts: Sequence[LetterPart], asked: AskedOfLetter) -> None:
        self.parts = [part for part in parts if part.role != GREETING]
        #: What they tell.
        self.told = [part.told for part in parts[:MAX_PARTS]]
        self.greeting = next((part.told for part in parts if part.role == GREETING), "")
        self.asked = asked
        self._at = 0
        self._told = -1  # which part was told last

    def has(self, start: int, end: int) -> bool:
        """Return True if a piece lies in a part, or is a closing with a name behind it."""
        while self._at < len(self.parts) and self.parts[self._at].end <= start:
            self._at += 1
        if self._at == len(self.parts):
            return False
        part = self.parts[self._at]
        within = part.start <= start and end <= part.end
        closing = end == part.end and 0 <= part.start - start <= MAX_CLOSING
        return within or closing

    def next(self) -> LetterPart | None:
        """Return the part that the piece lies in, once."""
        told, self._told = self._told, self._at
        return self.parts[self._at] if told != self._at else None

    def tells(self, part: LetterPart) -> bool:
        """Return True if a part tells all that is asked for: a letterhead does not, who wrote."""
        signed = any(other.role == SIGNER for other in self.parts)
        return part.role != SENDER or part.field or not signed


class _Place:
    """Where one is while reading a passage: what the next piece stands under and goes on about."""

    def __init__(self, source: int, passage: Passage, said: Said) -> None:
        self._source = source
        self._passage = passage
        self._said = said
        self._language = passage.language
        self._title = said.title(passage.title, passage.language)
        self._possible = said.possible(passage.text, passage.language)
        self._rows = TableRows(passage)
        self._standing = Standing(passage)
        self._context, self._lead, self._items = "", frozenset[str](), False
        self._greeting = ""
        self._base = self._title  # with whom a letter is to
        self._last: tuple[tuple[str, ...], frozenset[str], frozenset[str]] = (
            (), self._title, self._title,
        )  # fmt: skip
        self._before = frozenset[str]()
        self._alone = False  # the piece read last leads nothing
        self._heading = False  # it is a heading

    def read(
        self, start: int, end: int, following: tuple[int, int] | None
    ) -> tuple[Candidate, frozenset[str], bool]:
        """Return the next piece, its own terms, and whether it only leads to others."""
        text, language = self._passage.text[start:end], self._language
        heading = self._standing.read(start, end, following)
        self._heading = heading
        cells = self._rows.cells(start, end)
        record = cells is not None or _is_record(text)
        key = key_before(self._passage.text, start) if record and not cells else ""
        held = terms_of(f"{key} {text}" if key else text, language)
        if self._items and not (record or is_item(text)):
            self._context, self._lead, self._items = "", frozenset(), False
        if cells is not None:
            own = self._said.cells(cells, language)
        elif record:
            own = self._said.record(f"{key} {text}", language)
        else:
            own = self._said.beside(held, text, language, self._possible)
        path, above, near = self._over(heading=heading)
        goes_on = self._before if _GOES_ON.match(text) else frozenset[str]()
        one = Candidate(
            self._source, start, end, text, self._context,
            self._lead | own if self._lead else own,
            self._said.row(cells, language) if cells else key and f"{key}; {without_markup(text)}",
            record, path=path, above=above | goes_on if goes_on else above, near=near,
            sectioned=self._standing.sectioned or bool(self._greeting), greeting=self._greeting,
        )  # fmt: skip
        self._before = frozenset() if record or heading else goes_on | held if goes_on else held
        return one, held, self._leads_on(one, heading=heading)

    def part(self, part: LetterPart, letter: _Letter) -> Candidate:
        """Return a part of a letter; its words stand above what follows."""
        held = self._said.title(part.told, self._language)
        around = (self._said.title(words, self._language) for words in letter.told)
        asked = letter.asked.of(part)
        one = Candidate(
            self._source, part.start, part.end, self._passage.text[part.start : part.end], "",
            held | asked, part.told, True, above=self._base.union(*around), sectioned=True,
            greeting=letter.greeting, wanted=bool(asked) and letter.tells(part),
        )  # fmt: skip
        self._over_all(held)
        self._before, self._context, self._lead = frozenset(), "", frozenset()
        return one

    def _over_all(self, held: frozenset[str]) -> None:
        """Take words for some that stand above all that follows."""
        self._base |= held
        self._last = ((), self._base, self._title)

    def leave(self, one: Candidate, held: frozenset[str], *, leads: bool) -> None:
        """Go on to the next piece: a piece that *leads* is read with what follows it."""
        if one.record or self._alone:  # what leads to a table leads to all its rows
            return
        if leads:
            # A heading stands above all that follows, a question above what answers it.
            titled = self._heading and not one.text.endswith(LEADS_ON)
            self._context, self._lead = one.text, frozenset() if titled else held
            self._items = one.text.endswith(COLONS)
        elif not self._items:
            self._context, self._lead = "", frozenset()

    def _leads_on(self, one: Candidate, *, heading: bool) -> bool:
        """Return True if a piece says nothing by itself; notes whom a letter is to."""
        if self._rows.is_header(one.start, one.end):
            self._alone = True
            return True
        group = not heading and self._standing.enter_key(one.start, one.end)
        empty = only_leads(one.text)
        if empty and is_greeting(one.text):
            self._greeting = one.text
            self._over_all(self._said.words(one.text, self._language))
        self._alone = empty or group
        return heading or self._alone or (not one.record and one.text.endswith(LEADS_ON))

    def _over(self, *, heading: bool) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
        """Return the path to a piece, the terms above it, and those of what is right above it."""
        path = self._standing.path[:-1] if heading else self._standing.path
        if path != self._last[0]:
            over = [self._said.title(words, self._language) for words in path]
            near = over[-1] if over else self._title
            self._last = (path, self._base.union(*over) if over else self._base, near)
        return self._last


@lru_cache(maxsize=8_192)
def _is_record(text: str) -> bool:
    """Return True if a piece is a row, a record, or one line of settings."""
    if is_row(text):
        return True
    return "\n" not in text and (":" in text or "=" in text) and is_setting(text)


def quoted(one: Candidate, passage: Passage) -> Candidate:
    """Return a candidate as it is quoted: with what belongs to it."""
    if one.stop <= one.end:
        return one
    text = passage.text[one.start : one.stop]
    return one._replace(end=one.stop, text=text, row="")
