"""When to ask again for a file: by its place in the queue and the time that a body takes."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from intake.vector_stores.polling import LEAST_MS, MOST_MS, USUAL_MS, Polling
from jobs.heartbeats import WorkerState
from jobs.ledger.sights import Place, Sight


@dataclass
class Ledger:
    """Rows and the open ones of a job; stands in for Redis as well."""

    place: Place | None
    owner: str = "interactive"
    open: list[str] = field(default_factory=lambda: ["u"])

    def look(self, unit: str) -> Sight | None:
        row = {"role": "ingest", "owner": self.owner}
        return Sight(row, self.place) if unit == "u" else None

    def srandmember(self, _name: str, _count: int) -> list[str]:
        return self.open


def polling(ledger: Ledger) -> Polling:
    told: Any = ledger
    return Polling(told, told)


def workers(threads: int) -> list[WorkerState]:
    told: Any = type("Worker", (), {"threads": threads, "queues": ("ingest", "embed")})
    return [told()]


@pytest.mark.parametrize(
    ("rank", "mean_ms", "threads", "expected"),
    [
        (None, 400, 1, 400),  # it runs
        (0, 400, 1, 800),
        (9, 400, 2, 2_400),
        (9, 40_000, 2, MOST_MS),
        (0, 2, 8, LEAST_MS),
    ],
)
def test_a_file_is_ready_once_those_before_it_are(
    rank: int | None, mean_ms: int, threads: int, expected: int
) -> None:
    ledger = Ledger(Place(rank, 0, mean_ms * 1_000))

    assert polling(ledger).of_file("u", workers(threads)) == expected


def test_interactive_files_go_before_those_of_a_batch() -> None:
    place = Place(0, 10, 100_000)

    assert polling(Ledger(place)).of_file("u", workers(1)) == 200
    assert polling(Ledger(place, owner="ingest:job")).of_file("u", workers(1)) == 1_200


def test_a_batch_is_ready_once_all_its_files_are() -> None:
    ledger = Ledger(Place(None, 0, 100_000))

    assert polling(ledger).of_batch("job", 9, workers(2)) == 500
    assert polling(Ledger(None, open=[])).of_batch("job", 9, workers(2)) == LEAST_MS


def test_nobody_knows_while_nobody_serves() -> None:
    assert polling(Ledger(Place(0, 0, 100_000))).of_file("u", []) == USUAL_MS
    assert polling(Ledger(Place(0, 0, None))).of_file("u", workers(1)) == USUAL_MS
    assert polling(Ledger(None)).of_file("u", workers(1)) == LEAST_MS
    assert polling(Ledger(None)).of_file("", workers(1)) == LEAST_MS
