"""Maintenance: windows are filled, lost units sent again, late ones ended."""

from jobs.ledger.pace import Pace
from jobs.ledger.wire import Outbox, log_ends
from protocol.scripts import Scripts


class Maintenance:
    """The scripts of the rescuer, a method each."""

    def __init__(self, scripts: Scripts, outbox: Outbox) -> None:
        self._run = scripts
        self._outbox = outbox
        self._expiring = Pace()

    def dispatch(
        self,
        role: str,
        *,
        window: int | None = None,
        batch_window: int | None = None,
        long_window: int | None = None,
    ) -> int:
        """
        Fill the window of *role*, whose size may be set; returns how many were sent.

        Once *batch_window* units are dispatched, only interactive ones still are; None: no matter.
        Of all that are dispatched, whatever their role, *long_window* may be long ones.
        """
        sizes = ("" if size is None else size for size in (window, batch_window, long_window))
        return self._outbox.send(self._run("dispatch", role, *sizes))

    def rescue(
        self, role: str, *, consumed: bool, run_id: str, away: bool = False, most: int = 100
    ) -> int:
        """
        Send dispatched units again that no live worker holds; returns how many were sent.

        *away* says that this rescuer could not reach Redis a moment ago: then claims lapsed that
        nobody could renew, and no deaths are counted for a while.
        """
        ended, messages = self._run("sweep", role, most, int(consumed), run_id, int(away))
        log_ends(ended)
        return self._outbox.send(messages)

    def expire(self, unit_class: str, *, most: int = 200) -> int:
        """End what is past its deadline, slice by slice, *most* of it; returns how many."""
        over = 0
        while over < most:
            size = min(self._expiring.rows, most - over)
            (count, ended, messages), spent_s = self._run.timed("expire", unit_class, size)
            self._expiring.took(int(count), spent_s)
            log_ends(ended)
            self._outbox.send(messages)
            over += int(count)
            if int(count) < size:
                break
        return over
