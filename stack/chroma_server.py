"""
Chroma's server, which ends itself when it hangs, so that whoever started it starts it again.

    python -m stack.chroma_server

Where it listens and what it keeps is said by CHROMA_LISTEN_ADDRESS, CHROMA_PORT and
CHROMA_PERSIST_PATH. Chroma 1.5 can get into a state, seen after its disk was full, in which one of
its own threads holds SQLite's write lock for ever: its heartbeat answers, every write and most
reads wait. Only a restart ends that.
"""

import http.client
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

# What the `chroma` command calls, without the second that it takes to import the client.
import chromadb_rust_bindings

from runtime.chroma_writes import takes_writes

CONFIG: Final = Path(__file__).with_name("chroma_server.yaml")

EVERY_S: Final = 5.0
TIMEOUT_S: Final = 10.0
#: Writes in a row that hang before the server is given up: a minute and more.
PATIENCE: Final = 6
#: Whoever works on a long write, such as the removal of a large collection, takes more of the
#: processor or writes more than this meanwhile, and is left alone.
IDLE_SHARE: Final = 0.1
IDLE_BYTES: Final = 2**20
#: EX_SOFTWARE of <sysexits.h>.
GIVEN_UP: Final = 70


class Effort:
    """What this process has done since it was last asked."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        """Count from now on."""
        self._at, self._cpu_s, self._bytes = time.monotonic(), time.process_time(), _written()

    def is_idle(self) -> bool:
        """Return True if next to nothing was computed or written."""
        elapsed_s = time.monotonic() - self._at
        busy_s = time.process_time() - self._cpu_s
        return busy_s < IDLE_SHARE * elapsed_s and _written() - self._bytes < IDLE_BYTES


def watch(url: str, *, every_s: float = EVERY_S, timeout_s: float = TIMEOUT_S) -> None:
    """
    End this process once its server at *url* takes no write any more and does nothing either.

    Counted are writes that hang, not seconds: a machine that slept has lost none.
    """
    effort, hanging = Effort(), 0
    while True:
        time.sleep(every_s)
        try:
            serves = takes_writes(url, timeout_s=timeout_s)
        except (OSError, http.client.HTTPException):  # it does not listen yet
            serves = True
        if serves:
            effort.renew()
            hanging = 0
            continue
        hanging += 1
        if hanging >= PATIENCE and effort.is_idle():
            _tell(f"{hanging} writes in a row have hung while nothing was worked on: it ends now")
            os._exit(GIVEN_UP)  # whoever hangs does not end by being asked


def serve(*, every_s: float = EVERY_S, timeout_s: float = TIMEOUT_S) -> None:
    """Run the server in this process until it is told to end."""
    host = os.environ.get("CHROMA_LISTEN_ADDRESS", "127.0.0.1").replace("0.0.0.0", "127.0.0.1")  # noqa: S104
    url = f"http://{host}:{os.environ.get('CHROMA_PORT', '8000')}"
    # Chroma lets go of Python's lock while it serves.
    threading.Thread(
        target=watch, args=(url,), kwargs={"every_s": every_s, "timeout_s": timeout_s}, daemon=True
    ).start()
    chromadb_rust_bindings.cli(["chroma", "run", str(CONFIG)])


def _tell(what: str) -> None:
    """Write a line in the form of Chroma's own."""
    now = datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    print(f"{now} ERROR {what}", flush=True)


def _written() -> int:
    """Return the bytes that this process has given to disks; 0 where the system does not tell."""
    try:
        told = Path("/proc/self/io").read_text()
    except OSError:
        return 0
    return int(told.partition("write_bytes: ")[2].partition("\n")[0] or 0)


if __name__ == "__main__":
    serve()
