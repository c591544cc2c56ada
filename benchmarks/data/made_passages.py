"""Text that nobody wrote, as much as is wanted, and an embedding model that is quick enough for it."""

import json
import shutil
from pathlib import Path
from typing import Final

import numpy as np

from adapters.embedding_models.model_weights import resolve
from benchmarks.data.traffic import popularity

SENTENCE_WORDS: Final = 13
PARAGRAPH_SENTENCES: Final = 5
#: Short words are pieces of others in the vocabulary.
LEAST_LETTERS: Final = 3
SEED: Final = 20


def made_model(folder: Path, model: str) -> Path:
    """
    Write *model* without its layers into a folder; returns the folder.

    What is left are the vectors of its word pieces. A text's vector is their mean: no meaning is
    computed, but texts of the same words are near, at some thousand texts a second.
    """
    from safetensors import safe_open  # noqa: PLC0415 - heavy, and only needed here
    from safetensors.numpy import save_file  # noqa: PLC0415 - the same

    whole = resolve(model).path
    shutil.copytree(whole, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 0}))
    with safe_open(whole / "model.safetensors", "np") as weights:
        kept = {n: weights.get_tensor(n) for n in weights.keys() if not n.startswith("encoder.")}  # noqa: SIM118 - no mapping
    (folder / "model.safetensors").unlink()
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


class MadeTexts:
    """
    Texts of English words as often as their ranks say (G. K. Zipf, 1935), the same in each run.

    Args:
        vocabulary: A file of word pieces, one a line, the frequent ones first.

        paragraphs: How many a document has.
    """

    def __init__(self, vocabulary: Path, *, paragraphs: int) -> None:
        pieces = vocabulary.read_text("utf-8").split()
        self._words = np.array(
            [one for one in pieces if one.isascii() and one.isalpha() and len(one) >= LEAST_LETTERS]
        )
        self._popularity = popularity(len(self._words), 1.0)
        self._paragraphs = paragraphs

    def document(self, n: int) -> str:
        """Return the text of a document by its number."""
        length = self._paragraphs * PARAGRAPH_SENTENCES
        drawn = self._draw(n, length * SENTENCE_WORDS).reshape(length, SENTENCE_WORDS)
        sentences = [f"{' '.join(words).capitalize()}." for words in drawn]
        return "\n\n".join(
            " ".join(sentences[at : at + PARAGRAPH_SENTENCES])
            for at in range(0, length, PARAGRAPH_SENTENCES)
        )

    def questions(self, wanted: int, *, skip: int = 0) -> list[str]:
        """Return runs of words that no document has; another *skip* gives others."""
        drawn = self._draw(10**9 + skip, wanted * SENTENCE_WORDS).reshape(wanted, SENTENCE_WORDS)
        return [" ".join(words[:9]) for words in drawn]

    def _draw(self, seed: int, words: int) -> "np.typing.NDArray[np.str_]":
        """Draw words by their popularity."""
        dice = np.random.default_rng((SEED, seed))
        return self._words[dice.choice(len(self._words), size=words, p=self._popularity)]
