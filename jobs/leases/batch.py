"""A batch: several small units run by one body, at a fraction of what each alone would cost."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from redis.exceptions import RedisError

from jobs.leases.endings import EXPECTED
from jobs.leases.lease import Lease
from jobs.leases.leases import Leases
from jobs.ledger.wire import Fields
from protocol.messages import Stage
from rag.errors import LeaseLost

#: Units of one body at most, and bytes of their files together: some seconds of embedding.
MOST: Final = 32
MOST_BYTES: Final = 65_536


class Batch:
    """
    The units that one body runs together, each under its own lease.

    Whatever happens to one of them, its fault, a cancel, a lost lease, ends that one only. Written
    for bodies that pay for each call and hardly for what is in it: one forward pass, one upsert,
    one trip to Redis for all.

    Args:
        leases: Where the units were claimed.

        units: The one whose message started the body, then what it took along.

    Attributes:
        first: The unit whose message started the body.

        active: The units that still run, in order.
    """

    def __init__(self, leases: Leases, units: Sequence[Lease]) -> None:
        self._leases = leases
        self._faults: list[Exception] = []
        self.first = units[0]
        self.active = list(units)

    def end(self, lease: Lease, error: Exception | None = None) -> None:
        """
        Let a unit go, with what *error* means for it; None where its end is written.

        Harmless where it has gone already.
        """
        if lease not in self.active:
            return
        self.active.remove(lease)
        if error is None:
            self._leases.let_go(lease, well=True)
            return
        if not isinstance(error, (*EXPECTED, LeaseLost)):
            self._faults.append(error)
        self._leases.settle(lease, error)

    def give_back(self, lease: Lease) -> None:
        """Let a unit wait for another body, unharmed."""
        self.active.remove(lease)
        self._leases.give_back(lease)

    def hand_over(self, work: Sequence[tuple[Lease, Fields]], *, stage: Stage) -> None:
        """Write the outputs of a stage; the units that this body may go on with stay active."""
        try:
            answers = self._leases.hand_over(work, stage=stage)
        except RedisError as error:
            answers = [error] * len(work)
        for (lease, _), answer in zip(work, answers, strict=True):
            if isinstance(answer, Exception):
                self.end(lease, answer)
            elif not answer:
                self.end(lease)

    def close(self, error: Exception | None) -> None:
        """Let all go that are still active; raises the first fault that nobody expected."""
        for lease in list(self.active):
            self.active.remove(lease)
            if error is None:
                self._leases.let_go(lease)
            else:
                self._leases.settle(lease, error)
        if error is None and self._faults:
            raise self._faults[0]


@contextmanager
def claim_batch(
    leases: Leases, unit_id: str, stage: Stage, *, most: int = MOST, most_bytes: int = MOST_BYTES
) -> Iterator[Batch | None]:
    """
    Run a body for a unit and those it can take along; yields None where its message is forgotten.

    The first one's own size counts, so that what is large runs alone. What the body raises ends
    all that still run, as it would end each alone; a fault that nobody expected is raised again.
    """
    units = leases.take(unit_id, stage, most=most, most_bytes=most_bytes)
    if not units:
        yield None
        return
    batch = Batch(leases, units)
    try:
        yield batch
    except Exception as error:
        batch.close(error)
        if not isinstance(error, (*EXPECTED, LeaseLost)):
            raise
    else:
        batch.close(None)
