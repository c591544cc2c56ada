"""The extractive generator as a worker's port."""

from collections.abc import Callable, Sequence

from rag.answers.conversation import Priority, Turn
from rag.answers.follow_ups import condensed, topic
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.answers.prompts import lacking
from rag.extractive.extractive import ExtractiveGenerator

NOTHING = "The documents do not seem to answer this."
#: What is said where no documents are to be searched: there is nothing to quote from.
NO_MODEL = (
    "This server has no language model: it answers with quotes from documents, and none were to be "
    "searched. Name a collection or a vector store."
)


class Extractive:
    """Answers by quoting; whole at once, because there is nothing to wait for."""

    name = "extractive"

    def __init__(self, generator: ExtractiveGenerator) -> None:
        self._generator = generator

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        """Quote what answers the question; tokens and temperature mean nothing here."""
        stop.check()
        if not request.grounded:
            on_delta(NO_MODEL)
            return Answer(NO_MODEL, (), answered=False, confidence=0.0, generator=self.name)
        found = self._generator.answer(
            request.question,
            request.passages,
            collection_id=request.collection_id,
            topic=topic(request.question, request.history),
        )
        text = found.text or NOTHING
        on_delta(text)
        return Answer(
            text=text,
            citations=found.citations,
            answered=found.answered,
            confidence=found.confidence,
            generator=self.name,
            missing=() if found.answered else lacking(request.question, request.passages),
            usage={"passages": len(request.passages), "quotes": len(found.citations)},
        )

    def condense(
        self,
        question: str,
        history: Sequence[Turn],
        *,
        priority: Priority,  # noqa: ARG002  there is no model to wait for
        stop: StopSignal,
    ) -> str:
        """Join the question with the content terms of what was said before."""
        stop.check()
        return condensed(question, history)
