"""Metrics of claims: waits, starts, retries and unreadable files."""

from jobs.units import Unit
from protocol.messages import ROLE_OF
from rag.errors import NoText, Unreadable
from runtime.metrics.families import UNREADABLE as REASONS
from runtime.metrics.meters import QUEUE_WAIT, REDELIVERED, RETRIED, STARTED, UNREADABLE


def record_claim(unit: Unit) -> None:
    """Count a body that begins with a claim; it waited by the ledger's own clock."""
    stage = unit.fields["stage"]
    role = unit.fields["role"]
    STARTED[stage, role].inc()
    if unit.attempt > 1:
        REDELIVERED[stage, role].inc()
    waited_us = int(unit.fields["claimed"]) - int(unit.fields.get("since", unit.fields["claimed"]))
    QUEUE_WAIT[role].observe(max(0, waited_us) / 1e6)


def record_next_stage(unit: Unit) -> None:
    """Count a body that goes on with the next stage; nothing waited."""
    STARTED[unit.fields["stage"], unit.fields["role"]].inc()


def record_retry(unit: Unit) -> None:
    """Count a body whose unit waits because something is away."""
    RETRIED[unit.fields["stage"], unit.fields["role"]].inc()


def record_unreadable(unit: Unit, error: Exception) -> None:
    """Count a file that could not be read; any other error is none of these."""
    if unit.fields["stage"] != "parse":
        return
    if isinstance(error, NoText):
        UNREADABLE["no_text"].inc()
    elif isinstance(error, Unreadable):
        UNREADABLE[error.reason if error.reason in REASONS else "other"].inc()


def tasks_of(queues: frozenset[str]) -> list[tuple[str, str]]:
    """Return the stages that a worker on *queues* runs, each with its queue."""
    return [(stage, role) for stage, role in ROLE_OF.items() if role in queues]
