"""Threads of a run: each works until it is told to stop, and what it fails by is kept."""

import threading


class RunThread(threading.Thread):
    """
    A thread of a run.

    Args:
        name: For people.
    """

    def __init__(self, name: str) -> None:
        super().__init__(name=name, daemon=True)
        self.stopping = threading.Event()
        self.failure: BaseException | None = None

    def run(self) -> None:
        """Work; keep what that fails by, which else nobody would see."""
        try:
            self.work()
        except BaseException as error:  # noqa: BLE001  shown at the end of the run
            self.failure = error

    def work(self) -> None:
        """Work until told to stop."""
        raise NotImplementedError
