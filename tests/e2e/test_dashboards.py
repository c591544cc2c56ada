"""Every query of rules and dashboards, asked of a real Prometheus that watches a real stack."""

import os
import re
import shutil
import time
from collections.abc import Iterator

import pytest

from benchmarks.private_prometheus import PrivatePrometheus
from cli.stack import Stack
from tests import boards
from tests.whole_stack import Api

WORKERS = {"quern-retrieval", "quern-ingestion"}


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
        end = time.monotonic() + 15
        while {t["labels"]["job"] for t in started.targets()} < WORKERS and time.monotonic() < end:
            time.sleep(0.2)
        for n in range(4):
            api.ingest({f"{n}": f"Stone {n} grinds rye, stone {n + 1} grinds wheat."}, "watched")
            api.ask(f"What does stone {n} grind?", "watched")
            api.search("wheat", "watched")
            time.sleep(1.2)
        yield started


def test_the_web_and_every_worker_are_found_and_read(prometheus: PrivatePrometheus) -> None:
    targets = prometheus.targets()

    assert {target["labels"]["job"] for target in targets} == {
        *("prometheus", "quern-web"),
        *WORKERS,
    }
    assert {target["health"] for target in targets} == {"up"}, targets


def test_every_rule_can_be_evaluated(prometheus: PrivatePrometheus) -> None:
    rules = prometheus.rules()

    assert len(rules) == len(boards.rules())
    assert {(rule["name"], rule.get("lastError", "")) for rule in rules} == {
        (rule.get("alert") or rule["record"], "") for rule in boards.rules()
    }


def test_no_alert_fires_where_all_is_well(prometheus: PrivatePrometheus) -> None:
    states = {r["name"]: r["state"] for r in prometheus.rules() if r["type"] == "alerting"}
    # Judged by the machine that the tests run on.
    del states["QuernDiskAlmostFull"]

    assert set(states.values()) == {"inactive"}, states


@pytest.mark.parametrize(
    "query", [q for q in boards.queries() if ": " in q.where], ids=lambda query: query.where
)
def test_every_panel_has_something_to_show(
    prometheus: PrivatePrometheus, query: boards.Query
) -> None:
    expression = query.expression.replace("$__rate_interval", "1m")

    found = prometheus.now(expression)

    if not query.needs_engine:
        assert found, expression
        for series in found:
            assert not re.search("{{", str(series.labels))
