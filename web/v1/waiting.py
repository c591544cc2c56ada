"""Waiting for a job to end for as long as its caller is there."""

from collections.abc import Callable
from typing import Final

from intake.lookup.views import has_ended
from web.front_end import front_end
from web.http.behind_proxy import client
from web.http.waiting import awaited
from web.v1.errors import V1Error

#: What is late is ended by the sweep of the ledger, which comes some seconds after the deadline.
_SWEEP_S: Final = 15.0


def ended(begin: Callable[[], str], deadline_s: float) -> str:
    """
    Begin a job once there is a place to wait for it, and wait for its end; returns its id.

    A caller who leaves ends it.

    Raises:
        NoSlot: There is no place; nothing was begun.

        V1Error: It has not ended, long after its deadline.
    """
    with front_end().places.polls.held(client()):
        job_id = begin()
        seen = awaited(job_id, deadline_s + _SWEEP_S)
    if not has_ended(seen.row):
        front_end().intake.control.cancel(job_id)
        raise V1Error(504, "No answer was made in time; try again.")
    return job_id
