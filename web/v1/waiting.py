"""Waiting for a job to end for as long as its caller is there."""

import time
from collections.abc import Callable
from typing import Final, NamedTuple

from intake.lookup.jobs import Sight
from intake.lookup.views import has_ended
from web.front_end import front_end
from web.http.behind_proxy import client
from web.http.waiting import awaited
from web.v1.errors import V1Error

#: What is late is ended by the sweep of the ledger, which comes some seconds after the deadline.
_SWEEP_S: Final = 15.0


class Ended(NamedTuple):
    """A job that has ended, and what was seen of it then."""

    job_id: str
    seen: Sight


def ended(begin: Callable[[], str], deadline_s: float, *, late: V1Error | None = None) -> Ended:
    """
    Begin a job once there is a place to wait for it, and wait for its end.

    A caller who leaves ends it, unless others wait for it too. What has not ended long after its
    deadline is given up.

    Raises:
        NoSlot: There is no place; nothing was begun.

        V1Error: It has not ended; *late* where one is given.
    """
    wait_s = deadline_s + _SWEEP_S
    with front_end().places.polls.held(client()):
        job_id = begin()
        over_at = time.monotonic() + wait_s
        seen = awaited(job_id, wait_s)
    if not has_ended(seen.row):
        # Of a caller who left, `awaited` knows whether others are there.
        if time.monotonic() >= over_at:
            front_end().intake.queries.give_up(job_id)
        raise late or V1Error(504, "No answer was made in time; try again.")
    return Ended(job_id, seen)
