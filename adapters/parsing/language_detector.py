"""Detection of a document's language by py3langid, a small model inside its package."""

import threading
from collections import Counter
from typing import Self

import numpy as np
from py3langid.langid import MODEL_FILE, LanguageIdentifier

#: Looked at, in pieces from all over a text: a licence or an abstract before it decides nothing.
SAMPLE_CHARACTERS = 6_000
PIECES = 6

#: More likely than all others together.
SURE = 0.5

#: What the model tells apart and search does not: regional languages that a stemmer of the large
#: one beside them serves, written standards of one language, older stages.
ONE_OF = {
    "an": "es", "ext": "es", "lij": "it", "vec": "it", "lb": "de", "nn": "no", "pcm": "en",
    "arz": "ar", "ary": "ar", "wuu": "zh", "yue": "zh", "grc": "el", "hbo": "he", "uzs": "uz",
}  # fmt: skip

#: Never answered: scientific English is full of Latin words, and nobody's documents are Volapük.
NOT_ASKED = frozenset({"la", "vo"})


class Py3langidDetector:
    """
    A `LanguageDetector` of some hundred languages: naive Bayes over byte n-grams (Lui and Baldwin).

    "langid.py: An Off-the-shelf Language Identification Tool", ACL 2012. It holds about 80 MB and
    takes a millisecond or two a document. A few words or figures have no language; a text of
    several has that which its words speak for most.
    """

    def __init__(self, model: LanguageIdentifier) -> None:
        """Use a loaded model; see `open`."""
        self._model = model
        self._lock = threading.Lock()

    @classmethod
    def open(cls) -> Self:
        """Load the model, which takes most of a second."""
        model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
        # Impossible beforehand. The library's own way keeps a copy of the tables without them.
        left_out = [name in NOT_ASKED for name in model.nb_classes]
        model.nb_pc = np.where(left_out, np.float32(-np.inf), model.nb_pc)
        return cls(model)

    def language_of(self, text: str) -> str:
        """Return the ISO 639-1 code of most of *text*, empty where nothing is likely."""
        shares: Counter[str] = Counter()
        # Nothing in the library says that calls may overlap.
        with self._lock:
            ranked = self._model.rank(_sample(text))
        for name, probability in ranked:
            language = ONE_OF.get(name, name)
            shares[language] += probability
            if shares[language] > SURE:  # no other can be
                return language if len(language) == 2 else ""  # noqa: PLR2004 - ISO 639-1
        return ""


def _sample(text: str) -> str:
    """Take pieces of a long text at even distances; a short one whole."""
    if len(text) <= SAMPLE_CHARACTERS:
        return text
    length = SAMPLE_CHARACTERS // PIECES
    starts = [(len(text) - length) * n // (PIECES - 1) for n in range(PIECES)]
    return " ".join(text[start : start + length] for start in starts)
