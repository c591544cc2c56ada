"""Companies: several small units run by one body, at a fraction of what each alone would cost."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TypeVar

from redis.exceptions import RedisError

from jobs.leases import EXPECTED, Lease, Leases
from jobs.ledger import Fields
from protocol.messages import Stage
from rag.errors import Broken, LeaseLost
from runtime.logging.correlation import bound

T = TypeVar("T")

#: Units of one body at most, and bytes of their files together: some seconds of embedding.
MOST: Final = 32
MOST_BYTES: Final = 65_536


class Company:
    """
    The units that one body runs together, each under its own lease.

    Whatever happens to one of them, its fault, a cancel, a lost lease, ends that one only. Written
    for bodies that pay for each call and hardly for what is in it: one forward pass, one upsert,
    one trip to Redis for all.

    Args:
        leases: Where the units are claimed.

        leader: The unit whose message started the body.

        others: What it took along.
    """

    def __init__(self, leases: Leases, leader: Lease, others: Sequence[Lease] = ()) -> None:
        self._leases = leases
        self._members = [leader, *others]
        self._faults: list[Exception] = []

    @property
    def members(self) -> list[Lease]:
        """The units that still run, in order."""
        return list(self._members)

    def still(self, lease: Lease) -> bool:
        """Tell whether a unit still runs; one that is to stop is ended here."""
        if lease not in self._members:
            return False
        try:
            lease.check()
        except Exception as error:  # noqa: BLE001 - what it is decides how the unit ends
            self.part(lease, error)
            return False
        return True

    def each(
        self, step: Callable[[Lease], T], among: Sequence[Lease] | None = None
    ) -> list[tuple[Lease, T]]:
        """Run *step* for each unit in turn, or for those *among* them; what it raises ends one."""
        done = []
        for lease in self.members if among is None else among:
            if not self.still(lease):
                continue
            with bound(**lease.unit.ids):
                try:
                    done.append((lease, step(lease)))
                except Exception as error:  # noqa: BLE001 - the same
                    self.part(lease, error)
        return done

    def part(self, lease: Lease, error: Exception | None = None) -> None:
        """
        Let a unit go, with what *error* means for it; None where its end is written.

        Raises:
            Broken: This process must end, and the company with it.
        """
        if isinstance(error, Broken):
            raise error
        self._members.remove(lease)
        if error is None:
            self._leases.let_go(lease, well=True)
            return
        if not isinstance(error, (*EXPECTED, LeaseLost)):
            self._faults.append(error)
        self._leases.settle(lease, error)

    def give_back(self, lease: Lease) -> None:
        """Let a unit wait for another body, unharmed."""
        self._members.remove(lease)
        self._leases.give_back(lease)

    def hand_on(self, work: Sequence[tuple[Lease, Fields]], *, stage: Stage) -> None:
        """Write the outputs of a stage; the units that this body may go on with stay."""
        try:
            answers = self._leases.hand_on(work, stage=stage)
        except RedisError as error:
            for lease, _ in work:
                self.part(lease, error)
            return
        for (lease, _), answer in zip(work, answers, strict=True):
            if isinstance(answer, Exception):
                self.part(lease, answer)
            elif not answer:
                self.part(lease)

    def disband(self, error: Exception | None) -> None:
        """Let all go that still run; raises the first fault that nobody expected."""
        for lease in self.members:
            self._members.remove(lease)
            if error is None:
                self._leases.let_go(lease)
            else:
                self._leases.settle(lease, error)
        if error is None and self._faults:
            raise self._faults[0]


@contextmanager
def company(
    leases: Leases, unit_id: str, stage: Stage, *, most: int = MOST, most_bytes: int = MOST_BYTES
) -> Iterator[Company | None]:
    """
    Run a body for a unit and those it can take along; yields None where its message is forgotten.

    The leader's own size counts, so that what is large runs alone. What the body raises ends all
    that still run, as it would end each alone; a fault that nobody expected is raised again.
    """
    leader = leases.take(unit_id, stage)
    if leader is None:
        yield None
        return
    together = Company(leases, leader)
    try:
        left = most_bytes - int(leader.unit.fields.get("size", "0"))
        if left > 0:
            together = Company(leases, leader, leases.join(leader, most=most - 1, most_bytes=left))
        yield together
    except Exception as error:
        together.disband(error)
        if isinstance(error, Broken) or not isinstance(error, (*EXPECTED, LeaseLost)):
            raise
    else:
        together.disband(None)
