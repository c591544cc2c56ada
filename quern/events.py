"""Server-sent events of a job (HTML standard, section 9.2.6), each with one line of JSON."""

import json
from collections.abc import Iterator
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
    Put events together from the bytes of a stream.

    Attributes:
        last_id: The id of the last event; after it a broken stream is taken up.
    """

    last_id: str = ""
    _begun: bytes = b""
    _fields: dict[str, str] = field(default_factory=dict)

    def read(self, data: bytes) -> Iterator[Event]:
        """Take some of the stream's bytes; yields the events that they end."""
        # Not lines as `str.splitlines` knows them: U+2028 and others may stand in a text.
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            if (event := self._line(line.removesuffix(b"\r").decode())) is not None:
                yield event

    def _line(self, line: str) -> Event | None:
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
        self._begun, self._fields = b"", {}
