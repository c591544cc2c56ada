"""What a language model wrote, read as an answer."""

from typing import Any

from rag.answers.attribution import attributed
from rag.answers.citations import resolve
from rag.answers.generation import Answer, GenerationRequest
from rag.answers.prompts import UNANSWERED, Prompt


def read_reply(
    text: str,
    prompt: Prompt,
    request: GenerationRequest,
    *,
    generator: str,
    usage: dict[str, Any],
    finish_reason: str | None,
    first_token_s: float | None = None,
) -> Answer:
    """
    Return the answer that a reply is, its markers resolved against the passages it was shown.

    What a question names with figures and no passage holds makes it one without an answer. How sure
    a model is cannot be read from its words, so the confidence is None. Usage gains `passages`
    (shown), `passages_dropped` and `citations_removed` (markers without a passage). Where there are
    no markers, what the sentences rest on is found by their words.
    """
    # What was written for no passages is not about any: its brackets are left alone.
    resolved = resolve(text.strip(), prompt.passages) if request.grounded else None
    # A marker that is removed may leave its white space at an end.
    told = resolved.text.strip() if resolved else text
    answered = not request.grounded or not (prompt.missing or _declined(told))
    is_bare = resolved is not None and answered and not resolved.citations
    return Answer(
        text=told,
        citations=resolved.citations if resolved else (),
        answered=answered,
        confidence=None,
        generator=generator,
        usage=usage
        | {
            "passages": len(prompt.passages),
            "passages_dropped": prompt.dropped,
            "citations_removed": resolved.removed if resolved else 0,
        },
        finish_reason=finish_reason,
        first_token_s=first_token_s,
        left_out=prompt.left_out,
        missing=prompt.missing,
        attributions=attributed(told, prompt.passages) if is_bare else (),
    )


def nothing_found(*, generator: str) -> Answer:
    """Return the answer to a question for which no passage was found; no model is asked."""
    return Answer(
        text=UNANSWERED,
        citations=(),
        answered=False,
        confidence=0.0,
        generator=generator,
        usage={"passages": 0, "passages_dropped": 0, "prompt_tokens": 0, "completion_tokens": 0},
        finish_reason="stop",
    )


def _declined(text: str) -> bool:
    """Return True if a reply says, in the given words, that the passages lack the answer."""
    said = " ".join(text.split()).strip(" \"'*").casefold()
    return not said or said.startswith(UNANSWERED.rstrip(".").casefold())
