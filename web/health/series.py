"""What the page draws of the last hour: series of values from samples, a value for each step."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocol.messages import ROLES
from web.health.check import moment
from web.health.history import SAMPLES, STEP_S, Sample

#: Upper bound of the first bucket of durations, seconds; each other is twice as high.
_FIRST_S: Final = 0.01

Values = list[float | None]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The samples of all steps, the oldest first; None where there is none."""

    samples: Sequence[Sample | None]

    def at(self, value: Callable[[Sample], float | None]) -> Values:
        """Return a value of each step."""
        return [None if one is None else value(one) for one in self.samples[1:]]

    def between(self, value: Callable[[Sample, Sample], float | None]) -> Values:
        """Return a value of each step from the samples at its beginning and its end."""
        pairs = zip(self.samples, self.samples[1:], strict=False)
        return [None if one is None or two is None else value(one, two) for one, two in pairs]


def shown(newest_ms: int, samples: Mapping[int, Sample]) -> dict[str, Any]:
    """
    Return the series as the API shows them, all of one length, and when their last step ended.

    A step without a sample has no value; a series without any is left out.
    """
    step_ms = STEP_S * 1000
    # The newest step may not be written yet: it is over a moment ago.
    last = newest_ms if newest_ms in samples else newest_ms - step_ms
    steps = _Steps([samples.get(last - n * step_ms) for n in reversed(range(SAMPLES))])
    series = [
        {"name": name, "unit": unit, "values": values}
        for name, unit, values in _series(steps)
        if any(value is not None for value in values)
    ]
    return {"step_s": STEP_S, "until": moment(last / 1000), "series": series}


def _series(steps: _Steps) -> Iterator[tuple[str, str, Values]]:
    """Yield each series: its name, its unit, its values."""
    yield "questions", "per_min", steps.between(lambda a, b: _rate(_asked(a), _asked(b)))
    yield "documents", "per_min", steps.between(lambda a, b: _rate(a.documents, b.documents))
    yield "latency:p50", "s", steps.between(lambda a, b: quantile(0.5, _since(a, b)))
    yield "latency:p95", "s", steps.between(lambda a, b: quantile(0.95, _since(a, b)))
    yield "cache:hits", "ratio", steps.between(_hits)
    for role in ROLES:
        yield from _queue(steps, role)
    yield "engine:running", "count", steps.at(lambda one: one.running)
    yield "engine:waiting", "waiting", steps.at(lambda one: one.queued)


def _queue(steps: _Steps, role: str) -> Iterator[tuple[str, str, Values]]:
    """Yield the series of a queue: what waits, who works, and the age of the oldest."""
    yield f"queue:{role}", "waiting", steps.at(lambda one: one.waiting.get(role, 0))
    yield f"busy:{role}", "count", steps.at(lambda one: one.busy.get(role, 0))
    yield f"age:{role}", "s", steps.at(lambda one: one.oldest_s.get(role, 0.0))


def quantile(share: float, buckets: Sequence[int]) -> float | None:
    """
    Return below which duration this share of jobs lies, seconds; None of none.

    Within a bucket they are taken to lie evenly, as Prometheus' `histogram_quantile` does; what is
    above the highest bound counts as that.
    """
    total = sum(buckets)
    if not total:
        return None
    wanted, below = share * total, 0
    for n, count in enumerate(buckets[:-1]):
        if count and below + count >= wanted:
            low = _FIRST_S * 2 ** (n - 1) if n else 0.0
            return round(low + (_FIRST_S * 2**n - low) * (wanted - below) / count, 4)
        below += count
    return _FIRST_S * 2 ** (len(buckets) - 2)


def _asked(sample: Sample) -> int:
    """Return the questions and searches that ended, those of lists too."""
    return sample.finished.get("query", 0) + sample.finished.get("search", 0) + sample.listed


def _rate(before: int, after: int) -> float | None:
    """Return an increase per minute; None where the count began anew."""
    return None if after < before else round((after - before) * 60 / STEP_S, 2)


def _since(before: Sample, after: Sample) -> list[int]:
    """Return the buckets of what ended in a step; empty where the counts began anew."""
    fresh = [b - a for a, b in zip(before.took, after.took, strict=False)]
    return [] if any(count < 0 for count in fresh) else fresh


def _hits(before: Sample, after: Sample) -> float | None:
    """Return the share of texts that the cache had; None where none was asked for."""
    asked, missed = after.looked_up - before.looked_up, after.missed - before.missed
    # A worker that began anew counts from nothing.
    return round(1 - missed / asked, 3) if 0 <= missed <= asked and asked else None
