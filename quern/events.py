"""Server-sent events of a job (HTML standard, section 9.2.6), each with one line of JSON."""

import json
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a job: `state`, `sources`, `token`, `verdict`, `progress`, `done` and others."""

    kind: str
    data: Any


@dataclass(slots=True)
class EventParser:
    """
    Put events together from the lines of a stream.

    Attributes:
        last_id: The id of the last event; after it a broken stream is taken up.
    """

    last_id: str = ""
    _fields: dict[str, str] = field(default_factory=dict)

    def line(self, line: str) -> Event | None:
        """Take a line; returns the event that it ends, if it ends one."""
        if line:
            if not line.startswith(":"):
                name, _, value = line.partition(":")
                self._fields[name] = value.removeprefix(" ")
            return None
        fields, self._fields = self._fields, {}
        if "data" not in fields:
            return None
        self.last_id = fields.get("id") or self.last_id
        return Event(fields.get("event", "message"), json.loads(fields["data"]))

    def headers(self) -> dict[str, str]:
        """Return what is sent to have the events after the last one."""
        more = {"Last-Event-ID": self.last_id} if self.last_id else {}
        return {"Accept": "text/event-stream"} | more

    def begin_anew(self) -> None:
        """Forget half an event of a stream that broke off."""
        self._fields = {}
