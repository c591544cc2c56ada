"""The view of health: what needs a look comes first, in words."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


def history(**series: tuple[str, list[float | None]]) -> dict[str, Any]:
    """Return a history that ends at noon; series by name, with a unit and values."""
    told = [
        {"name": name.replace("__", ":"), "unit": unit, "values": values}
        for name, (unit, values) in series.items()
    ]
    return {"step_s": 30, "until": "2026-01-02T12:00:00.000Z", "series": told}


def test_what_needs_a_look_is_said_first_and_in_words(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.health = "fail"
    api.checks = {
        "workers:retrieve": [
            {"status": "pass", "observedValue": 2, "observedUnit": "count", "threads": 8, "busy": 3}
        ],
        "queue:embed": [
            {"status": "pass", "observedValue": 1_200, "observedUnit": "waiting", "dispatched": 4}
        ],
        "queue:embed:age": [{"status": "pass", "observedValue": 0.0, "observedUnit": "s"}],
        "disk:data": [
            {"status": "warn", "observedValue": 0.122, "observedUnit": "ratio_free",
             "output": "the data disk runs full"}
        ],
        "chroma:responseTime": [{"status": "fail", "output": "no answer <b>at all</b>"}],
        "something:new": [{"status": "pass", "observedValue": 3, "observedUnit": "apples"}],
    }  # fmt: skip
    page = open_page(f"{url}/documents")
    page.locator("#health").click()

    expect(page.locator("#overall")).to_have_text("Something does not work.")
    concerns = page.get_by_role("list", name="What needs a look").get_by_role("listitem")
    expect(concerns).to_have_text([
        "Vectors (Chroma) no answer <b>at all</b>",
        "Data disk the data disk runs full; 12 % free",
    ])  # fmt: skip
    rows = page.get_by_role("row")
    expect(rows.filter(has_text="Searching")).to_contain_text("2 processes, 3 of 8 threads busy")
    expect(rows.filter(has_text="Indexing")).to_contain_text("1,200 waiting, 4 under way")
    expect(rows.filter(has_text="Indexing")).to_have_count(1)
    expect(rows.filter(has_text="something:new")).to_contain_text("3 apples")
    expect(page.get_by_role("link", name="checks as JSON")).to_have_attribute("href", "./health")
    flower = page.get_by_role("link", name="tasks in Flower")
    expect(flower).to_have_attribute("href", "http://127.0.0.1:5555")


def checks_that_can_be_told() -> set[str]:
    """Return the names of checks, as the modules that make them spell them."""
    told: set[str] = set()
    for module in Path("web/health").glob("*.py"):
        if module.stem not in ("history", "series"):  # their names are of lines of a graph
            told |= set(
                re.findall(r'"((?:[a-z]+|\{name\}):[A-Za-z:{}]+)"', module.read_text("utf-8"))
            )
    filled = {
        name.replace("{role}", role).replace("{use}", use).replace("{name}", store)
        for name in told
        for role in ("retrieve", "generate", "ingest", "embed")
        for use in ("embedding", "reranker", "llm")
        for store in ("redis", "cache", "chroma")
    }
    assert {"redis:history", "queue:embed:age", "models:llm", "cache:memory"} <= filled
    return filled


def test_every_check_has_a_name_in_words(open_page: Open, url: str, api: CannedApi) -> None:
    names = checks_that_can_be_told()
    api.checks = {name: [{"status": "warn", "output": "It ails."}] for name in names}
    page = open_page(f"{url}/status")

    expect(page.get_by_role("row")).to_have_count(len(names))
    expect(page.get_by_role("heading", name="Other")).to_have_count(0)


def test_a_service_that_cannot_be_reached_is_not_called_well(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/status")
    expect(page.locator("#overall")).to_have_text("All is well.")
    page.route("**/health", lambda route: route.fulfill(status=502, body="Bad gateway"))

    expect(page.get_by_role("alert")).to_contain_text("Quern cannot be reached.")
    expect(page.locator("#overall")).to_have_text("Not reachable.")
    expect(page.locator("#health")).to_have_text("Not reachable")


def test_the_last_hour_is_drawn_told_and_on_demand_a_table(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.history = history(
        questions=("per_min", [2.0, 1_040.5, None, 4.0]),
        latency__p50=("s", [0.02, 0.02, None, 0.02]),
        latency__p95=("s", [0.05, 2.5, None, 0.08]),
        queue__retrieve=("waiting", [0, 7, None, 3]),
        busy__retrieve=("count", [1, 4, None, 2]),
        age__retrieve=("s", [0.0, 12.0, None, 0.0]),
    )
    page = open_page(f"{url}/status")
    questions = page.locator("#graph-questions")
    noon = page.evaluate(
        "at => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })",
        "2026-01-02T11:59:00Z",
    )

    expect(questions.locator(".now")).to_have_text("4 a minute")
    expect(questions.get_by_role("img")).to_have_accessible_name(
        "Questions and searches in the last hour: ended now 4 a minute, "
        f"highest 1,040.5 a minute at {noon}, lowest 2 a minute"
    )
    expect(page.locator("#graph-retrieve .now")).to_have_text("3 waiting2 at work")
    expect(page.locator("#graph-retrieve path")).to_have_count(2)
    assert questions.locator("path").get_attribute("d") == "M0 37.9h0L1 2.0M3 37.9h0"
    expect(page.get_by_role("link", name="the last hour as JSON")).to_be_visible()
    expect(page.get_by_role("link", name="the API")).to_be_visible()
    assert page.locator(".graph").count() == 3

    page.get_by_text("As a table").nth(1).press("Enter")
    rows = page.get_by_role("table", name="Time of a question").get_by_role("row")
    expect(rows).to_have_count(5)
    expect(rows.nth(2).get_by_role("cell")).to_have_text(["no value", "no value"])
    api.history["series"][1]["values"] = [0.02, None, 0.02, 9.0]
    page.evaluate(LOOK_AGAIN)
    expect(rows.nth(1).get_by_role("cell").first).to_have_text("9.0 s")


def test_strangers_and_a_service_that_just_began_have_no_last_hour(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(f"{url}/status")
    expect(page.get_by_role("heading", name="The last hour")).to_be_hidden()
    api.history = history()
    page.evaluate(LOOK_AGAIN)

    expect(page.get_by_text("the first values come within a minute")).to_be_visible()
