"""How likely it is that passages answer a question at all."""

import math
import re
from typing import NamedTuple

from rag.candidates import NEGATION

NUMBER_WANTED = re.compile(
    r"\b(?:when|how (?:many|much|long|old|far|tall|high|large|big|often|fast)"
    r"|(?:what|which) (?:year|date|day|month|decade|century|percent|percentage|number|age))\b",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred"
    r"|thousand|million|billion|first|second|third|half|once|twice|never|always|annually)\b",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=\s)[^\W\d_a-z]\w+")


class Scale(NamedTuple):
    """
    What cosines of one making are worth: *meaning* in a score, the rest in `likelihood`.

    Those of sentences as their passages' passes see them are nearer to one another, and to the
    question, than those of sentences that were embedded alone.
    """

    meaning: float
    bias: float
    cosine: float
    coverage: float
    negation: float
    number: float
    names: float


IN_PASSAGE = Scale(1.6, bias=-3.1, cosine=5.1, coverage=1.0, negation=-3.1, number=-1.2, names=-0.9)
ALONE = Scale(1.0, bias=-2.8, cosine=4.5, coverage=0.5, negation=-2.7, number=-0.8, names=-0.9)


def likelihood(question: str, quote: str, scale: Scale, *, cosine: float, coverage: float) -> float:
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
        scale.bias
        + scale.cosine * cosine
        + scale.coverage * coverage
        + scale.negation * bool(NEGATION.search(question) and not NEGATION.search(quote))
        + scale.number * bool(NUMBER_WANTED.search(question) and not NUMBER.search(quote))
        + scale.names * (len(missing) / len(names) if names else 0.0)
    )
    return 1 / (1 + math.exp(-logit))
