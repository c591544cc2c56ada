"""The metrics of this process as text; where several count together, those of all of them."""

import os
from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

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
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # as it comes
    return generate_latest(registry)
