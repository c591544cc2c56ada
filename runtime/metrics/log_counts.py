"""Metrics of this process's log: lines written, dropped and waiting."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client.metrics_core import Metric

from runtime.logging import logs
from runtime.metrics import meters
from runtime.metrics.collecting import show, show_one

_shared: Final[Counter[tuple[str, str]]] = Counter()


def log_counts() -> Iterable[Metric]:
    """Show what became of the lines; nothing where logs are not set up."""
    report = logs.report()
    if report is None:
        return
    for name, counts in (
        ("quern_log_records_total", report.written),
        ("quern_log_records_dropped_total", report.dropped),
    ):
        yield show(name, [((level.lower(),), count) for level, count in counts.items()])
    yield show_one("quern_log_queue_depth", report.depth)


def share_log_counts() -> None:
    """Count with other processes what became of the lines since the last call; one at a time."""
    report = logs.report()
    if report is None:
        return
    _share("written", report.written, meters.LOG_RECORDS)
    _share("dropped", report.dropped, meters.LOG_RECORDS_DROPPED)


def _share(kind: str, counts: Mapping[str, int], counters: meters.Counters) -> None:
    """Bring counters up to *counts*."""
    for level, count in counts.items():
        if new := count - _shared[kind, level]:
            counters[level.lower()].inc(new)
            _shared[kind, level] = count
