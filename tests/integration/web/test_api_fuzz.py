"""Property-based fuzzing of the described API: no faults, only documented answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis import Redis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from runtime.settings import Settings
from tests.integration.conftest import BusyWorker, HandWorker
from web.app import create_app
from web.openapi.document import openapi_document

CHECKS = [
    not_a_server_error, status_code_conformance, content_type_conformance,
    response_schema_conformance,
]  # fmt: skip

# Health and readiness answer 503 on their own business.
# What deletes comes last, the longest path first, so that the others find something.
OPERATIONS = sorted(
    (
        (path, method)
        for path, methods in openapi_document(version="0", settings=Settings())["paths"].items()
        for method in methods
        if path not in {"/health", "/readyz"}
    ),
    key=lambda operation: (operation[1] == "delete", -len(operation[0])),
)


@dataclass(frozen=True)
class Described:
    """The description, and what is there: a question, an open ingest, a list, a webhook."""

    schema: Any
    jobs: list[str]
    webhook: str


@pytest.fixture(scope="module")
def described(redis_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Described]:
    """Load the description from an app with a worker that answers everything."""
    with Redis.from_url(redis_url) as redis:
        redis.flushall()
    folder: Path = tmp_path_factory.mktemp("fuzz")
    app = create_app(Settings(redis_url=redis_url, cache_url=redis_url, data_dir=folder))
    parts = app.extensions["quern"]
    client = app.test_client()
    opened = {"open": True, "collection": "books", "documents": [{"id": "a.md", "text": "text"}]}
    asked = [
        client.post("/api/queries", json={"question": "x"}),
        client.post("/api/ingests", json=opened),
    ]
    asked.append(client.post("/api/questions", json={"questions": [{"question": "x"}]}))
    jobs = [answer.get_json()["id"] for answer in asked]
    webhook = client.post("/api/webhooks", json={"url": "https://example.org"}).get_json()["id"]
    hand = HandWorker(parts)
    hand.publish(hand.rows(jobs[1])[0], "text", spans=[(0, 4)])
    busy = BusyWorker(parts)
    yield Described(schemathesis.openapi.from_wsgi("/api/openapi.json", app), jobs, webhook)
    busy.close()
    parts.close()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_api_answers_as_described(described: Described, path: str, method: str) -> None:
    @hypothesis_settings(
        max_examples=25,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        case=described.schema[path][method].as_strategy(), known=st.sampled_from([None, 0, 1, 2])
    )
    def try_it(case: Any, known: int | None) -> None:
        if known is not None:
            # Names made up by chance are never those of anything.
            there = {
                "job_id": described.jobs[known], "name": "books", "document_id": "a.md",
                "webhook_id": described.webhook, "message_id": f"msg_{described.jobs[known]}",
            }  # fmt: skip
            for name in case.path_parameters or {}:
                case.path_parameters[name] = there[name]
        if path.endswith("/events") and known == 1:
            case.path_parameters["job_id"] = described.jobs[0]  # the other one never ends
        answer = case.call()
        case.validate_response(answer, checks=CHECKS)

    try_it()
