"""The service that makes the files of batches which have ended, whether or not somebody looks."""

import logging
from typing import Final

from intake.v1.batches.batch import Batch
from intake.v1.batches.outputs import Outputs, ShowLine
from jobs.ledger.ledger import Ledger
from runtime.background import BackgroundThread

log = logging.getLogger(__name__)

#: Between two looks.
PAUSE_S: Final = 2.0
#: How long one process is let alone with a batch; another one makes its files after that.
HELD_S: Final = 60.0


class OutputService:
    """
    Make the files of ended batches, one after the other, in a thread of a web process.

    Of several processes one takes each. What one leaves behind that dies, another one makes.
    """

    def __init__(self, ledger: Ledger, outputs: Outputs) -> None:
        self._ledger = ledger
        self._outputs = outputs
        self._show: ShowLine | None = None
        self._thread = BackgroundThread("ended batches", self._turn, first_s=PAUSE_S)

    def start(self, show: ShowLine) -> None:
        """Start, unless it runs in this process; *show* makes lines of the files."""
        self._show = show
        self._thread.start()

    def close(self) -> None:
        """Stop; a file that is being made is given up."""
        self._thread.stop()

    def turn(self, show: ShowLine) -> bool:
        """Make the files of the batch that waits the longest; returns False where none does."""
        job_id = self._ledger.slices.take_ended_batch(held_s=HELD_S)
        if job_id is None:
            return False
        row = self._ledger.rows.job(job_id)
        batch = None if row is None else Batch.of(job_id, row)
        if batch is None or not batch.needs_files:
            self._ledger.slices.leave_ended_batch(job_id)  # it was forgotten, or they are there
        else:
            self._outputs.settle(batch, show, wait_s=HELD_S)
        return True

    def _turn(self) -> float:
        """Take a turn; returns for how long to rest."""
        assert self._show is not None  # noqa: S101  there is one before the first turn
        return 0.0 if self.turn(self._show) and not self._thread.closing else PAUSE_S
