"""Slots: how many callers may wait or send at once, all together and each, by what they do."""

import math
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from runtime.settings import PREFIX, Settings
from runtime.turns import Turns

#: A body up to this size comes without a thread and needs no slot.
SMALL_BODY: Final = 64 * 1024
#: Who asks how the process is waits for nobody: neither for a thread nor for a turn.
PROBES: Final = frozenset({"/livez", "/readyz", "/health"})
#: Exports whose pieces are made at once: they are to slow nobody down who asks for little.
EXPORTS_AT_ONCE: Final = 2
#: Whoever finds no room for a document's bytes waits so long for those of others to leave.
ROOM_S: Final = 30.0


class NoSlot(Exception):
    """
    Raised when as many callers do the same as may.

    Args:
        detail: Which limit is reached, and which setting it is.

        limit: How many may.

        depth: How many do.
    """

    def __init__(self, detail: str, *, limit: int, depth: int) -> None:
        super().__init__(detail)
        self.limit = limit
        self.depth = depth


class Slots:
    """
    Count who does one thing, so that it never takes the last thread, and one client not all of it.

    Args:
        limit: How many callers may at once.

        name: What they do, for whoever is refused.

        setting: The setting that *limit* comes from.

        share: Of *limit* that one client may have, 0 to 1; one slot at least.
    """

    def __init__(self, limit: int, *, name: str, setting: str, share: float = 1.0) -> None:
        self.limit = limit
        self.each = max(1, math.floor(limit * share))
        self._name = name
        self._setting = PREFIX + setting.upper()
        self._share = share
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()
        self._all = 0

    @property
    def taken(self) -> int:
        """How many slots are taken at this moment."""
        return self._all

    def take(self, client: str) -> None:
        """
        Take a slot for a client; `give_back` must follow.

        Raises:
            NoSlot: All are taken, or this client has its share.
        """
        with self._lock:
            if self._all >= self.limit:
                raise NoSlot(
                    f"All {self.limit} {self._name} of this server are taken "
                    f"({self._setting}); try again.",
                    limit=self.limit,
                    depth=self._all,
                )
            if (own := self._taken[client]) >= self.each:
                raise NoSlot(
                    f"This client has {own} of {self.limit} {self._name} and may have no more "
                    f"({PREFIX}CLIENT_SHARE {self._share:g} of {self._setting}); try again.",
                    limit=self.each,
                    depth=own,
                )
            self._taken[client] += 1
            self._all += 1

    def give_back(self, client: str) -> None:
        """Give a slot of a client back."""
        with self._lock:
            self._all -= 1
            self._taken[client] -= 1
            if not self._taken[client]:
                del self._taken[client]

    @contextmanager
    def held(self, client: str) -> Iterator[None]:
        """Hold a slot while the body runs; raises NoSlot."""
        self.take(client)
        try:
            yield
        finally:
            self.give_back(client)


class Room:
    """
    Bound the bytes that are in memory at once; who needs more waits until others have left.

    Args:
        size: Bytes; what is larger has its turn when nothing else is held.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._held = 0
        self._condition = threading.Condition()

    @contextmanager
    def held(self, size: int) -> Iterator[None]:
        """Hold *size* bytes while the body runs; raises NoSlot after ROOM_S."""
        with self._condition:
            if not self._condition.wait_for(lambda: self._fits(size), timeout=ROOM_S):
                raise NoSlot(
                    "Uploads are being stored too slowly; try again.",
                    limit=self._size,
                    depth=self._held,
                )
            self._held += size
        try:
            yield
        finally:
            with self._condition:
                self._held -= size
                self._condition.notify_all()

    def _fits(self, size: int) -> bool:
        """Return True if *size* bytes may come in now."""
        return not self._held or self._held + size <= self._size


class Places:
    """
    The slots of one web process, apart by what callers do: none of it is in another's way.

    Event streams and long polls wait for jobs, searches for their results, uploads for what their
    callers send.
    """

    def __init__(self, settings: Settings) -> None:
        share = settings.client_share
        self.streams = Slots(
            settings.max_streams, name="event streams", setting="max_streams", share=share
        )
        self.polls = Slots(settings.max_polls, name="long polls", setting="max_polls", share=share)
        self.searches = Slots(settings.max_searches, name="searches", setting="max_searches")
        self.uploads = Slots(
            settings.max_uploads, name="uploads", setting="max_uploads", share=share
        )
        #: Of documents' bytes: the largest file, or any number of smaller ones.
        self.upload_room = Room(settings.max_file_bytes)
        self._exports = Turns(EXPORTS_AT_ONCE)
        #: Files of batches are checked one after the other: a long one takes seconds.
        self.batch_checks = Turns(1)

    def in_export_turns(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield what is made piece by piece; few callers at once have theirs made, others wait."""
        while True:
            with self._exports.turn():
                piece = next(pieces, None)
            if piece is None:
                return
            yield piece
