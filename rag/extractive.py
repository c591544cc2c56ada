"""The generator without weights: it answers with the sentences that answer, quoted and cited."""

import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from rag.analysis import query_alternatives, terms
from rag.citations import Citation
from rag.documents import Passage, indexed_text
from rag.ports import Embedder, Vectors
from rag.sentences import sentence_spans

MAX_PASSAGES = 5  # the gold passage is among the first five for 97 of 100 questions of SQuAD
MAX_QUOTES = 3
MAX_CHARACTERS = 700  # of the answer, markers included
MAX_QUOTE_CHARACTERS = 350
MAX_EMBEDDED = 8  # sentences, the most promising by their words: embedding is the slow part
QUOTE_FROM = 0.7  # of the best score: a weaker second or third quote is noise
ANSWERED_FROM = 0.3  # keeps 95 of 100 answerable questions of SQuAD answered

# The logistic regression of `_confidence`.
BIAS, COSINE, COVERAGE = -2.8, 4.5, 0.5
NEGATION, NUMBER, NAMES = -2.7, -0.8, -0.9

MAX_HEADING_CHARACTERS = 80

_MARKDOWN_HEADING = re.compile(r"#{1,6}\s")
_CLAUSE = re.compile(r"[;:,\u2013\u2014](?=\s)|[\u3001\uff0c\uff1b]|\n")
_REFERENCES = re.compile(r"(?:\[[\w ]{1,24}\])+$")
_NUMBER_WANTED = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|tall|high|large|big|often|fast)"
    r"|(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|age))\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|million|billion|first|second|third|half|once|twice|never|always|annually)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:not|never|no|none|nobody|nothing|neither|nor|without|cannot|least|except|fail\w*"
    r"|unable|unlike\w*|lack\w*|\w+n['\u2019]t)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=\s)[^\W\d_a-z]\w+")


@dataclass(frozen=True, slots=True)
class ExtractiveAnswer:
    """
    Quotes from the sources, each with its marker: `Sentence one. [1] Sentence two. [3]`.

    *confidence*, 0 to 1, says how likely the sources answer the question at all; *answered* is
    whether that is likely enough. Without it the quotes are the closest that was found.
    """

    text: str
    citations: tuple[Citation, ...]
    answered: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class _Candidate:
    """
    A span of a passage that may be quoted.

    *context* is what stands before it and belongs to it: the question or the heading it answers.
    """

    source: int
    start: int
    end: int
    text: str
    context: str
    terms: frozenset[str]


class ExtractiveGenerator:
    """
    Answers with one to three sentences of the first five passages, word for word.

    A sentence scores a third each for its meaning (cosine to the question, title and lead-in
    read with it), for its words (share of the question's terms it holds, rare ones counting
    more), and for its passage (score relative to the best). Fitting the three by logistic
    regression on SQuAD gives equal weights within a tenth, so they are equal.
    """

    def __init__(self, embedder: Embedder) -> None:
        """Answer with the meaning that *embedder* sees; a cached one makes questions cheap."""
        self._embedder = embedder

    def answer(self, question: str, passages: Sequence[Passage]) -> ExtractiveAnswer:
        """
        Quote what answers *question* from *passages*, which are in rank order.

        `[n]` is `passages[n - 1]`. Quotes are exact spans of the parsed text, at most 350 code
        points each, a longer sentence by clauses; the answer has at most 700, markers included.
        Equal input gives equal output. Without text to quote the answer is empty, not answered.
        """
        read = passages[:MAX_PASSAGES]
        wanted = query_alternatives(question, {passage.language for passage in read})
        candidates = _candidates(read, frozenset(chain.from_iterable(wanted)))
        if not candidates:
            return ExtractiveAnswer(text="", citations=(), answered=False, confidence=0.0)
        coverage = _coverage(candidates, wanted)
        prior = _priors(passages, candidates)
        first = np.argsort(-(coverage + prior), kind="stable")[:MAX_EMBEDDED]
        candidates = [candidates[i] for i in first]
        coverage, prior = coverage[first], prior[first]
        cosine = self._cosines(question, passages, candidates)
        scores = np.maximum(cosine, 0) + coverage + prior
        order = np.argsort(-scores, kind="stable")
        enough = QUOTE_FROM * scores[order[0]]
        quotes = _chosen([candidates[i] for i in order if scores[i] >= enough])
        confidence = _confidence(
            question,
            f"{passages[quotes[0].source].title} {quotes[0].context} {quotes[0].text}",
            cosine=float(cosine.max()),
            coverage=float(coverage.max()),
        )
        return ExtractiveAnswer(
            text=" ".join(_marked(quote) for quote in quotes),
            citations=tuple(_citation(quote, passages[quote.source]) for quote in quotes),
            answered=confidence >= ANSWERED_FROM,
            confidence=round(confidence, 3),
        )

    def _cosines(
        self, question: str, passages: Sequence[Passage], candidates: Sequence[_Candidate]
    ) -> Vectors:
        """Return the cosine of each candidate, read with its title and lead-in, to the question."""
        texts = [
            indexed_text(passages[one.source].title, f"{one.context} {one.text}".strip())
            for one in candidates
        ]
        vectors = self._embedder.embed([question, *texts], truncate=True)
        cosines: Vectors = vectors[1:] @ vectors[0]
        return cosines


def _candidates(passages: Sequence[Passage], wanted: frozenset[str]) -> list[_Candidate]:
    """
    List what may be quoted, in order of rank and place.

    What only leads to an answer is no answer: a question, a line that ends with a colon, a
    heading that says nothing but the question's words. Such text is read with what follows it,
    and quoted only where there is nothing else.
    """
    found: list[_Candidate] = []
    leads: list[_Candidate] = []
    for source, passage in enumerate(passages):
        known = wanted.union(terms(passage.title, passage.language))
        context = ""
        for start, end in _pieces(passage.text):
            text = passage.text[start:end]
            held = frozenset(terms(text, passage.language))
            both = held.union(terms(context, passage.language))
            one = _Candidate(source, start, end, text, context, both)
            leads_on = text.endswith(("?", ":", "\uff1f", "\uff1a")) or _is_heading(
                passage.text, start, end
            )
            if leads_on or held <= known:
                leads.append(one)
                context = text
            else:
                found.append(one)
                context = ""
    return found or leads


def _is_heading(text: str, start: int, end: int) -> bool:
    """Tell whether a piece is a heading: Markdown's, or a passage's bare first line."""
    piece = text[start:end]
    if _MARKDOWN_HEADING.match(piece):
        return True
    alone = not text[:start].strip() and text[end : end + 1] == "\n"
    bare = piece[-1] not in '.!?\u3002\uff01\u2026"\u201d)' and piece[0].isalpha()
    return alone and bare and "\n" not in piece and len(piece) <= MAX_HEADING_CHARACTERS


def _pieces(text: str) -> list[tuple[int, int]]:
    """Return the sentences of *text* without reference marks, long ones cut into clauses."""
    pieces: list[tuple[int, int]] = []
    for start, end in sentence_spans(text):
        marks = _REFERENCES.search(text, start, end)
        # A sentence of marks alone, such as "[5m]", is all that there is to quote.
        cut = marks.start() if marks and marks.start() > start else end
        pieces.extend(_clauses(text, start, cut))
    return pieces


def _clauses(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Cut a span into as few pieces of quotable length as clauses, else blanks, allow."""
    pieces: list[tuple[int, int]] = []
    while end - start > MAX_QUOTE_CHARACTERS:
        limit = start + MAX_QUOTE_CHARACTERS
        cuts = [match.end() for match in _CLAUSE.finditer(text, start + 1, limit)]
        cut = cuts[-1] if cuts else text.rfind(" ", start, limit)
        cut = cut if cut > start else limit
        pieces.append((start, cut))
        start = cut
    pieces.append((start, end))
    return [span for span in (_trimmed(text, *piece) for piece in pieces) if span[0] < span[1]]


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Take white space off both ends of a span."""
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _coverage(candidates: Sequence[_Candidate], wanted: Collection[tuple[str, ...]]) -> Vectors:
    """
    Return the share of the wanted words that each candidate holds by one of their stems, 0 to 1.

    A word weighs its BM25 idf among the candidates, so words that all of them share do not
    decide, and a word that none holds keeps every share below 1.
    """
    count = len(candidates)
    weights = {}
    for stems in sorted(set(wanted)):
        holders = sum(not one.terms.isdisjoint(stems) for one in candidates)
        weights[stems] = math.log(1 + (count - holders + 0.5) / (holders + 0.5))
    total = sum(weights.values()) or 1.0
    shares = [
        sum(weight for stems, weight in weights.items() if not one.terms.isdisjoint(stems)) / total
        for one in candidates
    ]
    return np.array(shares, dtype=np.float32)


def _priors(passages: Sequence[Passage], candidates: Sequence[_Candidate]) -> Vectors:
    """Return the score of each candidate's chunk relative to the best, 0 to 1."""
    top = max(passage.score for passage in passages)
    chunks = [
        passages[one.source].chunk_at(passages[one.source].start + one.start) for one in candidates
    ]
    scores = [max(chunk.score, 0.0) / top if top > 0 else 0.0 for chunk in chunks]
    return np.array(scores, dtype=np.float32)


def _marked(quote: _Candidate) -> str:
    """Write a quote with its marker."""
    return f"{quote.text} [{quote.source + 1}]"


def _chosen(ranked: Sequence[_Candidate]) -> list[_Candidate]:
    """Take the best candidates that fit the limits, each text once."""
    chosen: list[_Candidate] = []
    seen: set[str] = set()
    room = MAX_CHARACTERS
    for one in ranked:
        folded = " ".join(one.text.lower().split())
        length = len(_marked(one)) + 1
        if length <= room and folded not in seen:
            chosen.append(one)
            seen.add(folded)
            room -= length
        if len(chosen) == MAX_QUOTES:
            break
    return chosen


def _confidence(question: str, quote: str, *, cosine: float, coverage: float) -> float:
    """
    Return how likely the sources answer *question*, 0 to 1, by logistic regression.

    Fitted on SQuAD's questions against SQuAD 2.0's unanswerable ones, both as likely. Besides
    meaning and words it looks at what neither of them sees: a question that negates against a
    quote that does not, a question for a number against a quote without one, and names of the
    question that the quote lacks. These three know English only.
    """
    names = {name.lower() for name in _NAME.findall(question)}
    missing = [name for name in names if name not in quote.lower()]
    logit = (
        BIAS
        + COSINE * cosine
        + COVERAGE * coverage
        + NEGATION * bool(_NEGATION.search(question) and not _NEGATION.search(quote))
        + NUMBER * bool(_NUMBER_WANTED.search(question) and not _NUMBER.search(quote))
        + NAMES * (len(missing) / len(names) if names else 0.0)
    )
    return 1 / (1 + math.exp(-logit))


def _citation(quote: _Candidate, passage: Passage) -> Citation:
    """Place a quote in the document's parsed text."""
    return Citation(
        marker=quote.source + 1,
        source=quote.source,
        start=passage.start + quote.start,
        end=passage.start + quote.end,
        quote=quote.text,
    )
