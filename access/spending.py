"""What keys may spend and have spent: requests by the minute, the rest by the day."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from redis import Redis

from access.errors import Overspent
from access.grants import Grant
from protocol.keys import key
from protocol.scripts import Scripts

#: What is counted of each key. `questions` are searches too; `tokens` those of prompts and answers.
COUNTED: Final = (
    "jobs", "questions", "documents", "tokens", "prompt_tokens", "completion_tokens",
)  # fmt: skip
_DAY_S: Final = 86_400


@dataclass(frozen=True, slots=True)
class Allowance:
    """
    How many more requests a key may send.

    Attributes:
        limit: Requests a minute.

        remaining: How many more may come at once.

        reset_s: When as many as ever may, seconds from now.
    """

    limit: int
    remaining: int
    reset_s: float


class Spending:
    """Count requests."""

    def __init__(self, scripts: Scripts) -> None:
        self._run = scripts

    def admit(self, grant: Grant) -> Allowance | None:
        """
        Count a request with a key; None where its requests have no bound.

        Raises:
            Overspent: It sends too many.
        """
        most = grant.limits.requests_per_minute
        told = self._run("admit", grant.key_id, "" if most is None else most)
        if most is None or not told:
            return None
        allowed, remaining, reset_ms = told
        if allowed == "0":
            retry_s = max(1, -(-int(reset_ms) // 1000))
            raise Overspent("requests", limit=most, period="minute", retry_s=retry_s)
        return Allowance(most, int(remaining), int(reset_ms) / 1000)


def spent(redis: Redis, key_ids: Iterable[str]) -> dict[str, dict[str, dict[str, int]]]:
    """Return by each key's id what it spent `today` (UTC) and in `all`."""
    ids, today = list(key_ids), str(int(time.time()) // _DAY_S)
    pipe = redis.pipeline(transaction=False)
    for key_id in ids:
        pipe.hgetall(key("spent", key_id, today))
        pipe.hgetall(key("spent", key_id, "all"))
    answers = pipe.execute() if ids else []
    return {
        key_id: {"today": _counts(day), "all": _counts(whole)}
        for key_id, day, whole in zip(ids, answers[::2], answers[1::2], strict=True)
    }


def _counts(told: dict[str, str]) -> dict[str, int]:
    """Return what was counted, also where it is nothing."""
    return {what: int(told.get(what, "0")) for what in COUNTED}
