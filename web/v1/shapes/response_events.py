"""
The events of a response, made from those of its job: with the same numbers each time.

So a reader who comes back names the last number and gets what follows, from any process. A text is
cut by its own words, not as it came: its pieces are the same once the job's stream is gone and its
row tells all. Source of the order: openai-openapi 2.3.0, `ResponseStreamEvent`; openai-python 3.57,
`lib/streaming/responses`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from web.v1.shapes.cited_text import CitedText, MarkerFilter, annotations, pieces, rest_of
from web.v1.shapes.responses import (
    Json,
    answer_text,
    empty_response,
    file_search_call,
    message_id,
    message_item,
    response_object,
    searches,
    status_of,
    text_part,
)

#: Why a stream ends where a worker died after it had told a part, and another one tells otherwise.
_TOLD_ANEW: Final = "The answer was begun anew and differs; read it with `responses.retrieve`."


@dataclass(slots=True)
class ResponseEvents:
    """
    Make events out of a job's, one after the other.

    Args:
        told: What was asked.

        include: What is shown beside the usual.
    """

    told: Json
    include: tuple[str, ...] = ()
    is_over: bool = False
    _number: int = 0
    _began: bool = False
    _sources: list[Json] = field(default_factory=list)
    _searched: bool = False
    _item_open: bool = False
    _text: MarkerFilter = field(init=False)
    _comes_whole: bool = False
    _said: str = ""

    def __post_init__(self) -> None:
        """Begin a text."""
        self._text = MarkerFilter(cites=self.told["grounded"])

    def take(self, kind: str, data: Any) -> Iterator[Json]:
        """Yield what an event of the job means; `done` is the last."""
        if self.is_over:
            return
        yield from self._begin()
        match kind:
            case "sources":
                # Where documents change meanwhile they come again: the last ones are answered from.
                self._sources = data["sources"]
            case "verdict":
                # It is told with an answer that is there: what its markers are `done` says.
                self._comes_whole = True
            case "token" if not self._comes_whole:
                self._text.feed(data["text"])
                yield from self._grown()
            case "reset":
                self._comes_whole = False
                self._text = MarkerFilter(cites=self.told["grounded"])
            case "done":
                yield from self._done(data)

    def _begin(self) -> Iterator[Json]:
        """Yield what comes first."""
        if self._began:
            return
        self._began = True
        is_background = self.told["request"]["background"]
        first = "queued" if is_background else "in_progress"
        yield self._whole("response.created", first)
        if is_background:
            yield self._whole("response.queued", "queued")
        yield self._whole("response.in_progress", "in_progress")
        if searches(self.told):
            call = file_search_call(self.told, {}, status="in_progress")
            yield self._item("added", 0, call)
            for step in ("in_progress", "searching"):
                yield self._event(
                    f"response.file_search_call.{step}", output_index=0, item_id=call["id"]
                )

    def _end_search(self) -> Iterator[Json]:
        """Yield the end of the search, once."""
        if self._searched or not searches(self.told):
            return
        self._searched = True
        call = file_search_call(self.told, {"sources": self._sources}, include=self.include)
        yield self._event("response.file_search_call.completed", output_index=0, item_id=call["id"])
        yield self._item("done", 0, call)

    def _grown(self) -> Iterator[Json]:
        """Yield the pieces that are whole; what was told before a worker died is not told again."""
        text = self._text.text
        if self._said.startswith(text):
            return
        if not text.startswith(self._said):
            yield from self._broken_off()
            return
        for piece in pieces(text, len(self._said)):
            yield from self._delta(piece)

    def _delta(self, piece: str) -> Iterator[Json]:
        """Yield more of the text."""
        yield from self._end_search()
        yield from self._open_message()
        self._said += piece
        yield self._event("response.output_text.delta", **self._place(), delta=piece, logprobs=[])

    def _open_message(self) -> Iterator[Json]:
        """Yield the beginning of the message, once."""
        if self._item_open:
            return
        self._item_open = True
        item = message_item(self.told, text="", notes=[], status="in_progress") | {"content": []}
        yield self._item("added", self._index, item)
        yield self._event("response.content_part.added", **self._part("", []))

    def _done(self, job: Json) -> Iterator[Json]:
        """Yield the end of the message, and of the response."""
        self.told = self.told | {"ended_at": job.get("ended_at")}
        if status_of(job) not in ("completed", "incomplete"):
            yield from self._ended(job)
            return
        result = dict(job["result"])
        result.setdefault("sources", self._sources)
        self._sources = result["sources"]
        written = answer_text(self.told, result)
        rest = rest_of(written.text, self._said)
        if rest is None:
            yield from self._broken_off()
            return
        for piece in pieces(rest, 0):
            yield from self._delta(piece)
            rest = rest[len(piece) :]
        if rest:
            yield from self._delta(rest)
        yield from self._end_message(job, written)
        yield from self._ended(job | {"result": result})

    def _end_message(self, job: Json, written: CitedText) -> Iterator[Json]:
        """Yield the end of the message: its citations, and all of it once more."""
        yield from self._end_search()
        yield from self._open_message()
        text = written.text
        notes = annotations(written, self._sources)
        for n, note in enumerate(notes):
            yield self._event(
                "response.output_text.annotation.added", **self._place(), annotation_index=n,
                annotation=note,
            )  # fmt: skip
        status = "completed" if status_of(job) == "completed" else "incomplete"
        yield self._event("response.output_text.done", **self._place(), text=text, logprobs=[])
        yield self._event("response.content_part.done", **self._part(text, notes))
        message = message_item(self.told, text=text, notes=notes, status=status)
        yield self._item("done", self._index, message)

    def _ended(self, job: Json) -> Iterator[Json]:
        """Yield the last event."""
        self.is_over = True
        whole = response_object(self.told, job, include=self.include)
        # There is no event for a cancelled one: `failed` carries its status.
        ends = {"completed": "completed", "incomplete": "incomplete"}
        kind = ends.get(whole["status"], "failed")
        yield self._event(f"response.{kind}", response=whole)

    def _broken_off(self) -> Iterator[Json]:
        """Yield the end of a stream that cannot go on."""
        yield from self._ended({"state": "failed", "error": {"detail": _TOLD_ANEW}})

    @property
    def _index(self) -> int:
        """Which of the items the message is."""
        return 1 if searches(self.told) else 0

    def _place(self) -> Json:
        """Return where the text of the message is."""
        return {
            "item_id": message_id(self.told), "output_index": self._index, "content_index": 0,
        }  # fmt: skip

    def _item(self, step: str, index: int, item: Json) -> Json:
        """Return an event of an item; some servers' clients want the response's id beside it."""
        return self._event(
            f"response.output_item.{step}", output_index=index, item=item,
            response_id=self.told["id"],
        )  # fmt: skip

    def _part(self, text: str, notes: list[Json]) -> Json:
        """Return a part of the message, with the response's id as beside an item."""
        return self._place() | {"response_id": self.told["id"], "part": text_part(text, notes)}

    def _whole(self, kind: str, status: str) -> Json:
        """Return an event with the response as it stands at the beginning."""
        whole = empty_response(self.told, created_at=self.told["created_at"], status=status)
        return self._event(kind, response=whole)

    def _event(self, kind: str, **more: Any) -> Json:
        """Return an event with the next number."""
        number, self._number = self._number, self._number + 1
        return {"type": kind, "sequence_number": number} | more


def all_events(
    told: Json, job_events: Iterable[tuple[str, Any]], *, include: tuple[str, ...] = ()
) -> Iterator[Json]:
    """Yield all events of a response."""
    made = ResponseEvents(told, include)
    for kind, data in job_events:
        yield from made.take(kind, data)
