"""Clocks of single processes that are wrong: see `chaos.faults.clock_hook`."""

import os
from pathlib import Path
from typing import Final

#: Processes whose clock can be wrong. Redis' own is right: the protocol goes by it.
CLOCKS: Final = ("retrieval", "ingestion", "web")
HOOK: Final = Path(__file__).with_name("clock_hook")


class Clocks:
    """
    Sets the clocks of a stack's processes.

    Args:
        folder: Where the processes read how wrong they are; made here.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder

    @property
    def environment(self) -> dict[str, str]:
        """What the stack must be started with."""
        paths = [str(HOOK), os.environ.get("PYTHONPATH", "")]
        return {
            "CHAOS_CLOCKS": str(self._folder),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }

    def shift(self, process: str, seconds: float) -> None:
        """Let the clock of a process be wrong by so many seconds, from now on."""
        draft = self._folder / f"{process}.new"
        draft.write_text(str(seconds))
        draft.replace(self._folder / process)

    def set_right(self) -> None:
        """Let all clocks be right."""
        for process in CLOCKS:
            self.shift(process, 0.0)
