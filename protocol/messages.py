"""Celery messages: the id of a unit and its stage; never the work itself."""

from dataclasses import dataclass
from typing import Final, Literal, get_args

Role = Literal["retrieve", "generate", "ingest", "embed"]
Stage = Literal[
    "retrieve", "generate", "parse", "publish", "remove", "drop", "reindex", "check"
]  # fmt: skip

ROLES: Final[tuple[Role, ...]] = get_args(Role)

#: Which role runs a stage; a role is one Celery queue.
ROLE_OF: Final[dict[Stage, Role]] = {
    "retrieve": "retrieve",
    "generate": "generate",
    "parse": "ingest",
    "publish": "embed",
    "remove": "embed",
    "drop": "embed",
    "reindex": "embed",
    "check": "embed",
}

#: Roles whose bodies share the threads of one worker and may last for minutes: see `_ledger.lua`.
LONG_ROLES: Final[frozenset[str]] = frozenset({"ingest", "embed"})

#: The lanes that a role's units wait in: long documents have lanes beside the others.
LANES_OF: Final[dict[Role, tuple[str, ...]]] = {
    role: (role, f"{role}+") if role in LONG_ROLES else (role,) for role in ROLES
}

#: Admission classes; `job` holds the deadlines of ingest jobs themselves.
CLASSES: Final = ("interactive", "batch", "ingest", "job")

#: kombu's priorities on Redis: 0 is served first.
PRIORITY_OF: Final = {"interactive": 0, "batch": 9}


@dataclass(frozen=True, slots=True)
class Message:
    """One Celery message to be sent, with the trace context of the unit's submission."""

    unit_id: str
    stage: Stage
    priority: int
    traceparent: str = ""
