"""Metrics of this process's log: lines written, dropped and waiting."""

from collections.abc import Iterable

from prometheus_client.metrics_core import Metric

from runtime.logging import logs
from runtime.metrics.collecting import show, show_one


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
