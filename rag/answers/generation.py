"""Requests to a generator and its answers, the same for all generators."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from rag.answers.attribution import Attribution
from rag.answers.citations import Citation
from rag.answers.conversation import Priority, Turn
from rag.documents import Passage


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """
    A question with what it is to be answered from.

    Args:
        passages: Best first; the n of a citation `[n]` is the rank here, from 1.

        history: Earlier turns, oldest first.

        max_tokens: How long the answer may be; None leaves it to the generator.

        temperature: None leaves it to the generator.

        give_up_at: When it is too late, by `time.monotonic`.

        grounded: Whether only passages may answer; false where the caller asked for none.

        collection_id: The collection that the passages are from; empty where nobody says.

        instructions: What the caller tells a language model of its role; empty where it is nothing.
    """

    question: str
    passages: Sequence[Passage]
    history: Sequence[Turn] = ()
    max_tokens: int | None = None
    temperature: float | None = None
    priority: Priority = "interactive"
    give_up_at: float
    grounded: bool = True
    collection_id: str = ""
    instructions: str = ""


class StopSignal(Protocol):
    """A signal for a generator that its caller has stopped; a lease is one."""

    @property
    def stopped(self) -> bool:
        """Whether to end soon."""
        ...

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Call *callback*, from another thread and perhaps twice, once it is time to end."""
        ...

    def check(self) -> None:
        """
        Go on only if there is still a reason to.

        Raises:
            Cancelled, DeadlineExceeded, LeaseLost: As their names say.
        """
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer with `[n]` markers, each resolved by a citation.

    *answered* is false where the documents do not tell; *confidence*, 0 to 1, says how likely
    they do, None where the generator cannot know; *usage* counts what the answer cost;
    *finish_reason* is `stop` or `length` where a model wrote the answer, *first_token_s* how long
    its first token took from when the model was asked; *left_out* are the ids of the chunks that
    the prompt had no room for. *missing* is what the question names with figures and no passage
    holds. *attributions* stand for citations where a model wrote no markers.
    """

    text: str
    citations: Sequence[Citation]
    answered: bool
    confidence: float | None
    generator: str
    usage: dict[str, Any] = field(default_factory=dict)
    finish_reason: str | None = None
    first_token_s: float | None = None
    left_out: Sequence[str] = ()
    missing: Sequence[str] = ()
    attributions: Sequence[Attribution] = ()
