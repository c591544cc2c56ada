"""Logging in on the page of the real front end, where callers need keys."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from redis import Redis
from werkzeug.serving import make_server

from access.grants import Grant
from access.keys import ApiKeys
from runtime.settings import Settings
from tests.browser.test_accessibility import RULES
from tests.support.waiting import PATIENCE_S
from web.app import create_app
from web.front_end import FrontEnd


@pytest.fixture
def url(clean_redis: str, tmp_path: Path) -> Iterator[str]:
    app = create_app(
        Settings(
            data_dir=tmp_path, redis_url=clean_redis, cache_url=clean_redis,
            chroma_url="http://127.0.0.1:9", keys="on",
        )
    )  # fmt: skip
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()
    server.server_close()
    parts: FrontEnd = app.extensions["quern"]
    parts.close()


@pytest.fixture
def redis(clean_redis: str) -> Iterator[Redis]:
    with Redis.from_url(clean_redis, decode_responses=True) as client:
        yield client


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context()
    page = context.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    yield page
    context.close()


def log_in(page: Page, token: str) -> None:
    page.get_by_label("Your key").fill(token)
    page.get_by_role("button", name="Log in").click()


def test_a_person_logs_in_once_sees_where_they_were_going_and_logs_out(
    page: Page, url: str, redis: Redis
) -> None:
    _, token = ApiKeys(redis).create(Grant(tenant="acme"), name="a person")
    page.goto(f"{url}/jobs?state=failed")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    expect(page.get_by_label("Your key")).to_be_focused()

    log_in(page, token[:-1] + "x")
    expect(page.get_by_role("alert")).to_have_text(
        "This key is unknown here, has expired, or was revoked."
    )
    log_in(page, token)
    expect(page).to_have_url(f"{url}/jobs?state=failed")
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    page.wait_for_load_state("networkidle")
    assert token not in page.content()
    assert page.evaluate("document.cookie") == ""

    page.get_by_role("link", name="Documents").click()
    expect(page.get_by_role("heading", level=1, name="Documents")).to_be_visible()
    page.wait_for_load_state("networkidle")
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def test_a_view_whose_key_is_revoked_leads_to_the_login_and_back(
    page: Page, url: str, redis: Redis
) -> None:
    keys = ApiKeys(redis)
    key_id, token = keys.create(Grant(), name="the first")
    page.goto(f"{url}/documents")
    log_in(page, token)
    expect(page.get_by_role("heading", level=1, name="Documents")).to_be_visible()
    page.wait_for_load_state("networkidle")
    keys.revoke(key_id)
    page.reload()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()

    _, other = keys.create(Grant(), name="the second")
    log_in(page, other)
    expect(page).to_have_url(f"{url}/documents")


@pytest.mark.parametrize("look", [("light", 1280), ("light", 360), ("dark", 1280)])
def test_the_login_has_no_serious_finding(
    browser: Browser, url: str, look: tuple[str, int]
) -> None:
    scheme, width = look
    # axe is put into the page, which its policy would not allow.
    context = browser.new_context(
        viewport={"width": width, "height": 860}, color_scheme=scheme, bypass_csp=True
    )
    page = context.new_page()
    page.goto(f"{url}/login")
    log_in(page, "none")
    expect(page.get_by_role("alert")).to_be_visible()
    found = Axe().run(page, options={"runOnly": RULES}).response["violations"]
    wide = page.evaluate("document.documentElement.scrollWidth")
    context.close()

    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    assert wide <= width
