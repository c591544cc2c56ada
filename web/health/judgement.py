"""Hysteresis of health: how many probes in a row change what a check reports."""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from web.health.check import ORDER, STARTING, Check, Status

#: So many probes in a row have to be worse, or better, than what is said.
PROBES_TO_WORSEN: Final = 2
PROBES_TO_RECOVER: Final = 3


def settled(said: Status, seen: Sequence[Status]) -> Status:
    """
    Return what is to be said of a part.

    The last two probes have to be worse for it to worsen, to the milder of them; the last three
    better for it to recover, to the worst of them.

    Args:
        said: What was said until now.

        seen: What the last probes saw, the newest last.
    """
    if len(seen) >= PROBES_TO_WORSEN:
        milder = min(seen[-PROBES_TO_WORSEN:], key=ORDER.__getitem__)
        if ORDER[milder] > ORDER[said]:
            return milder
    if len(seen) >= PROBES_TO_RECOVER:
        worse = max(seen[-PROBES_TO_RECOVER:], key=ORDER.__getitem__)
        if ORDER[worse] < ORDER[said]:
            return worse
    return said


class Judgement:
    """
    Settle the checks of one probe after another; each check by its own past.

    The first probe of a part counts at once. One that is not probed keeps its past.
    """

    def __init__(self) -> None:
        self._seen: dict[str, deque[Status]] = {}
        self._said: dict[str, Check] = {}

    def settle(self, checks: Iterable[Check]) -> list[Check]:
        """Return the checks with what is to be said of each."""
        return [self._settle(check.capped()) for check in checks]

    def _settle(self, check: Check) -> Check:
        """Settle one check; while it recovers, what ailed it last is told still."""
        seen = self._seen.setdefault(check.name, deque(maxlen=PROBES_TO_RECOVER))
        seen.append(check.status)
        before = self._said.get(check.name, check)
        status = settled(before.status, list(seen))
        if before.output == STARTING and check.status == "pass":
            status = "pass"  # that was no ailment to recover from
        output = check.output
        if ORDER[status] > ORDER[check.status]:
            told = before.output or "not well"
            output = told if told.startswith("recovering") else f"recovering; it was: {told}"
        elif status == "pass":
            output = None
        self._said[check.name] = said = replace(check, status=status, output=output)
        return said
