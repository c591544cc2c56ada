"""One observation of one part, in the words of draft-inadarei-api-health-check."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final, Literal

Status = Literal["pass", "warn", "fail"]

ORDER: Final[dict[Status, int]] = {"pass": 0, "warn": 1, "fail": 2}
#: A status as a number that a graph can show.
GRADES: Final[dict[Status, float]] = {"pass": 1.0, "warn": 0.5, "fail": 0.0}
#: What is said of a part that an ordinary start has not brought yet.
STARTING: Final = "starting"
#: Without these everything still works, slower or less conveniently: never more than a warning.
NOT_VITAL: Final = frozenset({"cache", "flower"})


@dataclass(frozen=True, slots=True)
class Check:
    """What was seen of one part, and what that means."""

    name: str
    status: Status
    component_type: str
    value: float | int | str | None = None
    unit: str | None = None
    output: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def capped(self) -> "Check":
        """Return the check as it counts: what is not vital never fails."""
        if self.status == "fail" and self.name.partition(":")[0] in NOT_VITAL:
            return replace(self, status="warn")
        return self

    def shown(self, time_text: str) -> dict[str, Any]:
        """Return the check as it appears in `checks`."""
        shown: dict[str, Any] = {
            "status": self.status,
            "componentType": self.component_type,
            "time": time_text,
        }
        if self.value is not None:
            shown["observedValue"] = self.value
        if self.unit is not None:
            shown["observedUnit"] = self.unit
        if self.output is not None:
            shown["output"] = self.output
        return shown | self.details


def graded(bad: float, *, warn: float, fail: float) -> Status:
    """Judge a value of which more is worse."""
    return "fail" if bad >= fail else "warn" if bad >= warn else "pass"


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst of *statuses*; of none, that all is well."""
    return max(statuses, key=ORDER.__getitem__, default="pass")


def moment(seconds: float) -> str:
    """Write a time as RFC 3339."""
    text = datetime.fromtimestamp(seconds, tz=UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
