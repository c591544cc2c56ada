"""What a check finds: each difference once, counted by kind, and what became of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal[
    "passages_missing",  # a current document lacks rows in the vector store
    "orphan",  # rows of a generation that nobody knows
    "entry_missing",  # rows or a record of a document of which the catalogue has lost the entry
    "record_missing",  # a current document without its record
    "text_missing",  # the parsed text or its manifest is not in the blob store
    "file_missing",  # the file as it came is not in the blob store
    "log_lost",  # the change log vanished
    "sparse_missing",  # a current document that a replica's index lacks, or has in part
    "sparse_extra",  # a generation in a replica's index that nobody can read any more
    "index_unusable",  # a replica's index cannot be read
    "replica_silent",  # a replica did not answer
    "collection_unknown",  # in the vector store, and in no catalogue
]

#: What became of it: nothing was asked, it is repaired, or it cannot be.
Outcome = Literal["found", "repaired", "left"]

#: Findings told one by one for each collection; all are counted.
TOLD: Final = 100


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference; *detail* says what is wrong, and what people have to do where we cannot."""

    kind: Kind
    outcome: Outcome
    document_id: str | None
    detail: str

    def as_json(self) -> dict[str, Any]:
        """Return it as the job's result has it."""
        return {
            "kind": self.kind,
            "outcome": self.outcome,
            "document_id": self.document_id,
            "detail": self.detail,
        }


@dataclass(slots=True)
class Report:
    """What was found of one collection; *repair* says whether what differs is repaired."""

    collection: str
    repair: bool = False
    documents: int = 0
    passages: int = 0
    replicas: list[dict[str, Any]] = field(default_factory=list)
    _findings: list[Finding] = field(default_factory=list)
    _counts: Counter[tuple[Kind, Outcome]] = field(default_factory=Counter)

    def add(
        self, kind: Kind, outcome: Outcome, document_id: str | None, detail: str, *, times: int = 1
    ) -> None:
        """Count a difference *times*, and keep it where there is room."""
        self._counts[kind, outcome] += times
        if len(self._findings) < TOLD:
            self._findings.append(Finding(kind, outcome, document_id, detail))

    def add_repaired(self, kind: Kind, document_id: str | None, detail: str) -> None:
        """Report a difference that a repair puts right for certain."""
        self.add(kind, "repaired" if self.repair else "found", document_id, detail)

    def add_unrepaired(self, kind: Kind, document_id: str | None, detail: str) -> None:
        """Report a difference that no repair puts right."""
        self.add(kind, "left" if self.repair else "found", document_id, detail)

    def merge(self, findings: Sequence[dict[str, Any]]) -> None:
        """Take over what another process found, as JSON with *times*."""
        for said in findings:
            self.add(
                said["kind"], said["outcome"], said["document_id"], said["detail"],
                times=said.get("times", 1),
            )  # fmt: skip

    @property
    def found(self) -> int:
        """How many differences there were."""
        return self._counts.total()

    @property
    def left(self) -> int:
        """How many there still are."""
        return sum(n for (_, outcome), n in self._counts.items() if outcome != "repaired")

    def counts(self) -> dict[str, dict[str, int]]:
        """Return, by kind, how many were found and how many of them are repaired."""
        told: dict[str, dict[str, int]] = {}
        for (kind, outcome), n in sorted(self._counts.items()):
            entry = told.setdefault(kind, {"found": 0, "repaired": 0})
            entry["found"] += n
            entry["repaired"] += n if outcome == "repaired" else 0
        return told

    @classmethod
    def resumed(cls, told: Mapping[str, Any], *, repair: bool) -> "Report":
        """Return a report that goes on where one was told as JSON."""
        report = cls(told["collection"], repair, told["documents"], told["passages"])
        report.replicas = list(told["replicas"])
        for kind, n in told["differences"].items():
            report._counts[kind, "repaired"] += n["repaired"]
            report._counts[kind, "left" if repair else "found"] += n["found"] - n["repaired"]
        report._counts = +report._counts
        report._findings = [Finding(**finding) for finding in told["findings"]]
        return report

    def as_json(self) -> dict[str, Any]:
        """Return it as the job's result has it."""
        return {
            "collection": self.collection,
            "documents": self.documents,
            "passages": self.passages,
            "consistent": not self.left,
            "differences": self.counts(),
            "findings": [finding.as_json() for finding in self._findings],
            "replicas": self.replicas,
        }
