"""
What growth costs: a full Redis, bytes of a job, long jobs and lists, many collections or passages.

    python -m benchmarks.growth [--only PART …] [--json FILE]

Every part runs on a private stack: `full` on one whose queue may take 64 MB, `passages` on one
whose vectors are made, the others together on one with room. `passages` takes hours for a million
of them, and is measured only where it is named; with `--folder DIR` another run goes on filling.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from benchmarks.figures.reporting import Limit, report
from benchmarks.growing.full_redis import full_redis
from benchmarks.growing.long_jobs import long_jobs
from benchmarks.growing.long_lists import long_lists
from benchmarks.growing.many_collections import many_collections
from benchmarks.growing.many_passages import many_passages
from benchmarks.growing.redis_bytes import Sizes, redis_bytes
from benchmarks.running.private_stack import PrivateStack, private_stack
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from runtime.settings import Settings

PARTS: Final = ("bytes", "collections", "long", "lists", "full")
SLOW: Final = ("passages",)
ROOMY_MB: Final = 4_096

LIMITS: Final = {
    "full_script_errors": Limit(at_most=0),
    "full_http_500": Limit(at_most=0),
    "full_other_answers": Limit(at_most=0),
    "full_refusals_without_retry_after": Limit(at_most=0),
    "full_interactive_refused": Limit(at_most=0),
    "full_lost": Limit(at_most=0),
    "waiting_question_bytes": Limit(at_most=1_500),
    "ended_question_bytes": Limit(at_most=600),
    "ended_document_bytes": Limit(at_most=200),
    "document_bytes": Limit(at_most=700),
    "cancel_accept_s": Limit(at_most=0.5),
    "retry_accept_s": Limit(at_most=0.5),
    "retry_jobs": Limit(at_most=1),
    "retried_rows_over_rows": Limit(at_most=1, at_least=1),
    "redis_pause_max_ms": Limit(at_most=50),
    "collections_mb": Limit(at_most=50),
    "collections_threads": Limit(at_most=10),
    "list_failed_p95_ms": Limit(at_most=50),
    "passages_fresh_p95_over_tenth": Limit(at_most=1.5),
    "passages_check_s": Limit(at_most=3_600),
    "passages_beside_check_over_alone": Limit(at_most=1.1),
    "passages_replica_catch_up_s": Limit(at_most=900),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument(
        "--only", action="append", choices=(*PARTS, *SLOW), help="a part; may be repeated"
    )
    parser.add_argument("--redis-mb", type=int, default=64, help="bound of the Redis that fills up")
    parser.add_argument("--minutes", type=float, default=10.0, help="how long it is filled")
    parser.add_argument("--rows", type=int, default=100_000, help="of the long job")
    parser.add_argument("--jobs", type=int, default=100_000, help="of the long history")
    parser.add_argument("--collections", type=int, default=1_000)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path, help="keep the passages here, for another run")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    options = parser.parse_args()
    wanted = options.only or PARTS
    figures: dict[str, Any] = {}
    with ProgressBars() as progress:
        parts: dict[str, Callable[[PrivateStack], dict[str, Any]]] = {
            "bytes": lambda stack: redis_bytes(stack, Sizes(), progress),
            "collections": lambda stack: many_collections(
                stack, count=options.collections, progress=progress
            ),
            "long": lambda stack: long_jobs(stack, rows=options.rows, progress=progress),
            "lists": lambda stack: long_lists(stack, jobs=options.jobs, progress=progress),
        }
        if set(wanted) & set(parts):
            with private_stack(_settings(ROOMY_MB)) as stack:
                for name, part in parts.items():
                    if name in wanted:
                        figures |= part(stack)
        if "full" in wanted:
            with private_stack(_settings(options.redis_mb)) as stack:
                figures |= full_redis(stack, minutes=options.minutes, progress=progress)
        if "passages" in wanted:
            with tempfile.TemporaryDirectory(prefix="quern-bench-") as scratch:
                folder = options.folder or Path(scratch)
                figures |= many_passages(options.passages, progress=progress, folder=folder)
    report("growth", figures, limits=LIMITS, json_path=options.json)


def _settings(memory_mb: int) -> Settings:
    """Return settings whose bounds of numbers are not what is reached first."""
    return Settings(redis_memory_mb=memory_mb, max_batch_jobs=10**6)


if __name__ == "__main__":
    run(main)
