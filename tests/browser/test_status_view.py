"""The view of health: what needs a look comes first, in words."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]


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


def test_a_service_that_cannot_be_reached_is_not_called_well(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/status")
    expect(page.locator("#overall")).to_have_text("All is well.")
    page.route("**/health", lambda route: route.fulfill(status=502, body="Bad gateway"))

    expect(page.get_by_role("alert")).to_contain_text("Quern cannot be reached.")
    expect(page.locator("#overall")).to_have_text("Not reachable.")
    expect(page.locator("#health")).to_have_text("Not reachable")
