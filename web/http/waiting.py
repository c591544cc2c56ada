"""Waiting for a job to end, within a bound, as long as the caller is there."""

import math
import time
from collections.abc import Mapping
from typing import Any

from flask import Response, jsonify, request

from intake.lookup.events import LISTEN_S
from intake.lookup.jobs import Sight
from intake.lookup.readers import Reader
from intake.lookup.views import has_ended
from runtime.turns import aside
from web.callers import Caller
from web.front_end import front_end
from web.http import bodies
from web.http.behind_proxy import client, link, with_links
from web.http.markdown import with_html
from web.slots import NoSlot

#: Where the server shows no connection, a caller who left is looked for so often.
POLL_S = 0.5
#: A waiter who is not woken looks after this all the same: what a lost wake-up costs.
LOOK_S = 5.0
#: A caller is told to come back after this, more where the queue is long.
LEAST_RETRY_S = 1
MOST_RETRY_S = 30
#: A caller who had to wait for a thread stays away for so many times as long: those who ask again
#: and again are what others wait for.
PAUSE_OF_WAITING = 4


def awaited(job_id: str, wait_s: float) -> Sight:
    """
    Return what is shown of a job when it has ended or *wait_s* is over; the caller holds a slot.

    A job that asked for `cancel_on_disconnect` is cancelled when its caller leaves.

    Raises:
        Gone, NotFound: There is no such job.
    """
    parts = front_end()
    caller = Caller(request.environ)
    end = time.monotonic() + wait_s
    reader: Reader | None = None
    stayed_at = -math.inf
    bodies.have_come()
    with (
        parts.intake.notifier.waiting_for(job_id) as changed,
        parts.departures.watched(caller, changed) as is_watched,
    ):
        look_s = LOOK_S if is_watched else POLL_S
        while True:
            changed.clear()
            seen = parts.intake.jobs.look(job_id)
            if has_ended(seen.row) or time.monotonic() >= end:
                break
            if reader is None:
                reader = parts.intake.control.reader(job_id, seen.row)
            if time.monotonic() - stayed_at >= LISTEN_S:
                stayed_at = time.monotonic()
                reader.stay(seen.seen_ms)
            with aside():
                changed.wait(min(end - time.monotonic(), look_s))
                has_left = caller.gone
            if has_left:
                parts.intake.control.on_disconnect(job_id, reader)
                return seen
    if reader is not None and not has_ended(seen.row):  # who read goes with what ended
        reader.leave()
    return seen


def polled(job_id: str, wait_s: float) -> Sight | None:
    """Wait as `awaited` does, in a slot of the long polls; None at once where none is left."""
    try:
        with front_end().places.polls.held(client()):
            return awaited(job_id, wait_s)
    except NoSlot:
        return None


def job_response(
    job_id: str,
    *,
    status: int,
    wait_s: int = 0,
    applied: str = "",
    seen: Sight | None = None,
    as_html: bool = False,
) -> Response:
    """
    Answer with a job as it is when it has ended or *wait_s* is over.

    *applied* are the preferences that were honoured; *seen* is what a submission told of the job;
    *as_html* adds a model's answer as HTML.
    """
    parts = front_end()
    refused = False
    if wait_s:
        seen = polled(job_id, wait_s)
        refused = seen is None
    shown = parts.intake.jobs.show(job_id, parts.health.workers, seen=seen)
    answer = jsonify(with_links(with_html(shown) if as_html else shown))
    answer.status_code = status
    if not has_ended(shown):
        answer.headers["Retry-After"] = str(
            retry_after_s({} if refused else shown, waited_s=Caller(request.environ).waited_s)
        )
    if applied:
        answer.headers["Preference-Applied"] = applied
    return answer


def retry_after_s(shown: Mapping[str, Any], *, waited_s: float = 0.0) -> int:
    """Return when it is worth asking again; *waited_s* is how long this request had to wait."""
    eta_s = (shown.get("queue") or {}).get("eta_s") or 0
    pause_s = max(eta_s, PAUSE_OF_WAITING * waited_s)
    return max(LEAST_RETRY_S, min(MOST_RETRY_S, math.ceil(pause_s)))


def submitted(job_id: str, *, wait_s: int, applied: str, seen: Sight | None = None) -> Response:
    """
    Answer a submit: 202 and where the job is, or 200 where it ended while the caller waited.

    Each says so in `Location`.
    """
    answer = job_response(job_id, status=202, wait_s=wait_s, applied=applied, seen=seen)
    if wait_s and "Retry-After" not in answer.headers:
        answer.status_code = 200
    answer.headers["Location"] = link(f"/api/jobs/{job_id}")
    return answer
