"""The ledger's scripts, loaded once and run by name."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import resources
from typing import Any, Final

from redis import Redis
from redis.commands.core import Script
from redis.exceptions import NoScriptError

from protocol import keys, sizes, timings
from protocol.script_text import definitions, with_prelude
from runtime.tracing.spans import SCRIPTS

_CONSTANTS = (
    "CLAIM_MS",
    "FIRST_CHECK_MS",
    "LAST_CHECK_MS",
    "SWEEP_GAP_MS",
    "QUIET_MS",
    "EXPIRE_GRACE_MS",
    "MAX_DEATHS",
    "MOST_DEATHS",
    "CHANCE",
    "FALLEN_MS",
    "QUARANTINE_DEATHS",
    "RENEW_S",
    "WORKER_LIVE_S",
    "MAX_BROKEN",
    "LONGEST_PAUSE_MS",
    "SERVER_PAUSE_MS",
    "PAUSE_MS",
    "PUT_BACK_FIRST",
    "LONG_BYTES",
    "LONG_CHUNKS",
    "FOLLOWER_LIVE_MS",
    "GARBAGE_MS",
    "SEARCH_RETENTION_S",
    "LISTENED_MS",
    "PROGRESS_EVENTS",
    "LOG_ENTRIES",
    "LOG_AGE_MS",
    "WEBHOOK_MOST_DUE",
    "DELETED_COLLECTION_S",
    "SPENT_S",
    "STORE_KEPT_S",
    "USED_S",
)
_SIZES = (
    "ROW_BYTES",
    "GROWTH_BATCH",
    "GROWTH_INTERACTIVE",
    "GROWTH_DOCUMENT",
    "ARCHIVED_FIELDS",
    "ARCHIVED_DIGITS",
    "FINGERPRINT_DIGITS",
    "BY_HASH_FIELDS",
    "BY_HASH_LETTERS",
)
#: Redis' processor time: of the thread that runs scripts, where it tells that one's.
_CPU: Final = ("used_cpu_user_main_thread", "used_cpu_sys_main_thread")
_CPU_OF_ALL: Final = ("used_cpu_user", "used_cpu_sys")


@lru_cache
def source(name: str) -> str:
    """Return the text of a script file."""
    return resources.files("protocol.lua").joinpath(f"{name}.lua").read_text("utf-8")


class Scripts:
    """
    Run the scripts of `protocol/lua` against one Redis.

    Args:
        redis: A client that decodes responses.

        retention_s: How long an ended row is kept.

        event_retention_s: How long an ended job's events are kept.

        without: Rules taken out by their text, a regular expression: for the tests that show
            what each rule is for.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        retention_s: int,
        event_retention_s: int,
        without: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self._redis = redis
        self._without = without
        constants = {name: getattr(timings, name) for name in _CONSTANTS}
        constants |= {name: getattr(sizes, name) for name in _SIZES}
        constants |= {"RETENTION_S": retention_s, "EVENT_RETENTION_S": event_retention_s}
        self._head = "".join(f"local {name} = {value}\n" for name, value in constants.items())
        self._scripts: dict[str, Script] = {}

    def __call__(self, name: str, *arguments: str | float) -> list[Any]:
        """Run script *name*; its file says what it takes and answers."""
        answer: list[Any] = self._script(name)(args=list(arguments))
        return answer

    def many(self, name: str, calls: Sequence[Sequence[str | float]]) -> list[Any]:
        """Run script *name* once for each of *calls*, in one trip; an error is one's answer."""
        script = self._script(name)
        return self._again_if_lost(script, calls, self._trip(script, calls))

    def timed(self, name: str, *arguments: str | float) -> tuple[list[Any], float]:
        """
        Run script *name*; also returns the processor time that Redis spent on it, seconds.

        Neither a slow network nor a caller or a Redis that has to wait for a processor adds to it.
        """
        (answer,), spent_s = self.timed_many(name, [arguments])
        if isinstance(answer, Exception):
            raise answer
        return answer, spent_s

    def timed_many(
        self, name: str, calls: Sequence[Sequence[str | float]]
    ) -> tuple[list[Any], float]:
        """Run script *name* as `many` does; also returns what Redis spent, as `timed` does."""
        script = self._script(name)
        before, *answers, after = self._trip(script, calls, looks=True)
        for look in (before, after):
            if isinstance(look, Exception):
                raise look
        answers = self._again_if_lost(script, calls, answers)
        return answers, max(0.0, _cpu_s(after) - _cpu_s(before))

    def _again_if_lost(
        self, script: Script, calls: Sequence[Sequence[str | float]], answers: list[Any]
    ) -> list[Any]:
        """Return the answers of calls; what Redis could not run, not knowing the script, is run."""
        lost = [i for i, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if lost:  # Redis was restarted: none of these ran
            self._redis.script_load(script.script)
            again = self._trip(script, [calls[i] for i in lost])
            for i, answer in zip(lost, again, strict=True):
                answers[i] = answer
        return answers

    def _trip(
        self, script: Script, calls: Sequence[Sequence[str | float]], *, looks: bool = False
    ) -> list[Any]:
        """Send calls of a script together; *looks*: at Redis' processor time before and after."""
        pipe = self._redis.pipeline(transaction=False)
        if looks:
            pipe.info("cpu")
        for arguments in calls:
            pipe.evalsha(script.sha, 0, *arguments)
        if looks:
            pipe.info("cpu")
        answers: list[Any] = pipe.execute(raise_on_error=False)
        return answers

    def _script(self, name: str) -> Script:
        """Return script *name*, put together when first asked for."""
        if name not in self._scripts:
            self._scripts[name] = self._redis.register_script(self._text(name))
            SCRIPTS[self._scripts[name].sha] = name
        return self._scripts[name]

    def _text(self, name: str) -> str:
        """Put a script together: what it uses of constants, keys and what all share, itself."""
        prelude, script = self._head + keys.lua_prelude() + source("_ledger"), source(name)
        for pattern, replacement in self._without:
            prelude = re.sub(pattern, replacement, prelude)
            script = re.sub(pattern, replacement, script)
        return with_prelude(definitions(prelude), script)


def _cpu_s(info: Mapping[str, float]) -> float:
    """Return the processor time that Redis has spent so far, seconds."""
    return sum(float(info[name]) for name in (_CPU if _CPU[0] in info else _CPU_OF_ALL))
