"""A watch: one probe, repeated in a thread of its own."""

import http.client
import logging
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from redis.exceptions import RedisError

from runtime.background import BackgroundThread
from web.health.check import Check
from web.health.judgement import Judgement

log = logging.getLogger(__name__)

SAMPLE_S: Final = 2.0
#: A probe that has not come back after this hangs, and what it probes is named.
HANGS_S: Final = 10.0
#: One lost probe is no outage.
PROBES_TO_REFUSE: Final = 2


class NoAnswer(Exception):
    """Raised by a probe that gets no answer."""


#: What may come of asking somebody who is not there.
AWAY: Final = (RedisError, OSError, http.client.HTTPException, NoAnswer)


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a probe found; *refusals* are the reasons why no job can be accepted now."""

    checks: Sequence[Check]
    refusals: Sequence[str] = ()


class Watch:
    """
    Look every two seconds, and keep what was seen last.

    A thread for each, so that a part that hangs delays the news of no other. What nobody answers
    is told by one check, *away*, and once that is so twice in a row, by a refusal if the probe
    belongs to those without which no job is accepted.

    Args:
        name: Of the thread, for people.

        probe: Asks and judges; each question in it has a time limit.

        away: What is told when nobody answers.

        refusal: Why no job is accepted then; empty where jobs are.
    """

    def __init__(
        self, name: str, probe: Callable[[], ProbeResult], *, away: Check, refusal: str = ""
    ) -> None:
        self._name = name
        self._probe = probe
        self._away = away
        self._refusal = refusal
        self._judgement = Judgement()
        self._lost = 0
        self._result: ProbeResult | None = None
        self._came_back_at = time.monotonic()
        self._taken_at = 0.0
        self.seen = threading.Event()
        # Its own, made here: seeded anew in each process, and the module's stays whose it is.
        self._jitter = random.Random()
        self.thread = BackgroundThread(f"health {name}", self._turn)

    def start(self) -> None:
        """Look until the thread is stopped."""
        self._came_back_at = time.monotonic()
        self.thread.start()

    @property
    def result(self) -> ProbeResult | None:
        """What is known now, None before the first probe; a probe that hangs is itself a result."""
        silent_s = time.monotonic() - self._came_back_at
        if silent_s < HANGS_S:
            return self._result
        output = f"{self._away.output}; the probe has been hanging for {silent_s:.0f} s"
        away = Check(
            self._away.name, self._away.status, self._away.component_type, output=output
        ).capped()
        return ProbeResult([away], [self._refusal] if self._refusal else [])

    @property
    def taken_at(self) -> float:
        """When the last probe came back, seconds since 1970."""
        return self._taken_at

    def _turn(self) -> float:
        """Look, then rest."""
        try:
            result = self._probe_once()
        except Exception:
            # The thread must outlive any fault: without it nothing would be seen any more.
            log.exception("health not sampled", extra={"probe": self._name})
        else:
            self._result = ProbeResult(self._judgement.settle(result.checks), result.refusals)
            self._taken_at, self._came_back_at = time.time(), time.monotonic()
            self.seen.set()
        # Several processes that began together shall not ask together for ever.
        return SAMPLE_S * self._jitter.uniform(0.9, 1.1)

    def _probe_once(self) -> ProbeResult:
        """Probe once; after two failures in a row the process reports that it accepts no jobs."""
        try:
            result = self._probe()
        except AWAY:
            self._lost += 1
            counts = self._lost >= PROBES_TO_REFUSE or self._result is None
            return ProbeResult([self._away], [self._refusal] if self._refusal and counts else [])
        self._lost = 0
        return result
