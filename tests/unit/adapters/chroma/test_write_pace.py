"""Writes give way to searches: how they are cut, and how long they wait."""

import time

import pytest

from adapters.chroma import write_pace
from adapters.chroma.write_pace import FEWEST_ROWS, WritePace


class People:
    """Who search as the test says; *looks* counts how often somebody asked for those under way."""

    def __init__(self, *, searching: bool, ended: int | None = None) -> None:
        self.searching = searching
        self.ended = ended  # after so many looks
        self.looks = 0

    def under_way(self) -> bool:
        self.looks += 1
        return self.searching and (self.ended is None or self.looks <= self.ended)

    def lately(self) -> bool:
        return self.searching


def written(pace: WritePace, rows: int, *, row_s: float = 0.0) -> list[int]:
    """Write rows that take so long each; returns how many each part had."""
    sizes: list[int] = []
    seen: list[int] = []
    for part in pace.parts(rows):
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
    assert people is None or people.looks == 0


def test_while_people_search_a_write_has_parts_of_about_the_same_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(write_pace, "SHORT_S", 0.05)
    pace = WritePace(People(searching=True, ended=0))
    first, *rest = written(pace, 100, row_s=0.001)

    assert first == FEWEST_ROWS
    assert 0 < len(rest) < 9
    assert all(FEWEST_ROWS <= size <= 50 for size in rest[:-1])


def test_between_two_parts_a_write_waits_for_searches_as_long_as_it_took_and_no_longer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(WritePace, "_wait", lambda _, longest_s: waits.append(longest_s))
    pace = WritePace(People(searching=True))
    took = []
    for part in pace.parts(30):
        assert part.stop - part.start >= FEWEST_ROWS
        began = time.perf_counter()
        time.sleep(0.005)
        took.append(time.perf_counter() - began)

    assert len(waits) == len(took)
    assert all(wait >= t for wait, t in zip(waits, took, strict=True))


@pytest.mark.parametrize(("ended", "looks"), [(0, 1), (2, 3)])
def test_a_write_goes_on_as_soon_as_no_search_is_under_way(ended: int, looks: int) -> None:
    people = People(searching=True, ended=ended)
    WritePace(people)._wait(60.0)

    assert people.looks == looks


def test_a_write_goes_on_while_a_search_never_ends() -> None:
    people = People(searching=True)
    WritePace(people)._wait(0.05)

    assert people.looks > 1
