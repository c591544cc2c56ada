"""Shedding: what a full Redis can best do without goes before its time."""

from typing import Final

from jobs.ledger.pace import Pace
from protocol.scripts import Scripts

#: Jobs that one call looks at for streams: Redis is busy with them for some milliseconds.
LOOKED_AT: Final = 200


class Shedding:
    """
    What the shedder asks of the ledger.

    Each call looks at some jobs in the order of their submission, from *after* on, empty for the
    beginning; it returns how many it shed, and where to go on: empty at the end.
    """

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts
        self._pace = Pace()

    def events(self, *, after: str) -> tuple[int, str]:
        """Let the event streams of ended jobs go; their readers are told from the rows."""
        count, go_on = self._run("shed_events", after, LOOKED_AT)
        return int(count), str(go_on)

    def forget(self, *, after: str, least_age_s: float) -> tuple[int, str]:
        """Forget jobs that ended at least *least_age_s* ago."""
        most = self._pace.rows
        answer, spent_s = self._run.timed("forget", after, most, int(least_age_s * 1000))
        self._pace.took(most, spent_s)
        count, go_on = answer
        return int(count), str(go_on)
