"""A hold on files: while a backup reads them, nobody deletes one that its snapshot names."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from redis import Redis
from redis.exceptions import RedisError

from protocol.ids import new_id
from protocol.keys import key
from rag.errors import Broken
from runtime.background import BackgroundThread

#: The hold ends by itself so long after its holder died.
HOLD_MS: Final = 60_000
RENEW_S: Final = 5.0
#: As with other locks, one step looks whose it is and renews it.
_RENEW: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 0
"""


@contextmanager
def files_held(redis: Redis) -> Iterator[None]:
    """
    Hold all files from before the block until it has ended.

    Raises:
        Broken: Another backup is running; or the hold was lost meanwhile, because this process
            stood still or Redis was away for a minute: a file may have gone.

        RedisError: Redis does not answer: at the end it is not known whether the hold lasted.
    """
    name, me = key("lock", "backup"), new_id()
    if not redis.set(name, me, nx=True, px=HOLD_MS):
        raise Broken("another backup of this installation is running, or was killed a minute ago")
    renew, lost = redis.register_script(_RENEW), threading.Event()

    def keep() -> None:
        if not renew(keys=[name], args=[me, HOLD_MS]):
            lost.set()

    def turn() -> float:
        with suppress(RedisError):  # whether it lasted is seen at the next turn
            keep()
        return RENEW_S

    try:
        with BackgroundThread("backup", turn, first_s=RENEW_S):
            yield
        keep()
        if lost.is_set():
            raise Broken(
                "the backup stood still for a minute, and files may have been deleted meanwhile; "
                "run it again"
            )
    finally:
        with suppress(RedisError):  # away: the hold ends by itself
            if redis.get(name) == me:
                redis.delete(name)
