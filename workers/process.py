"""A worker process: resources opened before the first task, closed after the last."""

import contextlib
import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from celery import Celery, signals
from redis.exceptions import RedisError
from setproctitle import setproctitle

from corpus.storage import Storage, open_storage
from jobs.heartbeats import WorkerState, forget_failure, record_failure
from jobs.leases.leases import Leases
from protocol.ids import new_id
from rag.errors import Broken
from runtime.environment import BadSetting, read_settings
from runtime.logging.logs import configure
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from runtime.tracing import traces
from tasks.app import make_app
from tasks.resources import Resources
from tasks.sending import sender
from workers import traced_ports
from workers.heaps import one_heap_a_core
from workers.heartbeat import Heartbeat
from workers.kombu_patches import apply_patches
from workers.metrics_server import begin_metrics, serve_metrics
from workers.priority import give_way

log = logging.getLogger(__name__)

#: Bodies get this long to end by themselves after SIGTERM; then they are given back.
DRAIN_S = 10.0

OpenResources = Callable[
    [contextlib.ExitStack, Settings, Storage, Leases], tuple[Resources, Sequence[str]]
]


def run(
    *,
    role: str,
    queues: Callable[[Settings], Sequence[str]],
    threads: Callable[[Settings], int],
    open_resources: OpenResources,
    reserve: Callable[[Settings], int] = lambda _settings: 0,
    nice: Callable[[Settings], int] = lambda _settings: 0,
    drain_s: float = DRAIN_S,
) -> int:
    """
    Run a worker until it is told to stop; returns its exit code.

    Of its threads *reserve* never run batch questions. It gives way to the other processes of this
    machine by *nice* steps. After SIGTERM bodies have *drain_s* to end.

    Resources are opened here and not in a Celery signal: an exception there is swallowed, and the
    worker would take tasks without its models.
    """
    try:
        settings = read_settings()
    except BadSetting as error:
        sys.stderr.write(f"{error}\n")
        return 1
    # First: threads and sub-processes begin with the priority of who starts them, and threads with
    # a heap.
    give_way(nice(settings))
    one_heap_a_core()
    configure(level=settings.log_level, role=role, secrets=settings.secrets)
    traces.configure(settings, role=role)
    setproctitle(f"quern {role}")
    signals.setup_logging.connect(_keep_our_logging)
    # It would tell of every task, whose ids and times the ledger has.
    for chatty in ("celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    logging.getLogger("celery.app.trace").addFilter(_without_arguments)
    apply_patches()
    app = make_app(settings)
    storage = open_storage(settings, sender(app))
    name = f"{role}/{socket.gethostname()}/{os.getpid()}/{new_id()[-6:]}"
    try:
        with contextlib.ExitStack() as stack:
            leases = stack.enter_context(
                Leases(
                    storage.ledger.work,
                    ledger_client(settings.redis_url, connections=4),
                    name=name,
                    delta_s=settings.delta_ms / 1000,
                )
            )
            began = time.perf_counter()
            resources, models = open_resources(stack, settings, storage, leases)
            app.resources = traced_ports.resources(resources)  # type: ignore[attr-defined]  # where tasks look for it
            begin_metrics(
                stack, role=role, queues=queues(settings), leases=leases,
                threads=threads(settings), models=models, opened_s=time.perf_counter() - began,
            )  # fmt: skip
            metrics_port = stack.enter_context(serve_metrics(settings, role))
            state = WorkerState(
                name=name, role=role, pid=os.getpid(), host=socket.gethostname(),
                queues=tuple(queues(settings)), threads=threads(settings),
                reserve=reserve(settings), started_at=time.time(), models=models,
                metrics_port=metrics_port,
            )  # fmt: skip
            forget_failure(storage.redis, queues(settings))
            heartbeat = Heartbeat(resources, state, settings)
            stack.callback(heartbeat.stop)
            return _consume(
                app, heartbeat, leases, queues=state.queues, threads=state.threads, drain_s=drain_s
            )
    except Broken as error:
        log.critical("cannot run: %s", error)
        with contextlib.suppress(RedisError):  # it is in the log
            record_failure(storage.redis, queues(settings), str(error))
        return 1


def _consume(
    app: Celery,
    heartbeat: Heartbeat,
    leases: Leases,
    *,
    queues: Sequence[str],
    threads: int,
    drain_s: float,
) -> int:
    """Take tasks until SIGTERM; bodies that outlast the drain are given back unharmed."""

    def ready(**_: Any) -> None:
        heartbeat.start()

    def stopping(**_: Any) -> None:
        timer = threading.Timer(drain_s, leases.close)
        timer.daemon = True
        timer.start()

    signals.worker_ready.connect(ready, weak=False)
    signals.worker_shutting_down.connect(stopping, weak=False)
    worker = app.Worker(
        hostname=f"{queues[0]}@{socket.gethostname()}-{os.getpid()}",
        pool="threads",
        concurrency=threads,
        queues=list(queues),
        without_gossip=True,
        without_mingle=True,
        task_events=True,
        quiet=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


def _without_arguments(record: logging.LogRecord) -> bool:
    """Strip arguments and error texts from Celery's log records of failed tasks."""
    context = record.args
    if isinstance(context, Mapping):
        record.task = context.get("name")
        record.msg, record.args = f"the task {context.get('description', 'failed')}", None
    record.__dict__.pop("data", None)
    return True


def _keep_our_logging(**_: Any) -> None:
    """Be connected to `setup_logging`, which stops Celery from configuring logging."""
