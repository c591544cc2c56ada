"""The front end behind a proxy that serves it below a path of its own, and tells so."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runtime.settings import Settings
from tests.integration.conftest import HandWorker, parts_of
from web.app import create_app

TOLD = {
    "Host": "127.0.0.1:8000",
    "X-Forwarded-Prefix": "/quern",
    "X-Forwarded-Host": "docs.example.org",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-For": "192.0.2.7",
}


@pytest.fixture
def trusting(settings: Settings) -> Iterator[Flask]:
    app = create_app(replace(settings, trusted_proxies=1, allowed_hosts="docs.example.org"))
    yield app
    parts_of(app).close()


@pytest.fixture
def proxied(trusting: Flask) -> FlaskClient:
    return trusting.test_client()


def every_address(shown: Any) -> list[str]:
    """Return all links and the like, however deep."""
    if isinstance(shown, list):
        return [found for entry in shown for found in every_address(entry)]
    if not isinstance(shown, dict):
        return []
    own = list(shown.get("links", {}).values())
    return own + [
        found for name in shown if name != "links" for found in every_address(shown[name])
    ]


def test_every_link_begins_with_the_path_that_the_proxy_tells(
    trusting: Flask, proxied: FlaskClient
) -> None:
    body = {"collection": "books", "documents": [{"id": "a/b c.md", "text": "Some text."}]}
    answer = proxied.post("/api/ingests", json=body, headers=TOLD)
    job_id = answer.get_json()["id"]
    worker = HandWorker(parts_of(trusting))
    worker.publish(worker.rows(job_id)[0], "Some text.", spans=[(0, 10)])
    made = proxied.post("/api/collections", json={"name": "other"}, headers=TOLD)
    paths = (
        "/api/jobs",
        f"/api/jobs/{job_id}",
        "/api/collections",
        "/api/collections/books/documents",
    )
    shown = [proxied.get(path, headers=TOLD).get_json() for path in paths]
    links = every_address([answer.get_json(), made.get_json(), *shown])

    assert answer.headers["Location"] == f"/quern/api/jobs/{job_id}"
    assert made.headers["Location"] == "/quern/api/collections/other"
    assert len(links) >= 15
    assert {link[:11] for link in links} == {"/quern/api/"}
    for link in links:
        followed = proxied.get(link.removeprefix("/quern"), headers=TOLD)
        assert followed.status_code in (200, 204), link


def test_a_problem_names_its_instance_below_the_path(proxied: FlaskClient) -> None:
    problem = proxied.get("/api/jobs/none", headers=TOLD).get_json()

    assert problem["instance"] == "/quern/api/jobs/none"


def test_the_description_names_the_path(proxied: FlaskClient) -> None:
    described = proxied.get("/api/openapi.json", headers=TOLD).get_json()

    assert described["servers"] == [{"url": "/quern"}]
    assert proxied.get("/api/openapi.json", headers={"Host": "localhost"}).get_json()[
        "servers"
    ] == [{"url": "/"}]


@pytest.mark.parametrize(
    ("path", "up"), [("/", "./"), ("/api/docs", "../"), ("/api/docs/ask", "../../")]
)
@pytest.mark.parametrize("headers", [TOLD, {"Host": "localhost"}])
def test_a_page_asks_for_nothing_outside_the_path(
    proxied: FlaskClient, headers: dict[str, str], path: str, up: str
) -> None:
    page = proxied.get(path, headers=headers).text
    addresses = re.findall(r'(?:href|src)="([^"#][^"]*)"', page)
    root = "/quern/" if headers is TOLD else up

    assert len(addresses) >= 6
    assert all(address.startswith(root) for address in addresses), addresses


def test_a_line_to_copy_calls_the_host_and_the_path_that_the_proxy_tells(
    proxied: FlaskClient,
) -> None:
    page = proxied.get("/api/docs/listCollections", headers=TOLD).text

    assert "curl https://docs.example.org/quern/api/collections<" in page


def test_a_page_may_write_under_the_name_that_the_proxy_tells(proxied: FlaskClient) -> None:
    body = {"name": "books"}
    own = TOLD | {"Origin": "https://docs.example.org"}
    foreign = TOLD | {"Origin": "https://evil.example"}

    assert proxied.post("/api/collections", json=body, headers=own).status_code == 201
    assert proxied.post("/api/collections", json=body, headers=foreign).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-Host": "evil.example"},
        {"Host": "evil.example", "X-Forwarded-Host": "docs.example.org"},
        {"Host": "evil.example", "X-Forwarded-Host": "localhost"},
    ],
)
def test_a_name_that_is_not_ours_is_refused_whoever_tells_it(
    proxied: FlaskClient, headers: dict[str, str]
) -> None:
    assert proxied.get("/api/jobs", headers=TOLD | headers).status_code == 421


@pytest.mark.parametrize(
    "prefix", ["//evil.example", "/a//b", "quern", "/../x", "/a\\b", "/a b", "/"]
)
def test_a_prefix_that_is_no_path_is_ignored(proxied: FlaskClient, prefix: str) -> None:
    answer = proxied.post(
        "/api/collections", json={"name": "books"}, headers=TOLD | {"X-Forwarded-Prefix": prefix}
    )

    assert answer.headers["Location"] == "/api/collections/books"


def test_a_final_slash_of_the_path_is_not_doubled(proxied: FlaskClient) -> None:
    headers = TOLD | {"X-Forwarded-Prefix": "/tools/quern/"}
    answer = proxied.post("/api/collections", json={"name": "books"}, headers=headers)

    assert answer.headers["Location"] == "/tools/quern/api/collections/books"


def test_where_no_proxy_is_trusted_what_one_says_is_ignored(client: FlaskClient) -> None:
    answer = client.post("/api/collections", json={"name": "books"}, headers=TOLD)

    assert answer.status_code == 201
    assert answer.headers["Location"] == "/api/collections/books"
    assert every_address(answer.get_json())[0] == "/api/collections/books"


def test_of_two_trusted_proxies_the_outer_ones_word_counts(settings: Settings) -> None:
    app = create_app(replace(settings, trusted_proxies=2, allowed_hosts="docs.example.org"))
    told = TOLD | {"X-Forwarded-Prefix": "/forged, /outer, /inner", "X-Forwarded-Host": "localhost"}

    answer = app.test_client().post("/api/collections", json={"name": "books"}, headers=told)

    assert answer.headers["Location"] == "/outer/api/collections/books"
    parts_of(app).close()
