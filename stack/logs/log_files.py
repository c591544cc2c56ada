"""The log files of a data folder, read as one stream in the order of time."""

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stack.logs.foreign_lines import ForeignLines
from stack.logs.readable_lines import parsed

#: How often files are looked at for more, seconds.
POLL_S: Final = 0.2
LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

Line = dict[str, Any]


@dataclass
class Wanted:
    """
    Which lines are asked for.

    Args:
        job_id: A job; lines that name another are not wanted, and lines that name none are where
            they carry the request that asked for this one.

        since: RFC 3339 in UTC; earlier lines are not wanted.

        level: The least level.
    """

    job_id: str = ""
    since: str = ""
    level: str = "DEBUG"
    requests: set[str] = field(default_factory=set)

    def __call__(self, line: Line) -> bool:
        """Return True if a line is wanted."""
        level = line.get("level")
        if level in LEVELS and LEVELS.index(str(level)) < LEVELS.index(self.level):
            return False
        if str(line.get("ts", "")) < self.since:
            return False
        return not self.job_id or self._of_the_job(line)

    def _of_the_job(self, line: Line) -> bool:
        named, request = line.get("job_id"), line.get("request_id")
        if named == self.job_id:
            self.learn(line)
            return True
        return not named and bool(request) and request in self.requests

    def learn(self, line: Line) -> None:
        """Remember the request that asked for the job."""
        if line.get("job_id") == self.job_id and line.get("event") == "accepted":
            self.requests.update(filter(None, [line.get("request_id")]))


class LogFiles:
    """`DATA/logs`: the lines of all processes, each file's older copy first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_to: dict[Path, int] = {}

    def lines(self, wanted: Wanted) -> Iterator[Line]:
        """Yield what is there, by time."""
        if wanted.job_id:
            for file in self._files():
                for line in self._one(file, needle=wanted.job_id.encode()):
                    wanted.learn(line)
        streams = [self._one(file, remember=True) for file in self._files()]
        merged = heapq.merge(*streams, key=lambda line: str(line.get("ts", "")))
        return filter(wanted, merged)

    def follow(self, wanted: Wanted) -> Iterator[Line]:
        """Yield what comes from now on, for ever; call `lines` first for what is there."""
        while True:
            fresh: list[Line] = []
            for file in self._files(old_too=False):
                fresh += self._one(file, start=self._read_to.get(file, 0), remember=True)
            # First what tells whose a request is: the web's own line is a moment older.
            for line in fresh:
                wanted.learn(line)
            yield from filter(wanted, sorted(fresh, key=lambda line: str(line.get("ts", ""))))
            time.sleep(POLL_S)

    def _files(self, *, old_too: bool = True) -> Sequence[Path]:
        """Return the files, older copies first."""
        now = sorted(self._folder.glob("*.log"))
        return [*sorted(self._folder.glob("*.log.1")), *now] if old_too else now

    def _one(
        self, file: Path, *, start: int = 0, remember: bool = False, needle: bytes = b""
    ) -> Iterator[Line]:
        """Yield the lines of one file from a place on; what is not in our form is put into it."""
        name = file.name.removesuffix(".1").removesuffix(".log")
        foreign = ForeignLines(name)
        last = ""
        try:
            with file.open("rb") as source:
                size = source.seek(0, 2)
                source.seek(start if start <= size else 0)  # it was rotated
                place = source.tell()
                for line in source:
                    if not line.endswith(b"\n") and remember:
                        break  # the rest of it is still to come
                    place += len(line)
                    if remember:
                        self._read_to[file] = place
                    if needle not in line or not line.strip():
                        continue
                    fields = parsed(line)
                    if fields is None:
                        fields = _plain(foreign, line, name, last or _changed(file))
                    last = str(fields.get("ts", last))
                    yield fields
        except FileNotFoundError:
            return


def _plain(foreign: ForeignLines, line: bytes, name: str, ts: str) -> Line:
    """Put a plain line into our form; its time is that of the line before it."""
    record = foreign.record(line.decode(errors="replace").rstrip(), pid=0)
    return {"ts": ts, "level": record.levelname, "role": name, "event": record.getMessage()}


def _changed(file: Path) -> str:
    """Return when a file was last written to."""
    moment = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
