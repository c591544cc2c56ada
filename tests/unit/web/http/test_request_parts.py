"""Bodies of JSON: what is none, and what is nested deeper than anything that is asked."""

import orjson
import pytest

from web.http.problems import Problem
from web.http.request_parts import MAX_DEPTH, json_of


def nested(depth: int, inner: bytes = b"1") -> bytes:
    return b"[" * depth + inner + b"]" * depth


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH), b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH,
        nested(MAX_DEPTH - 1, b'{"a": 1}'), b"3", b"[]", b"null",
        orjson.dumps([[n, [n]] for n in range(2_000)]),
    ],
)  # fmt: skip
def test_what_is_nested_as_deep_as_may_be_is_read(body: bytes) -> None:
    assert json_of(body) == orjson.loads(body)


@pytest.mark.parametrize(
    "body",
    [
        nested(MAX_DEPTH + 1), nested(1_000), nested(MAX_DEPTH, b"{}"),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        b'{"b": [[]], "a": ' + nested(MAX_DEPTH) + b"}",
    ],
)  # fmt: skip
def test_what_is_nested_deeper_is_refused(body: bytes) -> None:
    with pytest.raises(Problem, match="more than 100 levels") as refused:
        json_of(body)

    assert refused.value.status == 400


def test_what_is_no_json_is_refused() -> None:
    for body in (b"{", b"[" * 5_000):
        with pytest.raises(Problem) as refused:
            json_of(body)
        assert (refused.value.status, refused.value.kind) == (400, "not-json")
