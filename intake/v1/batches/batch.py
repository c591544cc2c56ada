"""A batch as it is kept: a list of questions with what OpenAI's object says beside."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, get_args

import orjson

from intake.lookup.views import has_ended
from jobs.question_lists import BATCH

Json = dict[str, Any]
Endpoint = Literal["/v1/chat/completions", "/v1/responses", "/v1/embeddings"]
Status = Literal[
    "validating", "failed", "in_progress", "finalizing", "completed", "expired", "cancelling",
    "cancelled",
]  # fmt: skip

#: What a batch may be asked of.
ENDPOINTS: Final[tuple[Endpoint, ...]] = get_args(Endpoint)
_PREFIX: Final = "batch_"


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRequest:
    """
    A batch that is asked for.

    Attributes:
        completion_window: As the caller wrote it; *window_s* is what that means.

        output_s: How long its files are kept, None for as long as is usual.
    """

    input_file_id: str
    endpoint: Endpoint
    completion_window: str
    window_s: int
    metadata: Mapping[str, str] | None = None
    output_s: int | None = None

    def as_json(self) -> Json:
        """Return the request as its job keeps it, and as another is compared with it."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class LineError:
    """
    Why nothing of a batch was accepted.

    Attributes:
        line: Of the file, counted from 1; None where it is no line's fault.
    """

    code: str
    message: str
    line: int | None = None
    param: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """
    A batch that is there.

    Attributes:
        told: What was asked, `model` and `errors`.

        row: The job's.
    """

    job_id: str
    told: Json
    row: Mapping[str, str]

    @classmethod
    def of(cls, job_id: str, row: Mapping[str, str]) -> "Batch | None":
        """Return the batch that a job is; None where it is none."""
        return cls(job_id, orjson.loads(row[BATCH]), row) if BATCH in row else None

    @property
    def id(self) -> str:
        """What it is called."""
        return _PREFIX + self.job_id.replace("-", "")

    @property
    def needs_files(self) -> bool:
        """Whether all of its lines have ended, and the files of that are not there yet."""
        return has_ended(self.row) and not self.has_failed and "outputs_at" not in self.row

    @property
    def has_failed(self) -> bool:
        """Whether nothing of it was accepted."""
        return "error" in self.row

    @property
    def is_cancelled(self) -> bool:
        """Whether somebody asked it to stop before all lines had ended."""
        return self.row.get("cancel") == "1"

    @property
    def unmade(self) -> int:
        """How many lines have no row: those of a batch that has ended get none any more."""
        return int(self.row["fill_total"]) - int(self.row.get("total", "0"))

    @property
    def has_expired(self) -> bool:
        """Whether its time ended before all lines had."""
        late = int(self.row.get("expired", "0")) + (self.unmade if has_ended(self.row) else 0)
        return late > 0 and not self.is_cancelled

    @property
    def status(self) -> Status:
        """How far it is."""
        if self.has_failed:
            return "failed"
        if not has_ended(self.row) or self.needs_files:
            return self._status_so_far
        return (
            "cancelled" if self.is_cancelled else "expired" if self.has_expired else "completed"
        )  # fmt: skip

    @property
    def _status_so_far(self) -> Status:
        """How far it is before its files are there."""
        if self.is_cancelled:
            return "cancelling"
        if has_ended(self.row):
            return "finalizing"
        has_rows = self.row.get("filling") != "1" or self.row.get("fill_at") != "0"
        return "in_progress" if has_rows else "validating"

    @property
    def counts(self) -> dict[str, int]:
        """How many lines there are, were answered and were not; who cancels hears of no failure."""
        failed = int(self.row.get("failed", "0")) + int(self.row.get("expired", "0"))
        if self.has_expired and has_ended(self.row):
            failed += self.unmade
        return {
            "total": int(self.row["fill_total"]),
            "completed": int(self.row.get("done", "0")),
            "failed": failed,
        }


def job_of(batch_id: str) -> str | None:
    """Return which job a batch's id names, None where it is no such id."""
    try:
        plain = batch_id.removeprefix(_PREFIX)
        return str(uuid.UUID(plain)) if batch_id.startswith(_PREFIX) else None
    except ValueError:
        return None


def told_of(
    asked: BatchRequest, *, model: str | None = None, errors: Sequence[LineError] = ()
) -> str:
    """Return what a job keeps of a batch, as JSON."""
    more = {"model": model, "errors": [asdict(error) for error in errors]}
    return orjson.dumps(asked.as_json() | more).decode()
