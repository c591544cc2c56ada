"""A worker's /metrics: a small HTTP server on a port of its own, never a reason to stop."""

import contextlib
import logging
from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Final
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from prometheus_client import make_wsgi_app, start_http_server
from redis.exceptions import RedisError

from access.errors import KeyRefused
from access.keys import ApiKeys
from jobs import claim_metrics
from jobs.leases.leases import Leases
from runtime.hosts import AllowedHosts
from runtime.metrics import meters
from runtime.metrics.collecting import collecting
from runtime.metrics.log_counts import log_counts
from runtime.redis_clients import health_client
from runtime.settings import Settings
from workers import collectors

log = logging.getLogger(__name__)

#: How far above `metrics_port` each kind of worker listens.
ABOVE: Final = {"retrieval": 0, "ingestion": 1, "generation": 2}


def begin_metrics(
    stack: contextlib.ExitStack,
    *,
    role: str,
    queues: Sequence[str],
    leases: Leases,
    threads: int,
    models: Sequence[str],
    opened_s: float,
) -> None:
    """Show at zero what a worker counts, and what it can be asked, until *stack* closes."""
    meters.begin("every", "workers", role)  # type: ignore[arg-type]  # a kind of worker
    meters.begin_tasks(claim_metrics.tasks_of(frozenset(queues)))
    meters.record_models(models, seconds=opened_s)
    stack.enter_context(collecting(collectors.work(leases, threads), log_counts))


@contextlib.contextmanager
def serve_metrics(settings: Settings, role: str) -> Iterator[int]:
    """
    Show this process's metrics, the engine's own among them, until the block ends.

    Yields the port: the role's own, or a free one where another worker has that; 0 where there is
    none. Whatever goes wrong is logged: a worker without metrics is better than none.
    """
    with contextlib.ExitStack() as stack:
        yield _serve(stack, settings, role) if settings.metrics_port else 0


def _serve(stack: contextlib.ExitStack, settings: Settings, role: str) -> int:
    """Listen on the first port that can be had."""
    for port in (settings.metrics_port + ABOVE[role], 0):
        try:
            server, thread = start_http_server(port, addr=settings.host)
        except (OSError, OverflowError) as error:  # a port above 65,535 is no port
            log.info("no metrics on this port", extra={"port": port, "reason": str(error)})
            continue
        # Before anybody has been told of the port.
        redis = health_client(settings.redis_url)
        stack.callback(redis.close)
        server.set_app(_guarded(make_wsgi_app(), settings, ApiKeys(redis)))
        stack.callback(thread.join, timeout=2)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        return int(server.server_port)
    log.warning("no metrics")
    return 0


def _guarded(app: WSGIApplication, settings: Settings, keys: ApiKeys) -> WSGIApplication:
    """Return *app* behind a check of the Host header and the key, as the web has it."""
    hosts = AllowedHosts(settings.host, settings.allowed_hosts)

    def guarded(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        refusal = hosts.refusal(environ.get("HTTP_HOST"), protocol=environ["SERVER_PROTOCOL"])
        if refusal is None and settings.keys_required and settings.health_detail != "everyone":
            refusal = _refusal_of_key(environ.get("HTTP_AUTHORIZATION", ""), keys)
        if refusal is None:
            return app(environ, start_response)
        status, why = refusal
        headers = [("Content-Type", "text/plain; charset=utf-8")]
        start_response(f"{status} {HTTPStatus(status).phrase}", headers)
        return [f"{why}\n".encode()]

    return guarded


def _refusal_of_key(sent: str, keys: ApiKeys) -> tuple[int, str] | None:
    """
    Return status and reason where what was *sent* is no key of the operator's, else None.

    Some numbers have names of collections.
    """
    try:
        if keys.grant_of(sent.partition(" ")[2].strip()).is_operator:
            return None
    except KeyRefused as error:
        return 401, str(error)
    except RedisError:
        return 503, "The keys cannot be looked up, because the queue does not answer."
    return 403, "This is shown to keys of the operator."
