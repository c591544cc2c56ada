"""What a browser loads of ours for one view: page, styles, scripts and pictures, uncompressed."""

import re
from collections.abc import Iterator
from pathlib import Path
from posixpath import join, normpath

import pytest
from flask import Flask
from flask.testing import FlaskClient

from runtime.settings import Settings
from web.app import create_app

MOST_BYTES = 100_000
VIEWS = (
    "/", "/questions", "/documents", "/jobs", "/jobs/0190", "/status", "/api/docs", "/api/docs/ask",
)  # fmt: skip
LOADED = re.compile(r'<(?:link|script|img)\b[^>]*?(?:href|src)="([^"]+)"')
IMPORTED = re.compile(r'^import (?:.*? from )?"([^"]+)";', re.MULTILINE)


@pytest.fixture
def client() -> Iterator[FlaskClient]:
    app: Flask = create_app(Settings())
    app.extensions["quern"].health.start = lambda: None  # type: ignore[method-assign]
    yield app.test_client()
    app.extensions["quern"].close()


def loaded(client: FlaskClient, view: str) -> dict[str, int]:
    """Return the paths that a view loads, itself included, each with its bytes."""
    sizes: dict[str, int] = {}
    waiting = [view]
    while waiting:
        path = waiting.pop()
        if path in sizes:
            continue
        with client.get(path) as answer:
            assert answer.status_code == 200, path
            text = answer.get_data(as_text=True)
            sizes[path] = len(answer.data)
        if path.endswith(".js"):
            named = IMPORTED.findall(text)
        else:
            named = LOADED.findall(text) if answer.mimetype == "text/html" else []
        waiting += [normpath(join(path.rpartition("/")[0] + "/", name)) for name in named]
    return sizes


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_loads_little(client: FlaskClient, view: str) -> None:
    sizes = loaded(client, view)

    assert sum(sizes.values()) <= MOST_BYTES, sizes
    assert any(path.endswith(".js") for path in sizes)


def test_every_asset_is_loaded_by_a_view(client: FlaskClient) -> None:
    seen = {path for view in VIEWS for path in loaded(client, view)}
    folder = Path(str(client.application.static_folder))
    there = {f"/static/{path.relative_to(folder)}" for path in folder.rglob("*.*")}

    assert there - seen == set()
