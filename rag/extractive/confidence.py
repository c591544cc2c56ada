"""Confidence: the probability that passages answer a question at all."""

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

from rag.documents import Passage
from rag.extractive.candidates import NEGATION, Candidate
from rag.question_analysis.asked_for import lacks_what_is_asked, told_by_kind
from rag.question_analysis.named_things import (
    another_day,
    another_nth,
    another_of_class,
    day_of_range,
    others_alone,
)
from rag.question_analysis.weighty_words import (
    Word,
    abbreviates,
    folded,
    holds,
    holds_verb,
    plain_verbs,
    weighty_words,
)
from rag.terms.identifiers import identifiers, missing
from rag.terms.opposites import says_the_opposite

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

        scale: What made the cosine.

        others: What is quoted beside the first, as it is shown.
    """

    question: str
    passages: Sequence[Passage]
    first: Candidate
    cosine: float
    scale: Scale
    others: Sequence[str] = ()


class Features(NamedTuple):
    """
    What speaks for an answer and against it, each 0 to 1 if nothing else is said.

    Args:
        cosine: Of the first quote to the question.

        anywhere: Share of the question's weighty words and figures that the passages hold, or the
            titles and the names of their documents.

        whole: Whether the first quote alone, with what it stands under, holds all of them, and the
            verbs, and any quote the kind of thing that is asked for.

        lacks: Whether the passages lack any of them.

        record_lacks: Whether the quote is a row of a table or a line of settings or of a log, and
            its own passage lacks any of them: records say things in no other words.

        names: Share of the question's names that the quote lacks, and of those that all passages
            lack; 0 to 2.

        kind: Whether the quote lacks the kind of thing that is asked for, such as a time.

        unkind: Whether all quotes lack it.

        negation: Whether the question denies something and the quote does not.

        negated: Whether the question denies something.

        opposite: Whether the quote has the opposite of a word of the question.
    """

    cosine: float
    anywhere: float
    whole: float
    lacks: float
    record_lacks: float
    names: float
    kind: float
    unkind: float
    negation: float
    negated: float
    opposite: float


# Logistic regression on 1,296 questions (English, German, Spanish, French; 596 without an answer)
# over 50 everyday files - guides, price lists, logs, letters, configurations - each file set alone
# and all together, and on half of SQuAD's articles with the unanswerable questions of SQuAD 2.0.
# Both parts weigh the same, and in both a quarter of the weight is questions without an answer.
BIAS: Final = -2.34
WEIGHTS: Final = Features(
    cosine=2.77,
    anywhere=2.52,
    whole=1.15,
    lacks=0.18,
    record_lacks=-0.71,
    names=-0.76,
    kind=-0.88,
    unkind=-0.41,
    negation=-1.83,
    negated=-1.26,
    opposite=-2.13,
)


def confidence(evidence: Evidence) -> float:
    """
    Return how likely the passages answer the question, 0 to 1, by logistic regression.

    Of answers between 0.6 and 0.7 about seven in ten have what was asked for in their passages, if
    a quarter of all questions has no answer. It is `NOWHERE` at most where a figure, a code or a
    date of the question is in no passage, and where the passages know members of a class, but not
    the one that is asked for: Monday and Friday, where Sunday is.
    """
    known = _Known(evidence)
    found = _features(evidence, known)
    logit = BIAS + sum(weight * value for weight, value in zip(WEIGHTS, found, strict=True))
    likely = 1 / (1 + math.exp(-logit))
    return min(likely, NOWHERE) if known.nowhere or known.another else likely


def features(evidence: Evidence) -> Features:
    """Return what `confidence` weighs."""
    return _features(evidence, _Known(evidence))


class _Known:
    """Which weighty words and figures of the question the quote and the passages hold."""

    def __init__(self, evidence: Evidence) -> None:
        question, passages, first = evidence.question, evidence.passages, evidence.first
        self._languages = tuple(sorted({passage.language for passage in passages}))
        texts = [_read(one, f"{one.section}\n{one.context}\n{one.text}") for one in passages]
        quote = _read(passages[first.source], first.read)
        self.words = weighty_words(question, self._languages)
        self._small = [folded(text) for text in texts]
        self._here = self._small[first.source]
        small_quote = folded(quote)
        self.verbs_in_quote = all(holds_verb(small_quote, verb) for verb in plain_verbs(question))
        self.in_quote = [
            self._holds(small_quote, word) or told_by_kind(word.text, first.shown)
            for word in self.words
        ]
        self.anywhere = [
            there or self._somewhere(word, texts)
            for there, word in zip(self.in_quote, self.words, strict=True)
        ]
        self.figures = identifiers(question)
        self.not_in_quote = missing(question, [quote])
        self.nowhere = missing(question, texts) if self.not_in_quote else self.not_in_quote
        self.another = (
            any(another_day(word.text, small_quote) for word in self.words)
            or any(another_of_class(word.text, small_quote, self._small) for word in self.words)
            or others_alone(question, [*texts, quote])
            or another_nth(question, self._small)
        )

    @property
    def whole(self) -> bool:
        """Whether the quote has all that the question speaks of."""
        return all(self.in_quote) and self.verbs_in_quote and not self.not_in_quote

    def _holds(self, text: str, word: Word) -> bool:
        return holds(text, word, self._languages)

    def _somewhere(self, word: Word, texts: Sequence[str]) -> bool:
        """Return True if any passage holds a word, in whatever form."""
        return (
            any(self._holds(text, word) for text in self._small)
            or abbreviates(word, texts)
            or day_of_range(word.text, self._small)
        )

    def here(self) -> bool:
        """Return True if the quote's own passage holds every word and figure."""
        return not self.not_in_quote and all(
            there or self._holds(self._here, word) or day_of_range(word.text, [self._here])
            for there, word in zip(self.in_quote, self.words, strict=True)
        )

    def share(self, held: Sequence[bool], lacking: frozenset[str]) -> float:
        """Return the share of words and figures that are *held*."""
        figures = len(self.figures | lacking)  # names of functions are among the latter
        count = sum(word.weight for word in self.words) + figures
        there = sum(word.weight for one, word in zip(held, self.words, strict=True) if one)
        return (there + figures - len(lacking)) / count if count else 0.0

    def names(self, held: Sequence[bool]) -> float:
        """Return the share of names that are not *held*."""
        names = [there for there, word in zip(held, self.words, strict=True) if word.name]
        return names.count(False) / len(names) if names else 0.0


def _features(evidence: Evidence, known: _Known) -> Features:
    """Return the features, not yet weighed."""
    question, first, scale = evidence.question, evidence.first, evidence.scale
    cosine = scale.slope * evidence.cosine + scale.shift
    negated = NEGATION.search(question) is not None
    anywhere = known.share(known.anywhere, known.nowhere)
    kind = lacks_what_is_asked(question, first.shown)
    unkind = kind and all(lacks_what_is_asked(question, text) for text in evidence.others)
    return Features(
        cosine=cosine,
        anywhere=anywhere,
        whole=float(known.whole and not unkind),
        lacks=float(anywhere < 1),
        record_lacks=float(first.record and not known.here()),
        names=known.names(known.in_quote) + known.names(known.anywhere),
        kind=float(kind),
        unkind=float(unkind),
        negation=float(negated and not NEGATION.search(first.read)),
        negated=float(negated),
        opposite=float(says_the_opposite(question, first.shown)),
    )


def _read(passage: Passage, text: str) -> str:
    """Return a text with what its document is called."""
    return f"{passage.title}\n{passage.document_id}\n{text}"
