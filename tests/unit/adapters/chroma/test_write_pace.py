"""Writes give way to searches: how they are cut, and how long they wait."""

import time

import pytest

from adapters.chroma import write_pace
from adapters.chroma.write_pace import FEWEST_ROWS, WritePace
from rag.search.candidates import OWN_ROWS


class People:
    """Who search, or do not; *waits* has how long writes would have let them pass, seconds."""

    def __init__(self, *, searching: bool) -> None:
        self.searching = searching
        self.waits: list[float] = []

    def lately(self) -> bool:
        return self.searching

    def let_pass(self, *, longest_s: float) -> None:
        self.waits.append(longest_s)


LARGE = OWN_ROWS + 1


def written(
    pace: WritePace, rows: int, *, row_s: float = 0.0, held: int = LARGE, name: str = "c"
) -> list[int]:
    """Write rows that take so long each beside those held; returns how many each part had."""
    sizes: list[int] = []
    seen: list[int] = []
    for part in pace.parts(rows, name, count=lambda: held):
        there = range(rows)[part]
        sizes.append(len(there))
        seen += there
        time.sleep(row_s * len(there))
    assert seen == list(range(rows))
    return sizes


@pytest.mark.parametrize("people", [None, People(searching=False)])
def test_while_nobody_searches_a_write_is_one_and_waits_for_nobody(people: People | None) -> None:
    assert written(WritePace(people), 100) == [100]
    assert written(WritePace(people), 0) == []
    assert people is None or people.waits == []


def test_while_people_search_a_write_has_parts_that_take_a_short_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_pace, "SHORT_S", 0.05)
    pace = WritePace(People(searching=True))
    quick = written(pace, 200, row_s=0.0)
    slow = written(pace, 200, row_s=0.002)

    assert quick[:3] == [FEWEST_ROWS, 2 * FEWEST_ROWS, 4 * FEWEST_ROWS]
    assert slow[0] > 50
    assert all(FEWEST_ROWS <= size <= 30 for size in slow[1:-1])


def test_what_replicas_search_without_chroma_is_written_whole_until_it_has_grown() -> None:
    pace = WritePace(People(searching=True))

    assert written(pace, 100, held=OWN_ROWS - 150) == [100]
    assert written(pace, 100, held=0) == [100]
    assert written(pace, 100, held=0)[0] == FEWEST_ROWS
    pace.forget("c")
    assert written(pace, 100, held=0) == [100]


def test_after_a_part_searches_may_pass_for_as_long_as_it_took_and_no_longer() -> None:
    people = People(searching=True)
    took = []
    began = time.perf_counter()
    for part in WritePace(people).parts(30, "c", count=lambda: LARGE):
        assert part.stop - part.start >= FEWEST_ROWS
        time.sleep(0.005)
        took.append(time.perf_counter() - began)
        began = time.perf_counter()

    assert len(people.waits) == len(took)
    assert all(0.005 <= wait < t + 1 for wait, t in zip(people.waits, took, strict=True))
