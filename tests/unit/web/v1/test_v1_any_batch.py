"""Whatever is sent as a batch or as a line of its file, it is read or refused by name."""

import io
from contextlib import suppress
from typing import Any

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from intake.v1.batches.batch import ENDPOINTS, told_of
from intake.v1.batches.lines import InvalidBatch, Lines
from intake.v1.errors import Refused
from rag.errors import InvalidRequest
from web.v1.batch_requests import read_batch, read_line
from web.v1.errors import V1Error

WORDS = st.sampled_from(
    ["", "24h", "1s", "POST", "created_at", "file-1", "quern", "float", *ENDPOINTS]
)  # fmt: skip
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | WORDS | st.text(max_size=5)
NAMES = st.sampled_from(["anchor", "seconds", "a", "stream", "background", "input", "messages"])
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4)
)
BATCH = ["input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"]
LINE = ["custom_id", "method", "url", "body"]
BODY = ["input", "model", "encoding_format", "dimensions", "truncate", "messages", "tools"]


@given(st.dictionaries(st.sampled_from(BATCH), VALUES))
@example({"endpoint": []})
@example(
    {"input_file_id": "f", "endpoint": "/v1/responses", "completion_window": "24h",
     "output_expires_after": {"anchor": "created_at", "seconds": True}},
)  # fmt: skip
def test_any_batch_is_read_or_refused(body: dict[str, Any]) -> None:
    with suppress(InvalidRequest, V1Error):
        told_of(read_batch(body))


@settings(max_examples=60)
@given(st.sampled_from(ENDPOINTS), st.dictionaries(st.sampled_from(BODY), VALUES))
def test_any_body_of_a_line_is_read_or_refused(endpoint: Any, body: dict[str, Any]) -> None:
    with suppress(InvalidRequest, Refused):
        read_line(endpoint, body)


@given(
    st.lists(
        st.binary(max_size=20)
        | st.dictionaries(st.sampled_from(LINE), VALUES).map(orjson.dumps)
        | VALUES.map(orjson.dumps),
        max_size=5,
    ),
    st.integers(1, 200),
)
def test_any_file_is_read_or_refused(lines: list[bytes], most_bytes: int) -> None:
    data = b"\n".join(lines)
    found = Lines(io.BytesIO(data), "/v1/responses", most_bytes=most_bytes)
    with suppress(InvalidBatch):
        for line in found:
            told = orjson.loads(data.split(b"\n")[line.number - 1].removeprefix(b"\xef\xbb\xbf"))
            assert (told["custom_id"], told["body"]) == (line.custom_id, line.body)
