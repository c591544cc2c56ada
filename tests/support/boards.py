"""The rules and dashboards of `observability/`, read for tests."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from runtime.metrics.families import BY_NAME
from tests.support.promql import asked

FOLDER = Path(__file__).parents[2] / "observability"
RULES = FOLDER / "prometheus" / "rules.yml"
BOARDS = sorted((FOLDER / "grafana" / "dashboards").glob("*.json"))

#: What Prometheus and its targets add to every series.
OF_TARGETS = frozenset({"job", "instance", "role", "worker", "le"})
#: What prometheus_client tells of any process.
OF_PROCESSES = frozenset({
    "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
    "process_max_fds",
})  # fmt: skip
#: Of vLLM's metrics those that are used here; tests/vllm looks for them in a real engine.
OF_VLLM = frozenset({
    "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc",
    "vllm:prefix_cache_hits_total", "vllm:prefix_cache_queries_total",
    "vllm:time_to_first_token_seconds_bucket", "vllm:inter_token_latency_seconds_bucket",
    "vllm:num_preemptions_total",
})  # fmt: skip


@dataclass(frozen=True)
class Query:
    """One expression and where it stands; *needs_engine*: nobody tells it without one."""

    where: str
    expression: str

    @property
    def needs_engine(self) -> bool:
        """Whether everything that it asks for comes from the process that generates."""
        return all(
            name.startswith("vllm:") or getattr(family(name), "source", "") == "generation"
            for name in asked(self.expression).metrics
        )


def board(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    read: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return read


def panels() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each panel that draws something, with its dashboard's file name."""
    for path in BOARDS:
        for panel in board(path)["panels"]:
            if panel["type"] != "row":
                yield path.name, panel


def rules() -> list[dict[str, Any]]:
    """Return all rules, recording and alerting."""
    groups = yaml.safe_load(RULES.read_text("utf-8"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Return the alerting rules."""
    return [rule for rule in rules() if "alert" in rule]


def queries() -> list[Query]:
    """Return every expression of rules and panels."""
    of_rules = [Query(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules()]
    of_panels = [
        Query(f"{name}: {panel['title']}", target["expr"])
        for name, panel in panels()
        for target in panel["targets"]
    ]
    return of_rules + of_panels


def family(series: str) -> Any:
    """Return the family that a series' name belongs to, or None."""
    stem = series
    for suffix in ("_bucket", "_sum", "_count"):
        shorter = series.removesuffix(suffix)
        if shorter != series and getattr(BY_NAME.get(shorter), "kind", "") == "histogram":
            stem = shorter
    found = BY_NAME.get(stem)
    return None if found and found.kind == "histogram" and stem == series else found


def recorded() -> dict[str, set[str]]:
    """Return the recorded series with the labels they have."""
    return {
        rule["record"]: asked(rule["expr"]).labels - {"le"} if "by (" in rule["expr"] else set()
        for rule in rules()
        if "record" in rule
    }
