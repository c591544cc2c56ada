"""The processes Quern is made of: command, environment, proof of service, order."""

import http.client
import os
import sys
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from jobs.heartbeats import live_workers
from runtime.settings import PREFIX, Settings
from stack.addresses import embedded, web_url
from stack.engines import generation_python
from stack.passwords import kept_password, known_password
from stack.redis_server import find_redis_server, redis_command
from stack.supervisor import Program

PROBE_TIMEOUT_S = 1.0
# A first start may have to fetch or convert a model.
WORKER_START_TIMEOUT_S = 300.0
WORKER_STOP_TIMEOUT_S = 20.0
# A language model is many gigabytes; and answers that are being written get a minute to end.
GENERATION_START_TIMEOUT_S = 1_800.0
GENERATION_STOP_TIMEOUT_S = 75.0
WEB_GRACE_S = 10
WEB_KEEP_ALIVE_S = 15
WEB_CONNECTIONS = 4_096
# Redis reads its whole append-only file before it serves.
REDIS_START_TIMEOUT_S = 120.0
FLOWER_USER = "quern"
# To look, not to steer: what Flower revokes or shuts down, the ledger would not hear of.
FLOWER_OPTIONS = {
    "read_only": "True",
    "persistent": "True",
    # Its server stands still while it saves: 0.7 s and 42 MB of memory for so many tasks.
    "max_tasks": "10000",
    "state_save_interval": "60000",
    # Each start of a worker is a new name; without this the old ones pile up for ever.
    "purge_offline_workers": "3600",
}

WEB_STAGE, WORKER_STAGE, CHROMA_STAGE, REDIS_STAGE = range(4)


def programs(settings: Settings, *, only: Collection[str] | None = None) -> list[Program]:
    """
    Return the programs of the stack, stores first.

    Args:
        settings: With the final addresses and absolute paths, as `addresses.resolve` returns them.

        only: Names of the programs that are wanted; None means all.
    """
    stores = _stores(settings)
    names = {store.name for store in stores}
    wanted = [*stores, *_workers(settings, names), _web(settings, names)]
    if settings.flower_url and embedded(settings.flower_url):
        wanted.append(_flower(settings, names))
    return [program for program in wanted if only is None or program.name in only]


def _stores(settings: Settings) -> list[Program]:
    """Return the embedded stores; one that lives elsewhere is not ours to start."""
    stores = []
    for name, url, memory_mb in (
        ("redis-queue", settings.redis_url, settings.redis_memory_mb),
        ("redis-cache", settings.cache_url, settings.cache_memory_mb),
    ):
        folder = settings.data_dir / name
        if not embedded(url, password=known_password(folder)):
            continue
        command = redis_command(
            find_redis_server(),
            folder=folder,
            port=_port(url),
            memory_mb=memory_mb,
            evicts=name == "redis-cache",
            password=kept_password(folder),
        )
        stores.append(
            Program(
                name=name,
                command=command,
                environment=child_environment(),
                log=_log(settings, name),
                foreign=True,
                ready=_redis_answers(url),
                start_timeout_s=REDIS_START_TIMEOUT_S,
                stop_stage=REDIS_STAGE,
            )
        )
    if embedded(settings.chroma_url):
        stores.append(
            Program(
                name="chroma",
                command=[sys.executable, "-P", "-m", "stack.chroma_server"],
                environment=child_environment(
                    ANONYMIZED_TELEMETRY="False",
                    NO_COLOR="1",
                    CHROMA_PERSIST_PATH=str(settings.data_dir / "chroma"),
                    CHROMA_LISTEN_ADDRESS="127.0.0.1",
                    CHROMA_PORT=str(_port(settings.chroma_url)),
                    # Of each query it would tell at the level below, in a thousand bytes.
                    RUST_LOG=os.environ.get("RUST_LOG", "warn"),
                ),
                log=_log(settings, "chroma"),
                foreign=True,
                ready=_http_answers(settings.chroma_url, "/api/v2/heartbeat", status=200),
                stop_stage=CHROMA_STAGE,
            )
        )
    return stores


def _workers(settings: Settings, stores: Collection[str]) -> list[Program]:
    """Return the workers; one that generates where the answers are not quotes."""
    workers = [_worker(settings, role, needs=stores) for role in ("retrieval", "ingestion")]
    if settings.answerer != "extractive":
        generation = _worker(
            settings,
            "generation",
            python=generation_python(settings),
            needs=[name for name in stores if name == "redis-queue"],
            start_timeout_s=GENERATION_START_TIMEOUT_S,
            stop_timeout_s=GENERATION_STOP_TIMEOUT_S,
        )
        workers.append(generation)
    return workers


def _worker(
    settings: Settings,
    role: str,
    *,
    needs: Collection[str],
    python: str = sys.executable,
    start_timeout_s: float = WORKER_START_TIMEOUT_S,
    stop_timeout_s: float = WORKER_STOP_TIMEOUT_S,
) -> Program:
    return Program(
        name=role,
        command=[python, "-P", "-m", f"workers.{role}"],
        environment=child_environment(settings),
        log=_log(settings, role),
        ready=_worker_answers(settings.redis_url, role),
        needs=sorted(needs),
        start_timeout_s=start_timeout_s,
        stop_stage=WORKER_STAGE,
        stop_timeout_s=stop_timeout_s,
    )


def _web(settings: Settings, stores: Collection[str]) -> Program:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    options = {
        "bind": f"{host}:{settings.port}",
        "workers": str(settings.web_processes),
        "worker-class": "web.server.patient_worker.PatientThreadWorker",
        "threads": str(settings.all_web_threads),
        # An idle one holds no thread.
        "worker-connections": str(WEB_CONNECTIONS),
        "keep-alive": str(WEB_KEEP_ALIVE_S),
        "graceful-timeout": str(WEB_GRACE_S),
    }
    # The worker proves that it lives by touching a file: on a busy disk that may block for long.
    if os.access("/dev/shm", os.W_OK):  # noqa: S108  gunicorn makes a private file there
        options["worker-tmp-dir"] = "/dev/shm"  # noqa: S108  the same
    flags = [f"--{name}={value}" for name, value in options.items()]
    return Program(
        name="web",
        command=[
            *(sys.executable, "-P", "-m", "gunicorn", "web.app:create_app()"),
            *flags,
            "--logger-class=web.server.gunicorn_log.JsonLogger",
            "--no-control-socket",
        ],
        environment=child_environment(settings),
        log=_log(settings, "web"),
        ready=_http_answers(web_url(settings), "/readyz", status=200),
        needs=sorted({"redis-queue", "redis-cache"}.intersection(stores)),
        stop_stage=WEB_STAGE,
        stop_timeout_s=WEB_GRACE_S + 2,
    )


def _flower(settings: Settings, stores: Collection[str]) -> Program:
    """Return Flower, on loopback only: its `/metrics` and `/healthcheck` ask for no password."""
    folder = settings.data_dir / "flower"
    command = [sys.executable, "-P", "-m", "tasks.flower_server"]
    options = {
        "address": "127.0.0.1",
        "port": str(_port(settings.flower_url)),
        "db": str(folder / "flower"),
    } | FLOWER_OPTIONS
    # Not an option: every user of the machine can read those.
    login = f"{FLOWER_USER}:{kept_password(folder)}"
    return Program(
        name="flower",
        command=[*command, *(f"--{name}={value}" for name, value in options.items())],
        environment=child_environment(settings, FLOWER_BASIC_AUTH=login),
        log=_log(settings, "flower"),
        foreign=True,
        ready=_http_answers(settings.flower_url, "/"),
        needs=sorted({"redis-queue"}.intersection(stores)),
        stop_stage=WEB_STAGE,
        stop_timeout_s=5.0,
    )


def child_environment(settings: Settings | None = None, **more: str) -> Mapping[str, str]:
    """Return a child's environment: ours, with exactly these settings and no other options."""
    strange = (PREFIX, "FLOWER_", "PROMETHEUS_", "GUNICORN_CMD_ARGS", "CELERY_", "CHROMA_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(strange)}
    environment |= {"PYTHONUNBUFFERED": "1"} | more
    checkout = Path(__file__).parents[1]
    if (checkout / "pyproject.toml").is_file():  # works without being installed
        paths = [str(checkout), environment.get("PYTHONPATH", "")]
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
    return environment if settings is None else environment | settings.environment()


def _log(settings: Settings, name: str) -> Path:
    return settings.data_dir / "logs" / f"{name}.log"


def _port(url: str) -> int:
    """Return the port of a resolved address."""
    port = urlsplit(url).port
    assert port is not None, url  # noqa: S101  `addresses.resolve` has put it there
    return port


def _client(url: str) -> redis.Redis:
    """Return a Redis client with short timeouts."""
    return redis.Redis.from_url(
        url,
        decode_responses=True,
        socket_timeout=PROBE_TIMEOUT_S,
        socket_connect_timeout=PROBE_TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


def _redis_answers(url: str) -> Callable[[int], bool]:
    """Ready: it is our process that answers, and it has read its data."""

    def ready(pid: int) -> bool:
        try:
            with _client(url) as client:
                server = client.info("server")
                return client.ping() is True and server["process_id"] == pid
        except redis.RedisError:
            return False

    return ready


def _worker_answers(url: str, role: str) -> Callable[[int], bool]:
    """Ready: the process has a live heartbeat, which it writes once it consumes."""

    def ready(pid: int) -> bool:
        try:
            with _client(url) as client:
                return any((w.role, w.pid) == (role, pid) for w in live_workers(client))
        except redis.RedisError:
            return False

    return ready


def _http_answers(url: str, path: str, *, status: int | None = None) -> Callable[[int], bool]:
    """Ready: a GET is answered, with *status* where one is given."""
    # Not httpx: a proxy in the environment must not come between, and this is all that is needed.
    parts = urlsplit(url)

    def ready(_pid: int) -> bool:
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=PROBE_TIMEOUT_S
        )
        try:
            connection.request("GET", path)
            answer = connection.getresponse().status
        except http.client.HTTPException:
            return False
        finally:
            connection.close()
        return status in (None, answer)

    return ready
