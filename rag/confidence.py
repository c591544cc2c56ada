"""How likely it is that passages answer a question at all."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from rag.asked_for import lacks_what_is_asked, role_of
from rag.candidates import NEGATION, Candidate
from rag.documents import Passage
from rag.identifiers import identifiers, missing
from rag.named_things import day_of_range, others_alone
from rag.opposites import says_the_opposite
from rag.weighty_words import (
    Word,
    abbreviates,
    folded,
    holds,
    holds_verb,
    plain_verbs,
    weighty_words,
)

#: Confidence from which on a question counts as answered.
ANSWERED_FROM: Final = 0.5
#: Confidence at most where a figure, a code or a date of the question is in no passage.
NOWHERE: Final = 0.1


class Scale(NamedTuple):
    """
    What cosines of one making are worth: *meaning* in a score, the rest in `confidence`.

    Those of sentences as their passages' passes see them are nearer to one another, and to the
    question, than those of sentences that were embedded alone, of which *slope* * cosine + *shift*
    is worth as much.
    """

    meaning: float
    slope: float
    shift: float


IN_PASSAGE: Final = Scale(1.6, slope=1.0, shift=0.0)
ALONE: Final = Scale(1.0, slope=1.0, shift=-0.06)


class Evidence(NamedTuple):
    """
    What an answer was chosen from.

    Args:
        question: As it was asked.

        passages: Those that were read, in rank order.

        first: What is quoted first.

        cosine: Of the first quote to the question.

        coverage: The best share of the question's words that any candidate holds, 0 to 1.

        scale: What made the cosine.
    """

    question: str
    passages: Sequence[Passage]
    first: Candidate
    cosine: float
    coverage: float
    scale: Scale


class Features(NamedTuple):
    """
    What speaks for an answer and against it, each 0 to 1 if nothing else is said.

    Args:
        cosine: Of the first quote to the question.

        coverage: See `Evidence`.

        anywhere: Share of the question's weighty words and figures that the passages hold, or the
            titles and the names of their documents.

        whole: Whether the first quote alone, with what it stands under, holds all of them, and the
            verbs.

        paraphrase: The cosine, as far as the words are not there: other words for the same.

        names: Share of the question's names that the quote lacks, and of those that all passages
            lack; 0 to 2.

        figures: Whether the quote lacks a figure of the question, or the passages know things of a
            kind but not the one that is asked for (pump 7 and 9, where pump 8 is).

        role: Whether no passage speaks of what is asked for: the chef in "Who is the chef of…?"

        kind: Whether the quote lacks the kind of thing that is asked for, such as a time.

        negation: Whether the question denies something and the quote does not.

        negated: Whether the question denies something.

        opposite: Whether the quote has the opposite of a word of the question.

        record: Whether the quote is a row of a table or a line of a log.

        record_cosine: Its cosine, if it is.
    """

    cosine: float
    coverage: float
    anywhere: float
    whole: float
    paraphrase: float
    names: float
    figures: float
    role: float
    kind: float
    negation: float
    negated: float
    opposite: float
    record: float
    record_cosine: float


# Logistic regression on 726 questions (English, German, Spanish, French; 256 without an answer)
# over 50 everyday files - guides, price lists, logs, letters, configurations - each file set alone
# and all together, and on half of SQuAD's articles with the unanswerable questions of SQuAD 2.0,
# which count half, as they were written to deceive. Both parts weigh the same.
BIAS: Final = -3.71
WEIGHTS: Final = Features(
    cosine=3.06,
    coverage=1.20,
    anywhere=3.64,
    whole=0.81,
    paraphrase=2.89,
    names=-1.07,
    figures=-0.62,
    role=-1.18,
    kind=-2.27,
    negation=-1.81,
    negated=-1.10,
    opposite=-1.83,
    record=-0.63,
    record_cosine=1.49,
)


def confidence(evidence: Evidence) -> float:
    """
    Return how likely the passages answer the question, 0 to 1, by logistic regression.

    It is calibrated: of answers with 0.7 about seven in ten have what was asked for in their
    passages. Where a figure, a code or a date of the question is in none of them it is
    `NOWHERE` at most.
    """
    known = _Known(evidence)
    found = _features(evidence, known)
    logit = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, found, strict=True))
    likely = 1 / (1 + math.exp(-logit))
    return min(likely, NOWHERE) if known.nowhere else likely


def features(evidence: Evidence) -> Features:
    """Return what `confidence` weighs."""
    return _features(evidence, _Known(evidence))


class _Known:
    """Which weighty words and figures of the question the quote and the passages hold."""

    def __init__(self, evidence: Evidence) -> None:
        question, passages = evidence.question, evidence.passages
        source = passages[evidence.first.source]
        languages = tuple(sorted({passage.language for passage in passages}))
        texts = [_read(one, f"{one.context}\n{one.text}") for one in passages]
        quote = _read(source, evidence.first.read)
        self.words = weighty_words(question, languages)
        self._small = [folded(text) for text in texts]
        small_quote = folded(quote)
        self.verbs_in_quote = all(holds_verb(small_quote, verb) for verb in plain_verbs(question))
        self.in_quote = [holds(small_quote, word, languages) for word in self.words]
        self.anywhere = [
            there or self._somewhere(word, texts, languages)
            for there, word in zip(self.in_quote, self.words, strict=True)
        ]
        self.figures = identifiers(question)
        self.not_in_quote = missing(question, [quote]) if self.figures else self.figures
        self.nowhere = missing(question, texts) if self.not_in_quote else self.not_in_quote
        self.others_alone = others_alone(question, texts)

    def _somewhere(self, word: Word, texts: Sequence[str], languages: Sequence[str]) -> bool:
        """Tell whether any passage holds a word, in whatever form."""
        return (
            any(holds(text, word, languages) for text in self._small)
            or abbreviates(word, texts)
            or day_of_range(word.text, self._small)
        )

    def share(self, held: Sequence[bool], lacking: frozenset[str]) -> float:
        """Return the share of words and figures that are *held*."""
        count = len(held) + len(self.figures)
        return (sum(held) + len(self.figures) - len(lacking)) / count if count else 0.0

    def names(self, held: Sequence[bool]) -> float:
        """Return the share of names that are not *held*."""
        names = [there for there, word in zip(held, self.words, strict=True) if word.name]
        return names.count(False) / len(names) if names else 0.0


def _features(evidence: Evidence, known: _Known) -> Features:
    """Weigh nothing yet: tell what there is to weigh."""
    question, first, scale = evidence.question, evidence.first, evidence.scale
    cosine = scale.slope * evidence.cosine + scale.shift
    negated = NEGATION.search(question) is not None
    role = role_of(question, known.words)
    anywhere = known.share(known.anywhere, known.nowhere)
    return Features(
        cosine=cosine,
        coverage=evidence.coverage,
        anywhere=anywhere,
        whole=float(all(known.in_quote) and known.verbs_in_quote and not known.not_in_quote),
        paraphrase=cosine * (1 - anywhere),
        names=known.names(known.in_quote) + known.names(known.anywhere),
        figures=float(bool(known.not_in_quote) or known.others_alone),
        role=float(role is not None and not known.anywhere[role]),
        kind=float(lacks_what_is_asked(question, first.shown)),
        negation=float(negated and not NEGATION.search(first.read)),
        negated=float(negated),
        opposite=float(says_the_opposite(question, first.shown)),
        record=float(first.record),
        record_cosine=cosine * first.record,
    )


def _read(passage: Passage, text: str) -> str:
    """Return a text with what its document is called."""
    return f"{passage.title}\n{passage.document_id}\n{text}"
