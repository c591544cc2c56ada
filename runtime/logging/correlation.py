"""Which request, job, task and document a thread works for, so that every log line can say so."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType
from typing import Final

#: The names that may be bound, in the order in which lines show them.
NAMES: Final = ("request_id", "job_id", "task_id", "document_id")

_NONE: Final[Mapping[str, str]] = MappingProxyType({})
# One variable for all: a log call then copies one reference. What it holds is never changed.
_ids: ContextVar[Mapping[str, str]] = ContextVar("quern_ids", default=_NONE)

current = _ids.get
"""Return the ids bound here; a thread starts with none, whoever started it."""


@contextmanager
def bound(**ids: str | None) -> Iterator[None]:
    """Bind ids to this thread or coroutine until the block ends; an empty one stays as it was."""
    token = _ids.set({**_ids.get(), **{name: value for name, value in ids.items() if value}})
    try:
        yield
    finally:
        _ids.reset(token)


def begin(**ids: str) -> None:
    """Forget what is bound here and bind these; for frameworks that offer hooks and no block."""
    _ids.set(ids)


def end() -> None:
    """Forget what is bound here: threads are used again."""
    _ids.set(_NONE)


def request_id() -> str:
    """Return the id of the request that is served here, or was when the job was accepted."""
    return _ids.get().get("request_id", "")
