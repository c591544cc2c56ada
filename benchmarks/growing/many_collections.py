"""Empty collections: what a thousand of them take in a worker that searches."""

import time
from typing import Any, Final

from rich.progress import Progress

from benchmarks.running.private_stack import PrivateStack
from benchmarks.running.service import call

#: How long the worker is given to follow them, and then to close what it does not use.
SETTLED_S: Final = 90.0


def many_collections(running: PrivateStack, *, count: int, progress: Progress) -> dict[str, Any]:
    """Make *count* empty collections; what they take in the retrieval worker."""
    worker = running.stack.process("retrieval")
    threads, memory = worker.num_threads(), worker.memory_full_info().uss
    bar = progress.add_task("collections", total=count)
    for n in range(count):
        call(running.service.http, "POST", "/api/collections", json={"name": f"team-{n:04}"})
        progress.advance(bar)
    time.sleep(SETTLED_S)
    seen = worker.memory_full_info().uss
    figures = {
        "collections_mb": (seen - memory) / 2**20,
        "collections_threads": worker.num_threads() - threads,
    }
    return figures | {"collections_restart_s": _restart_s(running)}


def _restart_s(running: PrivateStack) -> float:
    """Kill the retrieval worker; return the seconds until another one serves searches."""
    began = time.perf_counter()
    old = running.stack.kill("retrieval")
    running.stack.wait_until_ready("retrieval", other_than=old, timeout_s=600)
    call(
        running.service.http,
        "POST",
        "/api/search",
        json={"query": "pump", "collection": "team-0000"},
    )
    return time.perf_counter() - began
