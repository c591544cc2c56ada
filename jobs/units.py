"""A claimed unit: its row in the ledger, with the outputs of earlier stages."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from jobs.document_metadata import of_row
from rag.documents import Value

FINAL_STATES: Final = frozenset({"succeeded", "partial", "failed", "cancelled", "expired"})


@dataclass(frozen=True, slots=True)
class Unit:
    """One claimed unit: a question, a search, or one document row of an ingest or delete."""

    id: str
    fields: Mapping[str, str]

    @property
    def epoch(self) -> str:
        """The fence: every write of this claim names it."""
        return self.fields["epoch"]

    @property
    def stage(self) -> str:
        """What is to be done now."""
        return self.fields["stage"]

    @property
    def time_left_s(self) -> float:
        """How long it had when it was claimed, seconds, by Redis' clock alone."""
        return (int(self.fields["deadline"]) - int(self.fields["now"])) / 1000

    @property
    def attempt(self) -> int:
        """Which claim of this stage this is, from 1."""
        return int(self.fields.get("stage_claims", "1"))

    @property
    def collection_id(self) -> str:
        """The id of its collection."""
        return self.fields["incarnation"]

    @property
    def metadata(self) -> dict[str, Value]:
        """A document's own, and what its job says of all, which a claim adds to the row."""
        return orjson.loads(of_row(self.fields, self.fields.get("job_metadata", "")))

    @property
    def ids(self) -> dict[str, str]:
        """What log lines about it carry: the job, the document, the request that asked for it."""
        told = {
            "job_id": self.fields.get("job", self.id),
            "document_id": self.fields.get("document", ""),
            "request_id": self.fields.get("request_id", ""),
        }
        return {name: value for name, value in told.items() if value}

    def json(self, name: str) -> Any:
        """Return a field that holds JSON; None where it is absent or empty."""
        text = self.fields.get(name)
        return orjson.loads(text) if text else None


@dataclass(frozen=True, slots=True)
class Delta:
    """A delta of a unit's answer; *number* counts those of one claim, from 1."""

    unit: Unit
    number: int
    text: str

    @property
    def data(self) -> dict[str, Any]:
        """What its `token` event says."""
        return {"text": self.text, "attempt": self.unit.attempt}


def unit_from_flat(unit_id: str, flat: list[str]) -> Unit:
    """Build a unit from a flat list of names and values."""
    return Unit(unit_id, dict(zip(flat[::2], flat[1::2], strict=True)))
