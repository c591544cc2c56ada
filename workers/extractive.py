"""The extractive generator as a worker's port."""

from collections.abc import Callable, Sequence

from rag.documents import Passage
from rag.extractive import ExtractiveGenerator
from rag.generation import Answer

NOTHING = "The documents do not seem to answer this."


class Extractive:
    """Answers by quoting; whole at once, because there is nothing to wait for."""

    def __init__(self, generator: ExtractiveGenerator) -> None:
        self._generator = generator

    def generate(
        self, question: str, passages: Sequence[Passage], *, on_delta: Callable[[str], None]
    ) -> Answer:
        """Quote what answers *question*."""
        found = self._generator.answer(question, passages)
        text = found.text or NOTHING
        on_delta(text)
        return Answer(
            text=text,
            citations=found.citations,
            answered=found.answered,
            confidence=found.confidence,
            generator="extractive",
            usage={"passages": len(passages), "quotes": len(found.citations)},
        )
