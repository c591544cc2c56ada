"""What goes to the ledger's scripts and what comes back: fields, JSON, fences, messages, ends."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
from redis.exceptions import RedisError

from jobs.units import Unit
from protocol.messages import Message
from protocol.scripts import Scripts
from rag.errors import LeaseLost

log = logging.getLogger(__name__)

Fields = Mapping[str, str | int | float]


def json_of(value: object) -> str:
    """Encode an event's data or a document's record, as it is."""
    return orjson.dumps(value).decode()


def text_of(fields: Fields) -> dict[str, str]:
    """Write every value as text, as a Redis hash will hold it."""
    return {name: value if isinstance(value, str) else str(value) for name, value in fields.items()}


def fenced(unit: Unit, answer: list[Any]) -> list[Any]:
    """Return a fenced script's answer; refuse to go on once the lease is lost."""
    if answer[0] == "lost":
        raise LeaseLost(f"unit {unit.id} is no longer ours")
    return answer


def fenced_each(
    scripts: Scripts, name: str, units: Sequence[Unit], calls: Sequence[Sequence[str | float]]
) -> list[list[Any] | Exception]:
    """Run a fenced script for several units in one trip; a lost lease is that unit's answer."""
    if not calls:
        return []
    return [
        answer
        if isinstance(answer, Exception)
        else LeaseLost(f"unit {unit.id} is no longer ours")
        if answer[0] == "lost"
        else answer
        for unit, answer in zip(units, scripts.many(name, calls), strict=True)
    ]


class Outbox:
    """
    Send the messages that scripts answer with.

    Args:
        send: Sends one Celery message. A message that cannot be sent is no error: the unit is
            in the ledger, and the rescuer sends it again.
    """

    def __init__(self, send: Callable[[Message], None]) -> None:
        self._send = send

    def send(self, flat: Sequence[str]) -> int:
        """Send the messages a script answered with: id, stage, priority, traceparent, and so on."""
        messages = [
            Message(flat[i], flat[i + 1], int(flat[i + 2]), flat[i + 3])  # type: ignore[arg-type]  # written by submit and accept from Stage
            for i in range(0, len(flat), 4)
        ]
        for message in messages:
            try:
                self._send(message)
            except (RedisError, OSError) as error:
                # The unit is in the window: the rescuer sends it once Redis is back.
                log.warning(
                    "message not sent", extra={"unit_id": message.unit_id, "reason": str(error)}
                )
        return len(messages)


def log_ends(flat: Sequence[str]) -> None:
    """Log the units that a script ended: id, state, job, document, request, and so on."""
    for at in range(0, len(flat), 5):
        unit_id, state, *ids = flat[at : at + 5]
        names = ("job_id", "document_id", "request_id")
        told = {name: value for name, value in zip(names, ids, strict=True) if value}
        log.info("finished", extra={"job_id": unit_id} | told | {"state": state})
