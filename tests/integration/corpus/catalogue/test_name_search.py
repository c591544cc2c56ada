"""Finding documents by a part of their names, a bounded look at a time."""

from typing import Any

import pytest
from redis import Redis

from corpus.catalogue import name_search
from corpus.catalogue.name_search import MOST, NamesFound, names_with
from protocol.keys import key
from tests.support.workbench import Workbench


@pytest.fixture
def redis(bench: Workbench) -> "Redis[str]":
    return bench.redis


def listed(redis: Any, *names: str) -> None:
    redis.zadd(key("names", "c"), dict.fromkeys(names, 0))


def every(redis: Any, part: str, limit: int) -> list[NamesFound]:
    pages = [names_with(redis, "c", part, after="", limit=limit)]
    while pages[-1].last is not None:
        pages.append(names_with(redis, "c", part, after=pages[-1].last, limit=limit))
    return pages


def test_a_part_is_found_anywhere_in_a_name_whatever_its_case(redis: Any) -> None:
    listed(redis, "Pump/KX-30.md", "old/pump.txt", "Straße", "well", "cafe\u0301")

    assert names_with(redis, "c", "PUMP", after="", limit=9) == NamesFound(
        ["Pump/KX-30.md", "old/pump.txt"], None, 5, 5
    )
    assert names_with(redis, "c", "strasse", after="", limit=9).names == ["Straße"]
    assert names_with(redis, "c", "café", after="", limit=9).names == ["cafe\u0301"]
    assert names_with(redis, "c", "none", after="", limit=9) == NamesFound([], None, 5, 5)
    assert names_with(redis, "none", "x", after="", limit=9) == NamesFound([], None, 0, 0)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_pages_follow_each_other_without_a_gap(
    redis: Any, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(name_search, "_STEP", 4)
    monkeypatch.setattr(name_search, "MOST", 8)
    names = [f"{n:03}{'-even' if n % 2 == 0 else ''}" for n in range(30)]
    listed(redis, *names)
    pages = every(redis, "even", limit)

    assert [name for page in pages for name in page.names] == names[::2]
    assert all(len(page.names) <= limit for page in pages)
    searched = [page.searched for page in pages]
    assert searched == sorted(searched)
    assert (searched[-1], pages[-1].total) == (30, 30)


def test_one_call_looks_at_so_many_names_and_no_further(redis: Any) -> None:
    for first in range(0, MOST + 1_000, 1_000):
        listed(redis, *(f"{n:06}" for n in range(first, first + 1_000)))
    found = names_with(redis, "c", "x", after="", limit=10)

    assert found == NamesFound([], f"{MOST - 1:06}", MOST, MOST + 1_000)
    assert names_with(redis, "c", "020500", after=found.last or "", limit=10).names == ["020500"]
