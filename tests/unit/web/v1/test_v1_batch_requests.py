"""Requests of batches: how long they may take, how long their files are kept, what lines ask."""

from typing import Any

import pytest

from intake.v1.asking import Asked
from intake.v1.embeddings import EmbeddingsAsked
from intake.v1.errors import Refused
from intake.v1.response_request import ResponseRequest
from rag.errors import InvalidRequest
from web.v1.batch_requests import read_batch, read_line

ASKED: Any = {"input_file_id": "file-1", "endpoint": "/v1/responses", "completion_window": "24h"}
CHAT: Any = {"messages": [{"role": "user", "content": "Why?"}]}


@pytest.mark.parametrize(
    ("window", "seconds"), [("24h", 86_400), ("1440m", 86_400), ("6h", 21_600), ("90s", 90)]
)
def test_a_window_is_a_day_or_shorter(window: str, seconds: int) -> None:
    asked = read_batch(ASKED | {"completion_window": window})

    assert (asked.window_s, asked.completion_window) == (seconds, window)


@pytest.mark.parametrize("window", ["25h", "1441m", "0h", "1d", "", " 1h", "1h ", None, 24, "٣h"])
def test_any_other_window_is_refused(window: Any) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read_batch(ASKED | {"completion_window": window})

    assert refused.value.field == "completion_window"


def test_what_is_not_said_is_as_usual() -> None:
    asked = read_batch(ASKED)

    assert (asked.metadata, asked.output_s) == (None, None)
    more = {"metadata": {"a": "b"}, "unknown": 1,
            "output_expires_after": {"anchor": "created_at", "seconds": 3_600}}  # fmt: skip
    asked = read_batch(ASKED | more)
    assert (asked.metadata, asked.output_s) == ({"a": "b"}, 3_600)


def test_lines_are_read_as_requests_alone_are() -> None:
    assert isinstance(read_line("/v1/chat/completions", CHAT), Asked)
    assert isinstance(read_line("/v1/responses", {"input": "Why?"}), ResponseRequest)
    texts = read_line("/v1/embeddings", {"input": ["a", "b"], "encoding_format": "base64"})
    assert isinstance(texts, EmbeddingsAsked)
    assert (list(texts.texts), texts.as_base64) == (["a", "b"], True)


def test_what_a_line_may_not_ask_is_named() -> None:
    with pytest.raises(Refused) as refused:
        read_line("/v1/chat/completions", CHAT | {"n": 2})
    assert refused.value.param == "n"
    with pytest.raises(InvalidRequest) as wrong:
        read_line("/v1/embeddings", {"input": []})
    assert wrong.value.field == "input"
