"""How far a benchmark is: bars on a terminal; elsewhere a line for each tenth of a bar."""

from typing import Any

from rich.console import Console
from rich.progress import Progress, TaskID


class ProgressBars(Progress):
    """
    Rich's progress bars, which would show nothing before the end where there is no terminal.

    Args:
        console: Where they are shown; the standard output unless it is given.
    """

    def __init__(self, console: Console | None = None) -> None:
        super().__init__(console=console)
        self._tenths: dict[TaskID, int] = {}

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """Move a bar on."""
        super().advance(task_id, advance)
        self._tell(task_id)

    def update(self, task_id: TaskID, **changes: Any) -> None:
        """Change a bar."""
        super().update(task_id, **changes)
        self._tell(task_id)

    def _tell(self, task_id: TaskID) -> None:
        if self.console.is_terminal:
            return
        with self._lock:
            task = self._tasks[task_id]
            tenths = int(task.percentage // 10)
            if tenths <= self._tenths.get(task_id, 0):
                return
            self._tenths[task_id] = tenths
        minutes, seconds = divmod(int(task.elapsed or 0), 60)
        told = f"{task.description}: {10 * tenths} % after {minutes}:{seconds:02}"
        print(told, file=self.console.file, flush=True)
