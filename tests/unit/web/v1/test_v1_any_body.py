"""Whatever JSON is sent, it is read or refused by name: nothing of it is a fault of ours."""

from contextlib import suppress
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rag.errors import InvalidRequest
from web.v1.chat_requests import read_chat
from web.v1.errors import V1Error
from web.v1.response_requests import read_response

WORDS = st.sampled_from(
    [
        "", "user", "system", "message", "text", "input_text", "file_search", "auto", "none", "eq",
        "and", "vs_1", "json_schema", "file_search_call", "flex", "refusal", "\ud800",
    ]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5)
NAMES = st.sampled_from(
    [
        "type", "role", "content", "text", "id", "key", "value", "filters", "vector_store_ids",
        "ranking_options", "ranker", "score_threshold", "max_num_results", "format", "a",
    ]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5)
)
FIELDS = [
    "input", "model", "instructions", "previous_response_id", "background", "store", "stream",
    "temperature", "top_p", "max_output_tokens", "tools", "tool_choice", "include", "text",
    "metadata", "service_tier", "truncation", "conversation", "messages", "n", "stop", "functions",
    "response_format", "modalities", "stream_options", "collection", "top_k", "filters",
    "max_tokens", "logprobs", "reasoning", "top_logprobs",
]  # fmt: skip
MESSAGE = st.fixed_dictionaries(
    {"role": WORDS}, optional={"content": VALUES, "type": WORDS, "id": SCALARS}
)
TOOL = st.fixed_dictionaries(
    {"type": st.just("file_search"), "vector_store_ids": VALUES},
    optional={"filters": VALUES, "max_num_results": SCALARS, "ranking_options": VALUES},
)
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)


@given(
    BODIES, st.text(min_size=1) | st.lists(MESSAGE | VALUES, max_size=3), st.lists(TOOL | VALUES)
)
@example({}, [{"type": ["message"]}], [])
@example({}, "x", [{"type": "file_search", "vector_store_ids": ["a"], "filters": {"type": []}}])
def test_any_response_is_read_or_refused(body: dict[str, Any], said: Any, tools: Any) -> None:
    with suppress(InvalidRequest, V1Error):
        asked = read_response({"input": said, "tools": tools} | body)
        orjson.dumps(asked.echoed)  # it is kept and shown


@settings(max_examples=60)
@given(BODIES, st.lists(MESSAGE | VALUES, max_size=3))
@example({"modalities": 3}, [{"role": "user", "content": "x"}])
@example({}, [{"role": "user", "content": [{"type": {}}]}])
def test_any_completion_is_read_or_refused(body: dict[str, Any], said: Any) -> None:
    with suppress(InvalidRequest, V1Error):
        read_chat({"messages": said} | body)
