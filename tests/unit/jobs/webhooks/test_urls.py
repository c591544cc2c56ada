"""Addresses that webhooks may be sent to, by how they look."""

import pytest

from jobs.webhooks.urls import check_url
from rag.errors import InvalidRequest


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/hooks?job=1", "http://example.org:8080", "https://[2001:db8::1]/x",
        "HTTPS://Example.ORG/%C3%BC",
    ],
)  # fmt: skip
def test_an_http_url_with_a_host_is_taken_as_it_is(url: str) -> None:
    assert check_url(url, "url") == url


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("ftp://example.org/", "http:// or https://"),
        ("file:///etc/passwd", "http:// or https://"),
        ("example.org/hook", "http:// or https://"),
        ("https:///hook", "with a host"),
        ("https://example.org:0/", "with a host"),
        ("https://example.org:99999/", "is not a URL"),
        ("https://[::1/", "is not a URL"),
        ("https://user:secret@example.org/", "user or password"),
        ("https://user@example.org/", "user or password"),
        ("https://example.org/#part", "fragment"),
        ("https://example.org\\@127.0.0.1/", "without blanks and backslashes"),
        ("https://exa mple.org/", "without blanks"),
        ("https://example.org/\r\nX: y", "without blanks"),
        ("https://exämple.org/", "ASCII"),
        ("https://example.org/" + "x" * 2_000, "at most 2000 characters"),
    ],
)
def test_what_could_mean_something_else_is_refused_by_name(url: str, told: str) -> None:
    with pytest.raises(InvalidRequest, match=told) as refusal:
        check_url(url, "webhook_url")

    assert refusal.value.field == "webhook_url"
