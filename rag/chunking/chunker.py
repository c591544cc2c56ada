"""Cutting a document into chunks: by its structure and sentences, within a budget of tokens."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from rag.documents import PAGE_KINDS, Block, Chunk, Page, ParsedDocument, indexed_text
from rag.ports import TokenCounter
from rag.structure.sections import Sections
from rag.text.sentences import sentence_spans
from rag.text.spans import trimmed
from rag.text.table_headers import TableHeaders
from rag.text.token_counts import token_counts

_VERSION = 3  # raise it whenever equal settings could give other chunks

# Tokenisers call a run of letters without end one unknown token; chunks have to end all the same.
_CHARACTERS_PER_TOKEN = 20
_ATOM_SHARE = 4  # an atom joins neighbours up to this part of the budget, in characters
_MOST_ATOMS = 64  # of one chunk: bounds the search in texts made of crumbs

# What a cut or a join costs; the unit is one chunk left wholly empty.
_EACH_CHUNK = 0.1
_CUT_SENTENCE = 1.0
_CUT_BLOCK = 0.3
_JOIN_SIBLING = 0.65
_JOIN_CHILD = 0.4
_LONELY_HEADING = 100.0  # or header of a table
_MIXED_SECTIONS = 1000.0

_CUTS = {"block": 0.0, "rows": _CUT_BLOCK, "sentence": _CUT_BLOCK, "part": _CUT_SENTENCE}

_LONGEST_LABEL = 80  # code points of what a page is called: each of its chunks has it

_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Atom:
    """
    The smallest piece that packing moves: a heading, or some sentences of one block.

    *level* is that of a heading, 0 for text; *starts* tells what begins here: a `block`, the `rows`
    below a table's header, a `sentence`, or a `part` of a sentence longer than a chunk. *lead* is
    what a chunk that begins here takes for the header of its table.
    """

    start: int
    end: int
    cost: int
    level: int
    starts: str
    lead: int = 0


@dataclass(frozen=True, slots=True)
class Chunker:
    """
    Cuts documents into chunks of at most *max_tokens*, title included, as the embedder counts.

    Every character that is not white space is in exactly one chunk. A heading begins a chunk and
    stays with the text below it; small sections join following siblings and their own children.
    A table is cut between rows, and a chunk of rows without the header of their table has that for
    its context, which counts like the title.
    Where to cut is chosen as TeX breaks a paragraph into lines (Knuth and Plass, 1981): the cuts
    of least total cost, so that chunks are full, alike in size, and end with blocks or sentences.
    """

    max_tokens: int = 220

    @property
    def fingerprint(self) -> str:
        """Change whenever the chunks of some document could."""
        return f"chunker-{_VERSION}:{self.max_tokens}"

    def chunk(self, document: ParsedDocument, *, title: str, counter: TokenCounter) -> list[Chunk]:
        """
        Return the chunks of *document* in order, none for a document of white space.

        Raises:
            ValueError: *title* leaves no room for text; shorten it with `fit_title` first.
        """
        if span := self._whole(document, title, counter):
            spans, headers = [span], TableHeaders(document, counter, budget=0)  # it has none
        else:
            spans, headers = self._cut(document, title, counter)
        starts = [page.start for page in document.pages]
        sections = Sections(document, title=title)
        chunks = []
        for n, (start, end) in enumerate(spans):
            at = bisect_right(starts, start) - 1
            page = document.pages[at] if at >= 0 else None
            context, _ = headers.at(start)
            chunks.append(
                Chunk(
                    n, start, end, document.text[start:end], page.number if page else None,
                    context=context, headers=headers.within(start, end),
                    page_label=_label(page) if page else "",
                    page_kind=PAGE_KINDS.get(document.kind, "") if page else "",
                    section=sections.at(start), headings=sections.within(start, end),
                )
            )  # fmt: skip
        return chunks

    def _whole(
        self, document: ParsedDocument, title: str, counter: TokenCounter
    ) -> tuple[int, int] | None:
        """
        Return the span of a document that one chunk holds, None where that takes a closer look.

        What `_cut` would return, for one count in place of many. Without headings and tables inside
        nothing is won by a cut: two chunks of shares a and b cost 1.1 - 2ab more than both in one,
        and the product is at most a quarter.
        """
        text = document.text
        start, end = trimmed(text, 0, len(text))
        # Of two neighbouring atoms, both together are longer than what would have joined them.
        atoms = 2 * (end - start) // _joined_up_to(self.max_tokens) + 2
        if start == end or atoms > _MOST_ATOMS:
            return None
        for block in document.blocks:
            if block.header or (block.kind == "heading" and block.start > start):
                return None
        tokens = counter.count_tokens([indexed_text(title, text[start:end])])[0]
        # An atom counts at least one token, and one for so many characters.
        most = tokens + atoms + (end - start) // _CHARACTERS_PER_TOKEN
        return (start, end) if most <= self.max_tokens else None

    def _cut(
        self, document: ParsedDocument, title: str, counter: TokenCounter
    ) -> tuple[list[tuple[int, int]], TableHeaders]:
        """Return the spans of least cost, in order, and the headers of the document's tables."""
        budget = self.max_tokens - _title_tokens(title, counter)
        if budget < 1:
            raise ValueError(f"a title of {len(title)} characters leaves no room for text")
        headers = TableHeaders(document, counter, budget=budget)
        groups = _packed(self._atoms(document, budget, counter, headers), budget)
        return self._verified(document.text, groups, title, counter, headers), headers

    def _atoms(
        self, document: ParsedDocument, budget: int, counter: TokenCounter, headers: TableHeaders
    ) -> list[_Atom]:
        """Return the atoms of the document, each within a *budget* of tokens."""
        pieces = _pieces(document, most=_joined_up_to(self.max_tokens))
        text = document.text
        costs = _costs(text, [(start, end) for start, end, _, _ in pieces], counter)
        atoms: list[_Atom] = []
        for (start, end, level, starts), cost in zip(pieces, costs, strict=True):
            _, lead = headers.at(start)
            if cost + lead <= budget:
                atoms.append(_Atom(start, end, cost, level, starts, lead))
                continue
            broken = _broken(text, start, end, budget - lead, counter)
            for n, (first, last, share) in enumerate(broken):
                atoms.append(
                    _Atom(first, last, share, 0 if n else level, "part" if n else starts, lead)
                )
        return atoms

    def _verified(
        self,
        text: str,
        groups: list[list[_Atom]],
        title: str,
        counter: TokenCounter,
        headers: TableHeaders,
    ) -> list[tuple[int, int]]:
        """Return the groups' spans, halved where joining made the count larger than its parts."""
        done: list[tuple[int, int]] = []
        queue = groups
        while queue:
            spans = [(group[0].start, group[-1].end) for group in queue]
            texts = [
                indexed_text(title, text[start:end], headers.at(start)[0]) for start, end in spans
            ]
            again: list[list[_Atom]] = []
            for group, span, tokens in zip(queue, spans, token_counts(texts, counter), strict=True):
                too_long = span[1] - span[0] > self.max_tokens * _CHARACTERS_PER_TOKEN
                if tokens <= self.max_tokens and not (too_long and span[1] - span[0] > 1):
                    done.append(span)
                else:
                    again.extend(_halved(text, group))
            queue = again
        return sorted(done)


def fit_title(title: str, counter: TokenCounter, limit: int) -> str:
    """Return *title*, cut at a word (or, in a first word too long, a letter) to *limit* tokens."""
    title = " ".join(title.split())
    # No tokeniser makes more tokens of ASCII than characters, and one before and after.
    if title.isascii() and len(title) + 2 <= limit:
        return title
    cut = [m.start() for m in _SPACE.finditer(title)] + [len(title)]

    def tokens(end: int) -> int:
        return counter.count_tokens([title[:end] + "\n"])[0]

    for ends in (cut, range(cut[0] + 1)):
        if fitting := bisect_right(ends, limit, key=tokens):
            return title[: ends[fitting - 1]]
    return ""


def _joined_up_to(max_tokens: int) -> int:
    """Return the characters up to which neighbouring sentences are one atom."""
    return max(1, max_tokens // _ATOM_SHARE)


def _label(page: Page) -> str:
    """Return what a page is called, on one line of bounded length."""
    label = " ".join(page.label.split())
    return label if len(label) <= _LONGEST_LABEL else label[: _LONGEST_LABEL - 1] + "\u2026"


def _title_tokens(title: str, counter: TokenCounter) -> int:
    """Count what the title takes from each chunk."""
    return counter.count_tokens([indexed_text(title, "")])[0] if title else 0


def _costs(text: str, spans: Sequence[tuple[int, int]], counter: TokenCounter) -> list[int]:
    """Return what each span takes of a budget: its tokens, or more where letters never end."""
    tokens = token_counts([text[start:end] for start, end in spans], counter)
    return [
        max(1, count, (end - start) // _CHARACTERS_PER_TOKEN)
        for count, (start, end) in zip(tokens, spans, strict=True)
    ]


def _pieces(document: ParsedDocument, *, most: int) -> list[tuple[int, int, int, str]]:
    """Return (start, end, heading level, what starts) of headings, sentences and crumbs joined."""
    pieces: list[tuple[int, int, int, str]] = []
    for block in _covering(document):
        if block.kind == "heading":
            bare = _bare(document.text, block.start, block.end)
            pieces.extend((start, end, max(1, block.level), "block") for start, end in bare)
            continue
        starts = "block"
        for start, end in _sentences(document.text, block):
            last = pieces[-1] if pieces else None
            if last and not last[2] and end - last[0] <= most:
                pieces[-1] = (last[0], end, 0, last[3])
            else:
                pieces.append((start, end, 0, starts))
            starts = "rows" if block.header and starts == "block" else "sentence"
    return pieces


def _sentences(text: str, block: Block) -> list[tuple[int, int]]:
    """Return the sentences of prose, the lines of code and tables, trimmed."""
    if block.kind not in ("code", "table"):
        return sentence_spans(text, block.start, block.end)
    # The lines that name a table's columns are of no use one by one.
    at = block.start + block.header
    lines = _bare(text, block.start, at)
    while at < block.end:
        stop = text.find("\n", at, block.end)
        stop = block.end if stop < 0 else stop
        lines.extend(_bare(text, at, stop))
        at = stop + 1
    return lines


def _covering(document: ParsedDocument) -> list[Block]:
    """Return the document's blocks, with paragraphs for any text that no block holds."""
    blocks: list[Block] = []
    at = 0
    for block in [*document.blocks, None]:
        start = block.start if block else len(document.text)
        blocks.extend(Block("paragraph", *span) for span in _bare(document.text, at, start))
        if block:
            blocks.append(block)
            at = block.end
    return blocks


def _bare(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Return the span without the white space around it, or nothing if it is all white space."""
    first, last = trimmed(text, start, end)
    return [(first, last)] if first < last else []


def _broken(
    text: str, start: int, end: int, budget: int, counter: TokenCounter
) -> list[tuple[int, int, int]]:
    """Break a sentence that is too long at words, or at letters, into (start, end, cost)."""
    done: list[tuple[int, int, int]] = []
    queue = [(start, end)]
    while queue:
        again: list[tuple[int, int]] = []
        for (first, last), cost in zip(queue, _costs(text, queue, counter), strict=True):
            if cost <= budget:
                done.append((first, last, cost))
            else:
                again.extend(_parts(text, first, last, -(-cost // budget)))
        queue = again
    return sorted(done)


def _parts(text: str, start: int, end: int, parts: int) -> list[tuple[int, int]]:
    """Cut a span into about *parts* equal ones, at white space where there is some nearby."""
    if end - start < 2:  # noqa: PLR2004 - one character cannot be halved
        raise ValueError(f"the character {text[start:end]!r} alone has too many tokens")
    parts = min(max(2, parts), end - start)
    cuts = [start]
    for n in range(1, parts):
        aim = start + (end - start) * n // parts
        low = max(cuts[-1] + 1, start + (end - start) * (2 * n - 1) // (2 * parts))
        space = [m.end() for m in _SPACE.finditer(text, low, aim)][-1:]
        cuts.append(space[0] if space else max(aim, cuts[-1] + 1))
    cuts.append(end)
    return [span for a, b in pairwise(cuts) for span in _bare(text, a, b)]


def _halved(text: str, group: list[_Atom]) -> list[list[_Atom]]:
    """Cut a group between its atoms, or its only atom between words."""
    if len(group) > 1:
        middle = (group[0].start + group[-1].end) // 2
        cut = min(range(1, len(group)), key=lambda n: abs(group[n].start - middle))
        return [group[:cut], group[cut:]]
    atom = group[0]
    spans = _parts(text, atom.start, atom.end, 2)
    return [[_Atom(start, end, 0, 0, "part")] for start, end in spans]


def _packed(atoms: Sequence[_Atom], budget: int) -> list[list[_Atom]]:
    """Return the atoms in the runs of least total cost, none of them above the budget."""
    best = [0.0] + [float("inf")] * len(atoms)  # cost of packing the first n atoms
    cut = [0] * (len(atoms) + 1)  # where the last chunk of that packing begins
    opens = 0 if atoms and not atoms[0].level else -1  # text before the first heading is a root
    for first in range(len(atoms)):
        base = best[first] + _EACH_CHUNK
        top = atoms[first].level
        room = max(1, budget - atoms[first].lead)
        sized = 0
        joins = 0.0
        inside = False  # the chunk holds a heading with text before it
        text_seen = False
        for last in range(first, min(len(atoms), first + _MOST_ATOMS)):
            atom = atoms[last]
            sized += atom.cost
            if sized > room and last > first:
                break
            if atom.level and last > first:
                joins += _join_cost(atom.level, top, root=first == opens, text_seen=text_seen)
                inside = inside or text_seen
            text_seen = text_seen or not atom.level
            total = base + joins + ((room - sized) / room) ** 2
            if last + 1 < len(atoms):
                total += _cut_cost(atom, atoms[last + 1], inside=inside)
            if total < best[last + 1]:
                best[last + 1] = total
                cut[last + 1] = first
    groups: list[list[_Atom]] = []
    end = len(atoms)
    while end:
        groups.append(list(atoms[cut[end] : end]))
        end = cut[end]
    return groups[::-1]


def _join_cost(level: int, top: int, *, root: bool, text_seen: bool) -> float:
    """Return what it costs that a heading stands inside a chunk instead of at its start."""
    if not text_seen and level > top > 0:
        return 0.0  # a heading directly below its parent heading
    if root or level > top > 0:
        return _JOIN_CHILD
    return _JOIN_SIBLING if level == top else _MIXED_SECTIONS


def _cut_cost(atom: _Atom, following: _Atom, *, inside: bool) -> float:
    """Return what it costs to cut between two atoms."""
    if following.level:
        return 0.0
    cost = _CUTS[following.starts]
    if atom.level or following.starts == "rows":
        return cost + _LONELY_HEADING
    return cost + (_MIXED_SECTIONS if inside else 0.0)
