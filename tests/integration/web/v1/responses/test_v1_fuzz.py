"""Whatever is sent to `/v1`: no fault of ours, and errors as OpenAI tells them."""

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from runtime.settings import Settings
from tests.integration.conftest import parts_of
from tests.support.worlds.answering_workers import AnsweringWorkers
from web.app import create_app

FILTER = {
    "type": "and",
    "filters": [
        {"type": "eq", "key": "year", "value": 2024},
        {"type": "in", "key": "author", "value": ["a", "b"]},
    ],
}
TOOL = {
    "type": "file_search", "vector_store_ids": ["papers"], "max_num_results": 5, "filters": FILTER,
    "ranking_options": {"ranker": "auto", "score_threshold": 0.5},
}  # fmt: skip
CHUNKS = {"type": "static", "static": {"max_chunk_size_tokens": 800, "chunk_overlap_tokens": 400}}
#: A body that is right, by the endpoint it is sent to; one part of each is then made wrong.
BODIES: dict[str, Any] = {
    "v1_responses.create": {
        "model": "quern",
        "input": [
            {"role": "system", "content": "Be brief."},
            {"type": "message", "role": "user", "content": [
                {"type": "input_text", "text": "Where does the log hang?"},
            ]},
            {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
             "content": [{"type": "output_text", "text": "There.", "annotations": []}]},
            {"role": "user", "content": "And what colour is it?"},
        ],
        "instructions": "Answer in one sentence.", "tools": [TOOL], "tool_choice": "auto",
        "include": ["file_search_call.results"], "max_output_tokens": 100, "temperature": 0.5,
        "top_p": 1.0, "metadata": {"a": "b"}, "store": True, "background": False, "stream": False,
        "truncation": "auto", "text": {"format": {"type": "text"}}, "service_tier": "auto",
        "reasoning": {"effort": "low"}, "parallel_tool_calls": True, "user": "u",
        "previous_response_id": None,
    },
    "v1_chat.create": {
        "model": "quern", "collection": "papers", "top_k": 3, "filters": FILTER,
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": [{"type": "text", "text": "Where?"}]},
            {"role": "assistant", "content": "There."},
            {"role": "user", "content": "And when?"},
        ],
        "stream": False, "stream_options": None, "n": 1, "max_tokens": 10, "temperature": 1,
        "response_format": {"type": "text"}, "modalities": ["text"], "store": False,
    },
    "v1_embeddings.create": {
        "model": "quern", "input": ["one", "two"], "encoding_format": "float", "dimensions": None,
        "truncate": True, "user": "u",
    },
    "v1_batches.create": {
        "input_file_id": "FILE", "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"a": "b"},
        "output_expires_after": {"anchor": "created_at", "seconds": 3_600},
    },
    "v1_vector_stores.create": {
        "name": "n", "file_ids": ["FILE"], "metadata": {"a": "b"}, "chunking_strategy": CHUNKS,
        "expires_after": {"anchor": "last_active_at", "days": 7}, "description": "d",
    },
    "v1_vector_stores.update": {
        "name": "n", "metadata": {"a": "b"},
        "expires_after": {"anchor": "last_active_at", "days": 7},
    },
    "v1_vector_stores.search": {
        "query": ["Where?", "When?"], "filters": FILTER, "max_num_results": 5,
        "ranking_options": {"ranker": "auto", "score_threshold": 0.1}, "rewrite_query": True,
    },
    "v1_vector_store_files.create": {
        "file_id": "FILE", "attributes": {"year": 2024, "a": "b", "is": True},
        "chunking_strategy": CHUNKS,
    },
    "v1_vector_store_files.update": {"attributes": {"year": 2024, "a": "b", "is": True}},
    "v1_file_batches.create": {
        "file_ids": ["FILE"], "attributes": {"a": "b"}, "chunking_strategy": CHUNKS,
        "files": [{"file_id": "FILE", "attributes": {"a": 1}, "chunking_strategy": CHUNKS}],
    },
}  # fmt: skip
EXAMPLES = 24
#: What may stand behind the question mark of any address.
ARGUMENTS = (
    "limit", "after", "before", "order", "filter", "include", "include[]", "starting_after",
    "stream", "purpose",
)  # fmt: skip
#: A line of a batch that asks for nothing right.
LINE = {"custom_id": "1", "method": "POST", "url": "/v1/chat/completions", "body": {}}

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False)
    | st.text(max_size=20) | st.sampled_from(["papers", "auto", "FILE", "0", "a/b", "\x00"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["type", "id", "key", "value", ""]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def places(value: Any, so_far: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each part of *value*, to all of it first."""
    yield so_far
    if isinstance(value, dict | list):
        for name, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(part, (*so_far, name))


@st.composite
def spoilt(draw: st.DrawFn, body: Any) -> Any:
    """Return a body that is right but for one part, which is another, or gone."""
    way = draw(st.sampled_from(list(places(body))))
    if not way:
        return draw(ANY_JSON)
    changed = copy.deepcopy(body)
    inside = changed
    for name in way[:-1]:
        inside = inside[name]
    if draw(st.booleans()) or isinstance(inside, list):
        inside[way[-1]] = draw(ANY_JSON)
    else:
        del inside[way[-1]]
    return changed


def routes() -> list[tuple[str, str, str]]:
    """Return the endpoint, method and address of each call of `/v1`, what deletes comes last."""
    app = create_app(Settings())
    found = [
        (rule.endpoint, method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/v1")
    ]
    parts_of(app).close()
    return sorted(found)


def test_each_endpoint_that_takes_json_has_a_body() -> None:
    posted = {endpoint for endpoint, method, _ in routes() if method == "POST"}

    assert posted - set(BODIES) == {
        "v1_files.create", "v1_batches.cancel", "v1_responses.cancel", "v1_file_batches.cancel",
    }  # fmt: skip
    assert set(BODIES) < posted


@pytest.fixture(autouse=True)
def _nobody_waits_for_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer at once where a file is to be read: nobody here does."""
    for place in ("vector_store_files", "vector_stores", "file_batches"):
        monkeypatch.setattr(f"web.v1.routes.{place}.ATTACH_WAIT_S", 0.01)
    monkeypatch.setattr("web.v1.routes.vector_store_files.CHANGE_WAIT_S", 0.01)


@pytest.fixture
def there(app: Flask, store: str, workers: AnsweringWorkers) -> dict[str, str]:  # noqa: ARG001
    """Make one thing of each kind; return their ids by the names that addresses have for them."""
    client = app.test_client()
    kept = uploaded(client, b"The log is blue.", "log.txt", "assistants")
    lines = uploaded(client, orjson.dumps(LINE), "lines.jsonl", "batch")
    client.post(f"/v1/vector_stores/{store}/files", json={"file_id": kept})
    batch = client.post(
        "/v1/batches",
        json=BODIES["v1_batches.create"] | {"input_file_id": lines},
    )
    several = client.post(f"/v1/vector_stores/{store}/file_batches", json={"file_ids": [kept]})
    response = client.post("/v1/responses", json={"input": "Where?", "background": True})
    return {
        "file": kept, "lines": lines, "file_id": kept, "store_id": store,
        "batch_id": several.get_json()["id"], "v1_batch": batch.get_json()["id"],
        "response_id": response.get_json()["id"], "name": "quern",
    }  # fmt: skip


def uploaded(client: FlaskClient, data: bytes, name: str, purpose: str) -> str:
    form = {"file": (io.BytesIO(data), name), "purpose": purpose}
    return str(client.post("/v1/files", data=form).get_json()["id"])


@pytest.mark.parametrize(("endpoint", "method", "rule"), routes())
def test_nothing_that_is_sent_is_a_fault_of_ours(
    app: Flask, there: dict[str, str], endpoint: str, method: str, rule: str
) -> None:
    client = app.test_client()
    address = "/".join(
        _named(part, rule, there) if part.startswith("<") else part for part in rule.split("/")
    )
    text = orjson.dumps(BODIES.get(endpoint, {})).decode()
    body = orjson.loads(
        text.replace("FILE", there["lines" if endpoint == "v1_batches.create" else "file"])
    )

    @hypothesis_settings(
        max_examples=EXAMPLES if endpoint in BODIES else EXAMPLES // 4,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(
        sent=spoilt(body),
        arguments=st.dictionaries(
            st.sampled_from(ARGUMENTS), st.text(max_size=10) | st.sampled_from(["1", "true", "asc"])
        ),
    )
    def send(sent: Any, arguments: dict[str, str]) -> None:
        # Numbers of any length: the application's own JSON would not write them.
        data = json.dumps(sent) if method == "POST" else None
        answer = client.open(
            address, method=method, query_string=arguments, data=data,
            content_type="application/json" if data else None,
        )  # fmt: skip
        assert answer.status_code < 500, (sent, arguments, answer.get_data(as_text=True))
        if answer.status_code >= 400:
            error = answer.get_json()["error"]
            assert set(error) == {"message", "type", "param", "code"}, error

    send()


def _named(part: str, rule: str, there: dict[str, str]) -> str:
    """Return the id of what a part of an address is the name of."""
    name = part.strip("<>").rpartition(":")[2]
    return there["v1_batch"] if rule.startswith("/v1/batches/") else there[name]
