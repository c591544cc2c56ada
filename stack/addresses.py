"""Choosing the loopback addresses of the embedded servers: the wanted port, else a free one."""

import socket
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from runtime.environment import BadSetting
from runtime.settings import Settings
from stack.passwords import kept_password, known_password

LOOPBACK = ("127.0.0.1", "localhost")
NEIGHBOURS = 20
FLOWER_PORT = 5555


class Ports:
    """Hands out each port once."""

    def __init__(self) -> None:
        self._taken: set[int] = set()
        self.moved: list[tuple[str, int, int]] = []

    def take(self, name: str, wanted: int, *, host: str = "127.0.0.1") -> int:
        """Return *wanted* or the next free port after it; 0 means any. Moves are remembered."""
        for port in (*range(wanted, min(wanted + NEIGHBOURS, 65_536)), 0) if wanted else (0,):
            if port not in self._taken and (free := _free_port(host, port)):
                self._taken.add(free)
                if wanted not in (0, free):
                    self.moved.append((name, wanted, free))
                return free
        raise BadSetting(f"no port can be opened on {host}; is it an address of this machine?")


def embedded(url: str, *, password: str = "") -> bool:
    """
    Return True if *url* is a plain loopback address, served by the stack itself.

    One with a password is another's server, unless that is our own server's *password*.
    """
    parts = urlsplit(url)
    return (
        parts.scheme in ("redis", "http")
        and parts.hostname in LOOPBACK
        and not parts.username
        and (parts.password or "") in ("", password)
    )


def resolve(settings: Settings, ports: Ports, *, only: Collection[str] | None = None) -> Settings:
    """
    Return *settings* with absolute paths, and free ports and passwords for what is embedded.

    Args:
        settings: As read from the environment.

        ports: Hands out the ports, and remembers which are not the wanted ones.

        only: Names of the processes that will run; addresses of others stay as they are.
    """

    def wanted(name: str) -> bool:
        return only is None or name in only

    data_dir = settings.data_dir.expanduser().absolute()

    def moved(name: str, url: str) -> str:
        if not (wanted(name) and embedded(url, password=known_password(data_dir / name))):
            return url
        parts = urlsplit(url)
        port = ports.take(name, 80 if parts.port is None else parts.port)
        # Only Redis knows passwords.
        user = f":{kept_password(data_dir / name)}@" if parts.scheme == "redis" else ""
        return urlunsplit(parts._replace(netloc=f"{user}127.0.0.1:{port}"))

    flower_url = settings.flower_url
    if not flower_url and wanted("flower"):
        flower_url = f"http://127.0.0.1:{ports.take('flower', FLOWER_PORT if settings.port else 0)}"
    model = Path(settings.embedding_model).expanduser()
    return replace(
        settings,
        data_dir=data_dir,
        blob_dir=_absolute(settings.blob_dir),
        index_dir=_absolute(settings.index_dir),
        # A name stays a name, unless a folder here is meant.
        embedding_model=str(model.absolute()) if model.is_dir() else settings.embedding_model,
        redis_url=moved("redis-queue", settings.redis_url),
        cache_url=moved("redis-cache", settings.cache_url),
        chroma_url=moved("chroma", settings.chroma_url),
        port=ports.take("web", settings.port, host=settings.host)
        if wanted("web")
        else settings.port,
        flower_url=flower_url,
    )


def web_url(settings: Settings) -> str:
    """Return the address at which this machine reaches the web server."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104  compared, not bound
    return f"http://[{host}]:{settings.port}" if ":" in host else f"http://{host}:{settings.port}"


def _absolute(folder: str) -> str:
    """Make the path of a folder independent of the current one; empty stays empty."""
    return str(Path(folder).expanduser().absolute()) if folder else ""


def _free_port(host: str, port: int) -> int | None:
    """Return *port* (for 0: any) if a server could listen there now, else None."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do; otherwise a port counts as taken for a minute after its last use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen()
        except OSError:
            return None
        return int(probe.getsockname()[1])
