"""Zipf traffic, and what an exact cache would make of it."""

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

TEXTS = 20_000  # that traffic asks for


def popularity(texts: int, s: float) -> NDArray[np.float64]:
    """Return how likely each of *texts* is asked for next: the nth as 1 / n to the power *s*."""
    weights: NDArray[np.float64] = np.arange(1, texts + 1, dtype=np.float64) ** -s
    weights /= weights.sum()
    return weights


def draws(count: int, *, texts: int, s: float, seed: int) -> list[int]:
    """Draw *count* numbers of texts by their popularity, each draw independent of the others."""
    chosen = np.random.default_rng(seed).choice(texts, size=count, p=popularity(texts, s))
    numbers: list[int] = chosen.tolist()
    return numbers


class ExactCache:
    """
    An exact LRU cache with a time to live: what a real one of the same capacity is held against.

    Args:
        capacity: Entries; what was least recently asked for goes first.

        ttl_s: Age at which an entry is none, counted from the write.
    """

    def __init__(self, capacity: int, *, ttl_s: float) -> None:
        self._capacity = capacity
        self._ttl_s = ttl_s
        self._written: OrderedDict[int, float] = OrderedDict()  # by time of the last use
        self._ages: OrderedDict[int, float] = OrderedDict()  # by time of the write

    def ask(self, text: int, *, now: float) -> bool:
        """Ask for a text, and keep it if it was not there; returns True if it was."""
        while self._ages:
            oldest, written = next(iter(self._ages.items()))
            if now - written < self._ttl_s:
                break
            del self._ages[oldest], self._written[oldest]
        if text in self._written:
            self._written.move_to_end(text)
            return True
        if len(self._written) >= self._capacity:
            gone, _ = self._written.popitem(last=False)
            del self._ages[gone]
        self._written[text] = self._ages[text] = now
        return False

    def hits(self, asked: Iterable[int]) -> int:
        """Ask for texts one after the other at one instant; returns how many were there."""
        return sum(self.ask(text, now=0.0) for text in asked)


def steady_hit_rate(capacity: int, *, texts: int, s: float) -> float:
    """
    Return the hit rate of an LRU cache that has seen endless Zipf traffic.

    By Che's approximation (Che, Tung and Wang 2002): a text is there if it was asked for within
    the time in which as many others are asked for as the cache holds.
    """
    if capacity >= texts:
        return 1.0
    chance = popularity(texts, s)

    def held(window: float) -> float:
        return float(-np.expm1(-chance * window).sum())

    low, high = 0.0, 1.0
    while held(high) < capacity:
        high *= 2
    for _ in range(100):
        window = (low + high) / 2
        low, high = (window, high) if held(window) < capacity else (low, window)
    return float((chance * -np.expm1(-chance * high)).sum())


def steepness_for(rate: float, capacity: int, *, texts: int) -> float:
    """Return the Zipf exponent whose endless traffic an LRU cache answers at *rate*."""
    low, high = 0.0, 5.0
    for _ in range(50):
        s = (low + high) / 2
        enough = steady_hit_rate(capacity, texts=texts, s=s) >= rate
        low, high = (low, s) if enough else (s, high)
    return high


def entries_for(rate: float, *, texts: int, s: float) -> int:
    """Return the capacity at which an LRU cache answers endless traffic at *rate*."""
    low, high = 0, texts
    while high - low > 1:
        capacity = (low + high) // 2
        enough = steady_hit_rate(capacity, texts=texts, s=s) >= rate
        low, high = (low, capacity) if enough else (capacity, high)
    return high
