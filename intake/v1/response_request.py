"""A response that is asked for, as it was read."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rag.answers.conversation import Turn

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseRequest:
    """
    A response that can be made.

    Attributes:
        question: What was said last by the user.

        history: What was said before it, oldest first; without the chain before.

        system: What the model is told of its role within the input, each with who says it.

        instructions: What the model is told of its role beside the input.

        stores: Vector stores to be searched, none where there is no search.

        filters: A filter of ours.

        may_wait: Whether others go first, for whom somebody waits.

        echoed: What the response shows of what was asked.
    """

    question: str
    history: tuple[Turn, ...]
    system: tuple[tuple[str, str], ...] = ()
    instructions: str | None = None
    model: str | None = None
    previous_response_id: str | None = None
    background: bool = False
    store: bool = True
    stream: bool = False
    temperature: float | None = None
    max_output_tokens: int | None = None
    stores: tuple[str, ...] = ()
    max_results: int = 0
    score_threshold: float = 0.0
    filters: Mapping[str, Any] | None = None
    may_wait: bool = False
    include: tuple[str, ...] = ()
    echoed: Json

    @property
    def told(self) -> str:
        """All that the model is told of its role."""
        return "\n\n".join(filter(None, [self.instructions, *(text for _, text in self.system)]))
