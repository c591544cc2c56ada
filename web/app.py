"""The Flask front end: it accepts work, shows what became of it, and does none of it itself."""

from collections.abc import Callable
from typing import Any

import orjson
from flask import Flask, Response, request
from flask.json.provider import JSONProvider
from werkzeug.routing import PathConverter

from runtime.environment import read_settings
from runtime.hosts import AllowedHosts
from runtime.logging import logs
from runtime.metrics.exposition import are_shared
from runtime.metrics.log_counts import share_log_counts
from runtime.settings import Settings
from runtime.tracing import traces
from web.front_end import attach, front_end, open_front_end
from web.guards import authorization, security
from web.http import behind_proxy, bodies, http_metrics, problems
from web.http.spool import SpoolingRequest
from web.routes import (
    admin_routes,
    collection_routes,
    document_routes,
    ingest_routes,
    job_routes,
    mcp_routes,
    metrics_routes,
    operation_routes,
    pages,
    query_routes,
    question_routes,
    search_routes,
    session_routes,
    usage_routes,
    webhook_routes,
)
from web.v1 import errors
from web.v1.routes import batches as v1_batches
from web.v1.routes import chat as v1_chat
from web.v1.routes import embeddings as v1_embeddings
from web.v1.routes import file_batches as v1_file_batches
from web.v1.routes import files as v1_files
from web.v1.routes import models as v1_models
from web.v1.routes import responses as v1_responses
from web.v1.routes import vector_store_files as v1_vector_store_files
from web.v1.routes import vector_stores as v1_vector_stores
from web.v1.shapes.batch_lines import output_line

ROUTES = (
    query_routes,
    question_routes,
    ingest_routes,
    job_routes,
    search_routes,
    document_routes,
    collection_routes,
    admin_routes,
    webhook_routes,
    usage_routes,
    mcp_routes,
    session_routes,
    operation_routes,
    metrics_routes,
    pages,
    v1_models,
    v1_files,
    v1_vector_stores,
    v1_vector_store_files,
    v1_file_batches,
    v1_responses,
    v1_chat,
    v1_embeddings,
    v1_batches,
)


class OrjsonProvider(JSONProvider):
    """JSON by orjson: several times as fast, and strict about Unicode."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        """Write a value; nothing but JSON's own types."""
        del kwargs
        return orjson.dumps(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:
        """Answer with a value, without a detour over text."""
        value = self._prepare_response_obj(args, kwargs)
        return Response(orjson.dumps(value), mimetype="application/json")

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read a value."""
        del kwargs
        return orjson.loads(s)


class FrontEndApp(Flask):
    """A Flask app without coroutines, which Flask looks for at each hook of each request."""

    request_class = SpoolingRequest

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return *func*, which is none."""
        return func


class DocumentConverter(PathConverter):
    """A document's id in a path: anything, slashes and all."""

    regex = ".+?"
    part_isolating = False  # taken from the regular expression otherwise, which names no slash


def create_app(settings: Settings | None = None) -> Flask:
    """
    Build the app; nothing connects and no thread starts before the first request.

    Args:
        settings: From the environment by default; then the process' logs are set up too.

    Raises:
        BadSetting: The environment holds an unknown or unreadable setting.
    """
    if settings is None:
        settings = read_settings()
        logs.configure(
            level=settings.log_level,
            role="web",
            secrets=settings.secrets,
            written=share_log_counts if are_shared() else None,
        )
        traces.configure(settings, role="web")
    app = FrontEndApp(__name__)
    app.json = OrjsonProvider(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_json_bytes  # uploads are allowed more
    app.url_map.converters["document"] = DocumentConverter
    # Ids of documents may hold two slashes in a row.
    app.url_map.merge_slashes = False
    behind_proxy.trust_proxies(app, settings.trusted_proxies)
    attach(app, open_front_end(settings))
    http_metrics.register(app)
    app.before_request(_accept_trace)
    traces.watch_flask(app)
    security.register(app, AllowedHosts(settings.host, settings.allowed_hosts))
    authorization.register(app, settings)
    bodies.register(app)
    problems.register(app)
    problems.answer_below(errors.PREFIX, errors.envelope)
    app.before_request(_start_threads)
    for routes in ROUTES:
        app.register_blueprint(routes.bp)
    http_metrics.begin(app)
    return app


def _accept_trace() -> None:
    """Work for the caller's trace, and for none where there is none: threads are used again."""
    traces.accept(request.headers.get("traceparent"))


def _start_threads() -> None:
    """Start what goes on by itself, with the first request: a thread does not survive a fork."""
    parts = front_end()
    parts.health.start()
    parts.intake.batch_service.start(output_line)
