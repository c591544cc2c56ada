"""Collectors: metrics that are read at the scrape from counts kept elsewhere."""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from runtime.metrics.families import BY_NAME

Samples = Iterable[tuple[Sequence[str], float]]


class Collected(Collector):
    """
    Shows what a function reads at each scrape.

    Args:
        read: Yields metrics; what it cannot read it leaves out. It must not block for long.
    """

    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        """Read."""
        return self._read()

    def describe(self) -> Iterable[Metric]:
        """Describe nothing: nothing is read when a collector is registered."""
        return ()


@contextlib.contextmanager
def collecting(
    *reads: Callable[[], Iterable[Metric]], registry: CollectorRegistry = REGISTRY
) -> Iterator[None]:
    """Show what *reads* read until the block ends."""
    collectors = [Collected(read) for read in reads]
    for collector in collectors:
        registry.register(collector)
    try:
        yield
    finally:
        for collector in collectors:
            registry.unregister(collector)


def show(name: str, samples: Samples) -> Metric:
    """Return the metric *name* with a value for each set of labels."""
    family = BY_NAME[name]
    kind = _KINDS[family.kind]
    metric = kind(name, family.meaning, labels=list(family.labels))
    for labels, value in samples:
        metric.add_metric(labels, value)
    return metric


def show_one(name: str, value: float) -> Metric:
    """Return a metric without labels."""
    return show(name, [((), value)])


def show_histogram(
    name: str, samples: Iterable[tuple[Sequence[str], Sequence[int], float]]
) -> Metric:
    """Return a histogram, given for each set of labels with the count of each bucket and a sum."""
    family = BY_NAME[name]
    metric = HistogramMetricFamily(name, family.meaning, labels=list(family.labels))
    bounds = [*(str(float(bound)) for bound in family.buckets), "+Inf"]
    for labels, counts, total in samples:
        below, buckets = 0, []
        for bound, count in zip(bounds, counts, strict=True):
            below += count
            buckets.append((bound, below))
        metric.add_metric(labels, buckets, total)
    return metric


_KINDS: Final = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
