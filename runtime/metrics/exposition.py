"""The metrics of this process as text; where several count together, those of all of them."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from runtime.metrics.collecting import Collected

#: The client library's own: a folder where several processes count together. It has to be set
#: before the library is loaded.
FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"


def are_shared() -> bool:
    """Return True if several processes count together."""
    return FOLDER in os.environ


def exposition() -> bytes:
    """Return what was counted, in Prometheus' text format; sums where several count together."""
    if not are_shared():
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    registry.register(Collected(_merged))
    return generate_latest(registry)


def _merged() -> Iterable[Metric]:
    """
    Return the sums over the files of all processes.

    A process makes its file and gives it a size a moment later. prometheus_client 0.26 cannot read
    an empty file, and a process killed in between leaves one (prometheus/client_python issue 1199);
    nothing was counted in such a file.
    """
    files = [str(file) for file in Path(os.environ[FOLDER]).glob("*.db") if file.stat().st_size]
    merged: Iterable[Metric] = MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    return merged
