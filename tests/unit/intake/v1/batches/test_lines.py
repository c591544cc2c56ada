"""Lines of a batch's file: which are requests, and what makes a file no batch."""

import io
from typing import Any

import orjson
import pytest

from intake.v1.batches.batch import LineError
from intake.v1.batches.lines import MOST_TOLD, InvalidBatch, Lines

URL: Any = "/v1/chat/completions"
BODY: Any = {"model": "quern", "messages": [{"role": "user", "content": "Why?"}]}


def sent(**more: Any) -> dict[str, Any]:
    return {"custom_id": "a", "method": "POST", "url": URL, "body": BODY} | more


def read(data: bytes, *, most_bytes: int = 1_000) -> list[tuple[int, str]]:
    lines = Lines(io.BytesIO(data), URL, most_bytes=most_bytes)
    return [(line.number, line.custom_id) for line in lines]


def errors(data: bytes, *, most_bytes: int = 1_000) -> list[LineError]:
    with pytest.raises(InvalidBatch) as invalid:
        read(data, most_bytes=most_bytes)
    return invalid.value.errors


def codes(*lines: Any) -> list[tuple[str, int | None, str | None]]:
    found = errors(b"\n".join(map(orjson.dumps, lines)))
    return [(error.code, error.line, error.param) for error in found]


def test_blank_lines_count_and_are_passed_over() -> None:
    one, two = orjson.dumps(sent()), orjson.dumps(sent(custom_id="b"))

    assert read(b"\xef\xbb\xbf" + one + b"\r\n\n  \n" + two) == [(1, "a"), (4, "b")]
    assert read(one + b"\n") == [(1, "a")]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"custom_id": None}, ("missing_required_parameter", "custom_id")),
        ({"custom_id": ""}, ("invalid_custom_id", "custom_id")),
        ({"custom_id": 7}, ("invalid_custom_id", "custom_id")),
        ({"custom_id": "é" * 257}, ("invalid_custom_id", "custom_id")),
        ({"method": "GET"}, ("invalid_method", "method")),
        ({"method": None}, ("missing_required_parameter", "method")),
        ({"url": "/v1/responses"}, ("invalid_url", "url")),
        ({"url": None}, ("missing_required_parameter", "url")),
        ({"body": None}, ("missing_required_parameter", "body")),
        ({"body": "x"}, ("invalid_request", "body")),
        ({"body": BODY | {"model": None}}, ("invalid_request", "body.model")),
        ({"body": {"model": "quern"}}, ("invalid_request", "body.messages")),
        ({"body": BODY | {"stream": True}}, ("streaming_unsupported", "body.stream")),
        ({"body": BODY | {"background": True}}, ("background_unsupported", "body.background")),
    ],
)
def test_what_makes_a_file_no_batch_is_told_with_its_line(
    more: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert codes(sent(custom_id="z"), sent(**more)) == [(expected[0], 2, expected[1])]


def test_what_is_not_asked_for_may_be_said() -> None:
    body = BODY | {"stream": False, "background": None}

    assert read(orjson.dumps(sent(body=body, more=1))) == [(1, "a")]


def test_a_name_is_given_once() -> None:
    (error,) = errors(orjson.dumps(sent()) + b"\n\n" + orjson.dumps(sent()))

    assert (error.code, error.line) == ("duplicate_custom_id", 3)
    assert "line 1" in error.message


def test_all_that_is_wrong_is_told_up_to_a_bound() -> None:
    assert codes(sent(method="GET", url="x", body=1)) == [
        ("invalid_method", 1, "method"), ("invalid_url", 1, "url"),
        ("invalid_request", 1, "body"),
    ]  # fmt: skip
    many = [sent(custom_id=str(n), method="GET", url="x", body=1) for n in range(100)]
    assert len(codes(*many)) == MOST_TOLD


@pytest.mark.parametrize("data", [b"", b"\n\n", b" \r\n"])
def test_a_file_without_requests_is_none(data: bytes) -> None:
    assert [error.code for error in errors(data)] == ["empty_file"]


def test_what_is_no_json_is_told_and_what_follows_is_read() -> None:
    found = errors(b"{\n[]\nnull\n" + orjson.dumps(sent(method="GET")))

    assert [(error.code, error.line) for error in found] == [
        ("invalid_json_line", 1), ("invalid_json_line", 2), ("invalid_json_line", 3),
        ("invalid_method", 4),
    ]  # fmt: skip


def test_a_line_that_is_too_long_is_not_taken_into_memory() -> None:
    short = orjson.dumps(sent())
    found = errors(b"x" * 200_000 + b"\n" + short + b"\n" + b"y" * 5_000, most_bytes=500)

    assert [(error.code, error.line) for error in found] == [
        ("line_too_large", 1), ("line_too_large", 3),
    ]  # fmt: skip
    assert read(short, most_bytes=len(short)) == [(1, "a")]
    assert read(short + b"\r\n", most_bytes=len(short)) == [(1, "a")]
    assert errors(short, most_bytes=len(short) - 1)[0].code == "line_too_large"


def test_a_batch_has_so_many_requests_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("intake.v1.batches.lines.MOST_LINES", 2)
    lines = [orjson.dumps(sent(custom_id=str(n))) for n in range(4)]

    assert len(read(b"\n".join(lines[:2]))) == 2
    assert [(error.code, error.line) for error in errors(b"\n".join(lines))] == [
        ("too_many_requests", 3)
    ]
