"""The yardstick of the embedding cache, against models too simple to be wrong."""

import random
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from cachetools import TTLCache

from benchmarks.data.traffic import (
    ExactCache,
    draws,
    entries_for,
    popularity,
    steady_hit_rate,
    steepness_for,
)


def brute_force(asked: list[tuple[int, float]], *, capacity: int, ttl_s: float) -> list[bool]:
    """Keep a plain list of (last use, text, written), and search it every time."""
    held: list[tuple[int, int, float]] = []
    hits = []
    for turn, (text, now) in enumerate(asked):
        held = [entry for entry in held if now - entry[2] < ttl_s]
        mine = [entry for entry in held if entry[1] == text]
        hits.append(bool(mine))
        if mine:
            held.remove(mine[0])
            held.append((turn, text, mine[0][2]))
            continue
        if len(held) == capacity:
            held.remove(min(held))
        held.append((turn, text, now))
    return hits


@pytest.mark.parametrize("seed", range(30))
def test_the_exact_cache_does_what_a_plain_list_does(seed: int) -> None:
    chance = random.Random(seed)
    capacity, ttl_s = chance.randint(1, 12), chance.choice([3.0, 20.0, 1e9])
    now = 0.0
    asked = []
    for _ in range(600):
        now += chance.choice([0.0, 0.5, 1.0, 4.0])
        asked.append((int(chance.paretovariate(0.7)) % 30, now))
    cache = ExactCache(capacity, ttl_s=ttl_s)

    hits = [cache.ask(text, now=now) for text, now in asked]

    assert hits == brute_force(asked, capacity=capacity, ttl_s=ttl_s)
    assert any(hits)


@pytest.mark.parametrize("ttl_s", [50.0, 1e9])
def test_the_exact_cache_does_what_cachetools_does(ttl_s: float) -> None:
    exact = ExactCache(100, ttl_s=ttl_s)
    now = 0.0
    clock: Callable[[], float] = lambda: now  # noqa: E731 - reads the loop's variable
    real: TTLCache[int, int] = TTLCache(100, ttl_s, timer=clock)
    different = 0
    for number, text in enumerate(draws(5_000, texts=1_000, s=0.9, seed=3)):
        now = number / 10
        there = real.get(text) is not None
        if not there:
            real[text] = text
        different += exact.ask(text, now=now) != there

    assert different == 0


def test_draws_follow_the_popularity_and_their_seed() -> None:
    drawn = draws(200_000, texts=50, s=1.2, seed=1)
    shares = Counter(drawn)
    chance = popularity(50, 1.2)

    assert chance[0] / chance[9] == pytest.approx(10**1.2)
    assert np.sum(chance) == pytest.approx(1)
    assert [shares[n] / 200_000 for n in range(5)] == pytest.approx(chance[:5].tolist(), rel=0.05)
    assert draws(200_000, texts=50, s=1.2, seed=1) == drawn
    assert draws(200_000, texts=50, s=1.2, seed=2) != drawn


@pytest.mark.parametrize("s", [0.8, 1.0, 1.2, 1.5])
def test_the_steady_rate_is_that_of_a_long_simulation(s: float) -> None:
    cache = ExactCache(500, ttl_s=1.0)
    asked = draws(300_000, texts=2_000, s=s, seed=5)
    cache.hits(asked[:200_000])

    rate = cache.hits(asked[200_000:]) / 100_000

    assert steady_hit_rate(500, texts=2_000, s=s) == pytest.approx(rate, abs=0.005)


def test_how_steep_or_how_large_it_must_be_for_a_rate() -> None:
    s = steepness_for(0.98, 500, texts=2_000)
    entries = entries_for(0.98, texts=2_000, s=1.0)

    assert steady_hit_rate(500, texts=2_000, s=s) == pytest.approx(0.98, abs=1e-6)
    assert steady_hit_rate(entries, texts=2_000, s=1.0) >= 0.98
    assert steady_hit_rate(entries - 1, texts=2_000, s=1.0) < 0.98
    assert steady_hit_rate(2_000, texts=2_000, s=1.0) == 1
