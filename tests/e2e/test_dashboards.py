"""Every query of rules and dashboards, asked of a real Prometheus that watches a real stack."""

import os
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from benchmarks.running.private_prometheus import PrivatePrometheus
from stack.up import Stack
from tests.support import boards
from tests.support.waiting import until
from tests.support.whole_stack import Api

WATCHED = {"prometheus", "quern-web", "quern-retrieval", "quern-ingestion"}


@pytest.fixture(scope="module")
def prometheus(
    stack: Stack, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PrivatePrometheus]:
    """Watch the stack while documents go in and questions are asked."""
    if shutil.which("prometheus") is None:
        missing = "no prometheus on this machine; on Debian: apt install prometheus"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    folder = tmp_path_factory.mktemp("prometheus")
    with PrivatePrometheus(folder, web_url=stack.url) as started, Api(stack.url) as api:
        until(lambda: _read(started) >= WATCHED, told="Prometheus reads every process")
        for n in range(4):
            api.ingest({f"{n}": f"Stone {n} grinds rye, stone {n + 1} grinds wheat."}, "watched")
            api.ask(f"What does stone {n} grind?", "watched")
            api.search("wheat", "watched")
            _scrape(started)
        until(lambda: all(rule["health"] == "ok" for rule in started.rules()), told="rules are ok")
        yield started


def _read(prometheus: PrivatePrometheus) -> set[str]:
    """The jobs of the targets that were reached at the last scrape."""
    return {t["labels"]["job"] for t in prometheus.targets() if t["health"] == "up"}


def _down(prometheus: PrivatePrometheus) -> list[dict[str, Any]]:
    return [target for target in prometheus.targets() if target["health"] != "up"]


def _scrape(prometheus: PrivatePrometheus) -> None:
    """Wait until every target was scraped after now."""
    now = datetime.now(tz=UTC)
    until(
        lambda: all(datetime.fromisoformat(t["lastScrape"]) > now for t in prometheus.targets()),
        told="Prometheus scrapes everything",
    )


def test_the_web_and_every_worker_are_found_and_read(prometheus: PrivatePrometheus) -> None:
    # One scrape that came too late for a busy machine is none of a process that is down.
    until(lambda: len(_down(prometheus)) == 0, told="every target is up")

    assert {target["labels"]["job"] for target in prometheus.targets()} == WATCHED


def test_every_rule_can_be_evaluated(prometheus: PrivatePrometheus) -> None:
    rules = prometheus.rules()

    assert len(rules) == len(boards.rules())
    assert {(rule["name"], rule.get("lastError", "")) for rule in rules} == {
        (rule.get("alert") or rule["record"], "") for rule in boards.rules()
    }


def test_no_alert_fires_where_all_is_well(prometheus: PrivatePrometheus) -> None:
    def active() -> dict[str, str]:
        states = {r["name"]: r["state"] for r in prometheus.rules() if r["type"] == "alerting"}
        # Judged by the machine that the tests run on.
        del states["QuernDiskAlmostFull"]
        return {name: state for name, state in states.items() if state != "inactive"}

    # A scrape that came too late makes one pending, until the next.
    until(lambda: not active(), told="no alert is active")


@pytest.mark.parametrize(
    "query", [q for q in boards.queries() if ": " in q.where], ids=lambda query: query.where
)
def test_every_panel_has_something_to_show(
    prometheus: PrivatePrometheus, query: boards.Query
) -> None:
    expression = query.expression.replace("$__rate_interval", "1m")

    if query.needs_engine:
        prometheus.now(expression)
    else:
        # A rate needs two scrapes, and a recorded series an evaluation after them.
        found = until(lambda: prometheus.now(expression), told=expression)

        for series in found:
            assert not re.search("{{", str(series.labels))
