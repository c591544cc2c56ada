"""Routes for Prometheus: the web's metrics, and the addresses of the workers'."""

from flask import Blueprint, Response, jsonify
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from runtime.metrics.collecting import Collected
from runtime.metrics.exposition import are_shared, exposition
from runtime.metrics.log_counts import log_counts
from web.front_end import front_end
from web.guards.authorization import open_to_all
from web.guards.strangers import refuse_strangers

bp = Blueprint("metrics", __name__)


@bp.get("/metrics")
@open_to_all
def metrics() -> Response:
    """
    Show the web and the installation, in Prometheus' text format; not to strangers.

    Of several web processes each shows what all of them have counted.
    """
    refuse_strangers()
    registry = CollectorRegistry()
    registry.register(Collected(front_end().scraped_state.read))
    if not are_shared():
        registry.register(Collected(log_counts))
    text = exposition() + generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


@bp.get("/prometheus/sd")
@open_to_all
def targets() -> Response:
    """List the workers' /metrics, as Prometheus' `http_sd_configs` reads it; not to strangers."""
    refuse_strangers()
    answer = jsonify(front_end().scrape_targets.read())
    answer.headers["Cache-Control"] = "no-store"
    return answer
