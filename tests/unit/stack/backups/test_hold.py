"""A hold on files that cannot be looked at in the end is no hold."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from stack.backups.hold import files_held


class Away:
    """A Redis that gives the lock, and then is away from where it would be renewed."""

    def set(self, *_: Any, **__: Any) -> bool:
        return True

    def register_script(self, _: str) -> Any:
        def away(**_: Any) -> None:
            raise RedisConnectionError("Connection refused")

        return away

    def get(self, _: str) -> None:
        return None


def test_a_hold_that_cannot_be_looked_at_in_the_end_did_not_last() -> None:
    with pytest.raises(RedisConnectionError), files_held(Away()):  # type: ignore[arg-type]  # a part of a client
        pass


def test_a_redis_that_is_away_in_the_end_hides_nothing_that_failed_before() -> None:
    class Gone(Away):
        def get(self, _: str) -> None:
            raise RedisConnectionError("Connection refused")

    with pytest.raises(ValueError, match="no room"), files_held(Gone()):  # type: ignore[arg-type]  # as above
        raise ValueError("no room")
