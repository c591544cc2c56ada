"""Rules, dashboards and runbook name only what exists, and each other."""

import json
import os
import re
import shutil
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from tests.support import boards
from tests.support.promql import asked

ROOT = Path(__file__).parents[2]
CASES = sorted((boards.FOLDER / "prometheus" / "tests").glob("*.yml"))
RUNBOOK = (ROOT / "docs" / "operations.md").read_text("utf-8")


@pytest.mark.parametrize("query", boards.queries(), ids=lambda query: query.where)
def test_every_expression_asks_for_metrics_and_labels_that_exist(query: boards.Query) -> None:
    known = boards.recorded()
    told = asked(query.expression)
    labels = set(boards.OF_TARGETS)
    for name, matchers in told.metrics.items():
        family = boards.family(name)
        others = name in known or name in boards.OF_VLLM | boards.OF_PROCESSES | {"up"}
        assert family or others, name
        own = set(family.labels) if family else known.get(name, set())
        labels |= own
        for label, operator, value in matchers:
            assert label in own | boards.OF_TARGETS, (name, label)
            values = family.labels.get(label) if family else None
            if values and operator in ("=", "=~"):
                assert set(value.split("|")) <= set(values), (name, label, value)

    assert told.metrics
    assert told.labels <= labels


def test_the_reader_of_expressions_finds_metrics_matchers_and_groups() -> None:
    told = asked(
        'histogram_quantile(0.9, sum by (le, q) (rate(a_bucket{x="1", y=~"u|v"}[5m]))) > 1e-3'
        " unless on (z) vllm:b offset 10m"
    )

    assert told.metrics == {"a_bucket": [("x", "=", "1"), ("y", "=~", "u|v")], "vllm:b": []}
    assert told.labels == {"le", "q", "z"}


@pytest.mark.parametrize("path", boards.BOARDS, ids=lambda path: path.name)
def test_panels_have_their_own_place_and_say_what_they_tell(path: Path) -> None:
    board = boards.board(path)
    shown = [panel for panel in board["panels"] if panel["type"] != "row"]
    alerts = {rule["alert"] for rule in boards.alerts()}

    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    for one, other in combinations(board["panels"], 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])
    for panel in shown:
        defaults = panel["fieldConfig"]["defaults"]
        assert len(panel["description"]) > 7, panel["title"]
        assert defaults["unit"], panel["title"]
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24, panel["title"]
        for target in panel["targets"]:
            assert target["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
            assert target["legendFormat"] or panel["type"] in ("stat", "table"), panel["title"]
        for link in panel.get("links", ()):
            assert link["title"].removeprefix("Runbook: ") in alerts


def test_grafana_knows_every_field_of_the_dashboards() -> None:
    """Grafana's own types drop what they do not know: nothing may be lost on the way through."""
    plugins = _or_skip("grafana_foundation_sdk.cog.plugins")
    encoder = _or_skip("grafana_foundation_sdk.cog.encoder")
    models = _or_skip("grafana_foundation_sdk.models.dashboard")
    plugins.register_default_plugins()

    for path in boards.BOARDS:
        board = boards.board(path)
        through = encoder.JSONEncoder().encode(models.Dashboard.from_json(board))
        assert not list(_lost(board, json.loads(through))), path.name


def test_prometheus_takes_the_configuration_and_the_rules() -> None:
    _promtool("check", "config", boards.FOLDER / "prometheus" / "prometheus.yml")


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.name)
def test_alerts_fire_and_stay_silent_as_their_cases_say(path: Path) -> None:
    _promtool("test", "rules", path)


def test_every_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    fired, silent = set(), set()
    for path in CASES:
        for case in yaml.safe_load(path.read_text("utf-8"))["tests"]:
            checked = case["alert_rule_test"]
            kind, name = re.match(r"(fired|silent) (\w+)", case["name"]).groups()
            assert {check["alertname"] for check in checked} == {name}, case["name"]
            assert any(check.get("exp_alerts") for check in checked) == (kind == "fired"), name
            (fired if kind == "fired" else silent).add(name)

    assert fired == silent == {rule["alert"] for rule in boards.alerts()}


@pytest.mark.parametrize("rule", boards.alerts(), ids=lambda rule: rule["alert"])
def test_every_alert_says_what_it_means_and_where_to_read_on(rule: dict[str, Any]) -> None:
    name = rule["alert"]
    section = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", RUNBOOK, re.MULTILINE | re.DOTALL)

    assert rule["labels"]["severity"] in ("critical", "warning")
    assert rule["annotations"]["summary"]
    assert rule["annotations"]["description"]
    assert rule["annotations"]["runbook_url"] == f"docs/operations.md#{name.lower()}"
    assert section, name
    for part in ("**Means.**", "**Look at.**", "**Do.**"):
        assert part in section[1], (name, part)


def test_the_runbook_names_panels_as_they_are_called() -> None:
    alerts = RUNBOOK[RUNBOOK.index("## Alerts") : RUNBOOK.index("## What is done now and then")]
    named = set(re.findall(r"(?<![*\w])\*([A-Z][^*]+)\*(?!\*)", alerts))
    titles = {panel["title"] for _, panel in boards.panels()}

    assert len(named) > 10
    assert {re.sub(r"\s+", " ", name) for name in named} - {"Critical", "Warning"} <= titles


def test_compose_mounts_what_is_there_and_prometheus_asks_services_that_exist() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    services = compose["services"]
    asked_for = set()
    for scrape in yaml.safe_load(
        (boards.FOLDER / "prometheus" / "prometheus.yml").read_text("utf-8")
    )["scrape_configs"]:
        for static in scrape.get("static_configs", ()):
            asked_for |= {target.split(":")[0] for target in static["targets"]}
        for discovered in scrape.get("http_sd_configs", ()):
            asked_for.add(urlsplit(discovered["url"]).hostname)

    assert asked_for == {"web", "localhost"}
    assert "web" in services["web"]["environment"]["QUERN_ALLOWED_HOSTS"].split(",")
    for name in ("prometheus", "grafana"):
        mounts = [v.split(":") for v in services[name]["volumes"] if v.startswith("./")]
        assert mounts
        for source, *_, mode in mounts:
            assert (ROOT / source).exists(), source
            assert mode == "ro"
        assert services[name]["profiles"] == ["observability"]
        assert all(port.startswith("127.0.0.1:") for port in services[name]["ports"])
        assert services[name]["read_only"]


def _overlap(one: dict[str, int], other: dict[str, int]) -> bool:
    """Return True if two panels cover a common cell of the grid."""
    return all(
        one[start] < other[start] + other[size] and other[start] < one[start] + one[size]
        for start, size in (("x", "w"), ("y", "h"))
    )


def _lost(before: Any, after: Any, path: str = "") -> Any:
    """Yield what *before* has and *after* does not."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            yield from _lost(value, after.get(key), f"{path}.{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for n, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{path}[{n}]")
    elif before != after:
        yield path, before, after


def _or_skip(name: str) -> Any:
    """Import a module that is a tool of tests only."""
    import importlib  # noqa: PLC0415  where it is missing the others still run

    try:
        return importlib.import_module(name)
    except ImportError:
        missing = "grafana-foundation-sdk is not installed: make setup-dev"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)


def _promtool(*arguments: str | Path) -> None:
    """Run promtool, which must be content."""
    program = shutil.which("promtool")
    if program is None:
        missing = "no promtool on this machine; on Debian: apt install prometheus"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=120, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
