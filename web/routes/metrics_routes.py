"""What Prometheus asks: the web's metrics, and where the workers show theirs."""

from ipaddress import ip_address

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest

from jobs.heartbeats import WorkerState, live_workers
from runtime.metrics.collecting import Collected
from runtime.metrics.log_counts import log_counts
from runtime.settings import Settings
from web.front_end import front_end

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
def metrics() -> Response:
    """Show this process and the installation, in Prometheus' text format."""
    installation = CollectorRegistry()
    installation.register(Collected(front_end().installation.read))
    installation.register(Collected(log_counts))
    text = generate_latest(REGISTRY) + generate_latest(installation)
    return Response(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


@bp.get("/prometheus/sd")
def targets() -> Response:
    """List the workers' /metrics, as Prometheus' `http_sd_configs` reads it."""
    parts = front_end()
    answer = jsonify(
        [
            {
                "targets": [f"{address(worker, parts.settings)}:{worker.metrics_port}"],
                "labels": {
                    "job": f"quern-{worker.role}",
                    "role": worker.role,
                    "worker": worker.name,
                },
            }
            for worker in live_workers(parts.durable.redis)
            if worker.metrics_port
        ]
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def address(worker: WorkerState, settings: Settings) -> str:
    """Return where a worker listens: on `host`, which is its own where that is every address."""
    host = settings.host
    try:
        if ip_address(host).is_unspecified:
            host = worker.host
    except ValueError:
        pass  # a name
    return f"[{host}]" if ":" in host else host
