"""Health checks of workers: consumers of each queue, silent workers, stalled pools."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from jobs.heartbeats import WorkerState
from protocol.messages import LONG_ROLES, ROLES
from runtime.settings import Settings
from web.health.check import STARTING, Check, Status

#: A heartbeat comes every two seconds: after so many one is missing.
SILENT_S: Final = 5.0
#: A queue without consumers is a restart for so long, then an outage.
NO_WORKER_S: Final = 30.0
#: A worker may find jobs that nobody takes for so long after its start.
YOUNG_S: Final = 30.0
#: For so long after our own start a queue may have no consumers yet: models are loaded meanwhile,
#: at the very first start made.
START_S: Final = 120.0


@dataclass(frozen=True, slots=True)
class Heard:
    """A worker, and for how long nothing was heard of it, seconds."""

    state: WorkerState
    silent_s: float

    @property
    def silent(self) -> bool:
        """Whether a heartbeat is missing."""
        return self.silent_s > SILENT_S

    @property
    def name(self) -> str:
        """Role, host and process: the part of its name that people can read."""
        return "/".join(self.state.name.split("/")[:3])


def relevant(heard: Sequence[Heard]) -> list[Heard]:
    """Leave out the silent ones in whose place another was started."""
    return [
        worker
        for worker in heard
        if not worker.silent or not any(_replaces(other.state, worker.state) for other in heard)
    ]


def _replaces(other: WorkerState, silent: WorkerState) -> bool:
    """Return True if a worker began where another had ended."""
    return (
        (other.role, other.host) == (silent.role, silent.host)
        and other.seen_at > silent.seen_at
        and other.started_at >= silent.seen_at
    )


def consumers(
    heard: Sequence[Heard],
    *,
    away_s: Mapping[str, float],
    unclaimed: Mapping[str, float],
    failures: Mapping[str, str],
    settings: Settings,
    starting: Collection[str] = (),
) -> list[Check]:
    """
    Judge who consumes each queue.

    Args:
        heard: The relevant workers.

        away_s: For how long a queue without consumers has had none, seconds.

        unclaimed: For how long a unit of a queue has been dispatched and nobody took it, seconds.

        failures: Why the last worker of a queue did not start.

        settings: The thresholds.

        starting: Queues that never had a consumer yet, and may still get their first.
    """
    checks = []
    for role in ROLES:
        mine = [worker for worker in heard if role in worker.state.queues]
        there = [worker for worker in mine if not worker.silent]
        waiting = unclaimed.get(role, 0.0) >= settings.health_still_warn_s
        status, outputs = _troubles(mine, waiting=waiting, settings=settings)
        if not there and role in starting and role not in failures:
            status, outputs = "warn", [STARTING]
        elif not there:
            gone_s = min([away_s.get(role, 0.0), *(worker.silent_s for worker in mine)])
            status = "warn" if gone_s < NO_WORKER_S else "fail"
            outputs = outputs or [f"no heartbeat for {gone_s:.0f} s"]
            outputs.append("jobs wait")
            if role in failures:
                outputs.append(f"its last worker did not start: {failures[role]}")
        checks.append(
            Check(
                f"workers:{role}", status, "component", value=len(there), unit="count",
                output="; ".join(outputs) or None,
                details={
                    "threads": sum(worker.state.threads for worker in there),
                    "busy": sum(worker.state.busy for worker in there),
                    "oldest_body_s": max((w.state.oldest_s for w in there), default=0.0),
                    "models": sorted({name for w in there for name in w.state.models}),
                },
            )
        )  # fmt: skip
    return checks


def _troubles(
    workers: Sequence[Heard], *, waiting: bool, settings: Settings
) -> tuple[Status, list[str]]:
    """Return what ails the workers of a queue, each by name; all of them stuck is a failure."""
    outputs: list[str] = []
    statuses: list[Status] = []
    for worker in workers:
        state = worker.state
        stuck = _stuck(state, waiting=waiting, settings=settings)
        if worker.silent:
            outputs.append(f"{worker.name}: no heartbeat for {worker.silent_s:.0f} s")
        elif stuck:
            outputs.append(f"{worker.name}: {stuck}")
        elif state.trouble:
            outputs.append(f"jobs wait: {state.trouble}")
        else:
            statuses.append("pass")
            continue
        failed = stuck and state.still_s >= settings.health_still_fail_s
        statuses.append("fail" if failed else "warn")
    if not outputs:
        return "pass", []
    # Somebody still takes the jobs, so it is no more than a warning.
    alone = all(status == "fail" for status in statuses)
    return ("fail" if alone else "warn"), list(dict.fromkeys(outputs))


def _stuck(state: WorkerState, *, waiting: bool, settings: Settings) -> str:
    """Return how a pool has stalled; empty if it has not, or has nothing to do."""
    patience_s = settings.health_still_warn_s
    # Bodies of documents take as long as their files do: a whole batch, a large one's parsing.
    if state.busy >= state.threads and LONG_ROLES.issuperset(state.queues):
        patience_s = max(patience_s, settings.parser_timeout_s)
    if state.still_s < patience_s:
        return ""
    if state.busy >= state.threads > 0:
        return f"pool makes no progress for {state.still_s:.0f} s, all {state.threads} threads busy"
    # The messages that its predecessor had are sent again some time after its start.
    if waiting and time.time() - state.started_at > YOUNG_S:
        return (
            f"pool makes no progress for {state.still_s:.0f} s, takes no jobs although "
            f"{state.threads - state.busy} of {state.threads} threads are free"
        )
    return ""
