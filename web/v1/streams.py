"""Streams of `/v1`: a job's events, told as what OpenAI's clients read."""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from functools import partial

from flask import Response, request

from intake.lookup.events import BEGINNING, Event
from web.callers import Caller
from web.front_end import front_end
from web.http.behind_proxy import client
from web.http.event_stream import KEEP_ALIVE, EventStream

#: Makes the text of what a job's event means: of none, of one, or of several events of `/v1`.
Told = Callable[[Event], Iterator[str]]


def streamed(find: Callable[[], tuple[str, Told]]) -> Response:
    """
    Answer with the events of a job, from its beginning.

    *find* returns the job's id and how its events are told; it runs once there is a place for
    another stream, so that nothing is begun for whom there is none.

    Raises:
        NoSlot: There is no place.
    """
    parts = front_end()
    who = client()
    parts.places.streams.take(who)
    try:
        job_id, told = find()
        stream = EventStream(
            parts.intake, job_id, after=BEGINNING, caller=Caller(request.environ),
            departures=parts.departures,
            reader=parts.intake.control.reader(job_id, parts.intake.jobs.row(job_id)),
        )  # fmt: skip
    except BaseException:
        parts.places.streams.give_back(who)
        raise
    answer = Response(_lines(stream, told), mimetype="text/event-stream")
    answer.call_on_close(partial(parts.places.streams.give_back, who))
    answer.headers["Cache-Control"] = "no-store"
    # A proxy that collects the answer before it passes it on would make a stream pointless.
    answer.headers["X-Accel-Buffering"] = "no"
    return answer


def _lines(stream: EventStream, told: Told) -> Generator[str]:
    """Yield the stream's text."""
    with closing(stream.events()) as events:
        yield KEEP_ALIVE  # the headers go out with the first words, and a reader waits for them
        for event in events:
            if event is None:
                yield KEEP_ALIVE
            else:
                yield from told(event)
