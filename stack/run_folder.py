"""The run folder of a data folder: who runs the stack there, where, and with which processes."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rag.errors import QuernError
from stack import process_tree
from stack.passwords import write_private

LEFTOVER_PATIENCE_S = 3.0
#: The folder inside the data folder, and the file in it that a supervisor holds open.
RUN = "run"
LOCK = "lock"
#: In the data folder while a restore is under way, or was interrupted.
RESTORING = "restoring"


@dataclass(frozen=True, kw_only=True)
class ProcessRecord:
    """One process of the stack as last seen by its supervisor."""

    pid: int
    created_at: float
    ready: bool
    log: str


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """
    What `stack.json` holds. It is there while the stack runs, and after its supervisor was killed.

    Args:
        pid: The supervisor.

        created_at: When the supervisor started, seconds since 1970; tells re-used pids apart.

        ready: Every process has proved once that it serves.

        url: Address of the web server.
    """

    pid: int
    created_at: float
    ready: bool
    url: str
    redis_url: str
    cache_url: str
    chroma_url: str
    flower_url: str
    data_dir: str
    processes: dict[str, ProcessRecord] = field(default_factory=dict)

    def is_running(self) -> bool:
        """Return True if the supervisor that wrote this lives."""
        return process_tree.is_alive(self.pid, created_at=self.created_at)


class AlreadyRunning(QuernError):
    """Raised when another supervisor holds the data folder."""


class HalfRestored(QuernError):
    """Raised when a restore on the data folder was interrupted."""


class RunFolder:
    """`DATA/run`: a lock that dies with its holder, and the record of the run."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / RUN
        self._data_dir = data_dir
        self._record = self.path / "stack.json"

    @contextmanager
    def locked(self, *, restoring: bool = False) -> Iterator[None]:
        """
        Hold the data folder; end what a killed supervisor left behind in it.

        Args:
            restoring: It is held to be restored, so that half a restore is no reason to refuse.

        Raises:
            AlreadyRunning: Says who holds it and where it is to be reached.

            HalfRestored: A restore was interrupted; started now, what it had copied would be
                taken for left over and deleted.

            Broken: Processes of an earlier run cannot be ended.
        """
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.mkdir(exist_ok=True, mode=0o700)
        with (self.path / LOCK).open("a") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise AlreadyRunning(self._who()) from error
            if not restoring and (self._data_dir / RESTORING).exists():
                raise HalfRestored(
                    f"a restore into {self._data_dir} was interrupted; run it again with the same "
                    "backup, or remove the folder"
                )
            # Two servers on one folder would ruin it, so the old ones have to be gone first.
            if record := self.read():
                leaders = {p.pid: p.created_at for p in record.processes.values()}
                process_tree.end_groups(leaders, patience_s=LEFTOVER_PATIENCE_S)
            try:
                yield
            finally:
                self._record.unlink(missing_ok=True)

    def read(self) -> RunRecord | None:
        """Return the record, or None where there is none or it cannot be read."""
        try:
            fields = json.loads(self._record.read_text())
            processes = {n: ProcessRecord(**p) for n, p in fields.pop("processes").items()}
            return RunRecord(**fields, processes=processes)
        except (FileNotFoundError, ValueError, TypeError, KeyError, AttributeError):
            return None  # written by another version, or torn by a full disk

    def write(self, record: RunRecord) -> None:
        """Replace the record in one step."""
        # The addresses of Redis have its passwords.
        write_private(self._record, json.dumps(asdict(record), indent=2) + "\n")

    def _who(self) -> str:
        record = self.read()
        if record is None or not record.is_running():
            return f"Quern is already running on {self._data_dir}"
        return f"Quern is already running on {self._data_dir}: {record.url} (process {record.pid})"


def find_running(data_dir: Path) -> RunRecord | None:
    """Return the record of the stack that runs on *data_dir*, or None."""
    record = RunFolder(data_dir).read()
    return record if record is not None and record.is_running() else None
