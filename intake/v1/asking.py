"""What is asked by OpenAI's names, as a question of ours: its collection, its bounds, its turns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from access.grants import current
from intake.fields import text
from intake.requests import MAX_ANSWER_TOKENS, MAX_HISTORY_BYTES, MAX_TURNS
from intake.v1.model_names import Model, model_named
from intake.v1.store_ids import NamedStore
from jobs.requests import QueryRequest
from protocol.names import stored_name
from rag.answers.conversation import Priority, Turn
from runtime.settings import Settings

#: Where nothing is searched, a question lies somewhere all the same.
_SOMEWHERE: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """
    What is asked, before it is known what that means here.

    Attributes:
        model: The name that the caller gives what answers, None where it gives none.

        stores: Ids of vector stores or names of collections; where there are none, what the
            model's name says of that holds.

        top_k: Passages to answer from, None for the usual number.

        tells_scores: Whether the caller is told how relevant each passage is.

        stays: Whether it goes on when its reader leaves.

        may_wait: Whether others go first, for whom somebody waits.
    """

    question: str
    history: Sequence[Turn] = ()
    instructions: str = ""
    model: str | None = None
    stores: Sequence[str] = ()
    top_k: int | None = None
    filters: Mapping[str, Any] | None = None
    least_score: float = 0.0
    tells_scores: bool = False
    max_tokens: int | None = None
    temperature: float | None = None
    stays: bool = False
    may_wait: bool = False


class Asking:
    """
    Make questions of what is asked.

    Args:
        store_named: Returns the store that an id, or the name of a collection, means; raises
            NotFound.
    """

    def __init__(self, settings: Settings, *, store_named: Callable[[str], NamedStore]) -> None:
        self._settings = settings
        self._store_named = store_named

    def remembering(self) -> "Asking":
        """Return one for many questions of one caller: each store is looked for once."""
        return Asking(self._settings, store_named=lru_cache(maxsize=None)(self._store_named))

    def read(self, asked: Asked, *, field: str) -> tuple[QueryRequest, Model]:
        """
        Return the question, and what answers it; *field* is where the question stands.

        Of a conversation the newest turns are kept, as many as a question may have.

        Raises:
            Missing: Nothing answers by that name.

            NotFound: There is no such store.

            InvalidRequest: The question or the instructions are too long.
        """
        settings = self._settings
        model = model_named(asked.model, settings)
        named = asked.stores or ([model.collection] if model.collection else [])
        stores = list(dict.fromkeys(map(self._store_named, named)))
        most = settings.max_question_bytes if stores else MAX_HISTORY_BYTES
        priority: Priority = "batch" if asked.may_wait else "interactive"
        late = asked.stays or asked.may_wait
        request = QueryRequest(
            question=text(most).read(asked.question, field),
            history=newest(asked.history),
            instructions=asked.instructions
            and text(MAX_HISTORY_BYTES).read(asked.instructions, "instructions"),
            collection=stores[0].name if stores else somewhere(),
            also={store.name: store.collection_id for store in stores[1:]},
            top_k=min(asked.top_k or settings.top_k, settings.max_top_k) if stores else 0,
            filters=asked.filters if stores else None,
            # To weigh passages takes a millisecond.
            calibrated=bool(stores) and asked.tells_scores,
            named=bool(stores),
            least_score=asked.least_score,
            priority=priority,
            max_tokens=asked.max_tokens and min(asked.max_tokens, MAX_ANSWER_TOKENS),
            temperature=asked.temperature,
            deadline_s=settings.batch_deadline_s if late else settings.interactive_deadline_s,
            cancel_on_disconnect=not asked.stays,
        )
        return request, model


def newest(turns: Sequence[Turn]) -> tuple[Turn, ...]:
    """Return the newest turns, as many as a question may have before it."""
    room, kept = MAX_HISTORY_BYTES, 0
    for turn in reversed(turns[-MAX_TURNS:]):
        room -= len(turn.text.encode(errors="replace"))
        if room < 0:
            break
        kept += 1
    return tuple(turns[len(turns) - kept :])


def somewhere() -> str:
    """Return how a collection is written down that the caller may use."""
    grant = current()
    name = stored_name(grant.tenant, _SOMEWHERE)
    if not grant.may_use(name) and grant.collections:
        return stored_name(grant.tenant, min(grant.collections))
    return name
