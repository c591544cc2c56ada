"""
Attribution: which passages a text without markers rests on, found by the words that both have.

Small language models cite nothing, although they were told to. What they write is from the passages
that they were shown all the same, mostly in the words of these.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rag.answers.citations import Citation, cite
from rag.documents import Passage
from rag.terms.analysis import terms
from rag.terms.query_terms import query_terms
from rag.text.sentences import sentence_spans

#: Of the terms of a statement that a sentence of its source has, at least; and how many.
_SHARE: Final = 0.5
_TERMS: Final = 2


@dataclass(frozen=True, slots=True)
class Attribution:
    """
    A statement, and what it rests on.

    Attributes:
        at: Where in the text the statement ends, in Unicode code points.

        citation: What it rests on.
    """

    at: int
    citation: Citation


def attributed(text: str, passages: Sequence[Passage]) -> tuple[Attribution, ...]:
    """
    Return what each sentence of a text rests on: one passage, or nothing where none is near.

    Of passages that are equally near the first one counts.
    """
    held = [_sentences(passage) for passage in passages]
    found = []
    for start, end in sentence_spans(text):
        claim = text[start:end]
        source = _nearest(claim, passages, held)
        if source is not None:
            found.append(Attribution(end, cite(source + 1, passages, claim)))
    return tuple(found)


def _nearest(
    claim: str, passages: Sequence[Passage], held: Sequence[Sequence[frozenset[str]]]
) -> int | None:
    """Return which passage has the sentence that is nearest to a claim, None where none is near."""
    best, nearest = 0.0, None
    for source, (passage, sentences) in enumerate(zip(passages, held, strict=True)):
        wanted = frozenset(query_terms(claim, passage.language))
        shared = max((len(wanted & sentence) for sentence in sentences), default=0)
        if shared < _TERMS or shared < _SHARE * len(wanted):
            continue
        if (share := shared / len(wanted)) > best:
            best, nearest = share, source
    return nearest


def _sentences(passage: Passage) -> list[frozenset[str]]:
    """Return the terms of each sentence of a passage."""
    spans = sentence_spans(passage.text) or [(0, len(passage.text))]
    return [frozenset(terms(passage.text[slice(*span)], passage.language)) for span in spans]
