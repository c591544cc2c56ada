"""Names that other builds, data folders, dashboards and environments hold do not change."""

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from protocol import keys, messages
from runtime.metrics.families import FAMILIES
from runtime.settings import PREFIX, Settings
from tasks.app import app

#: As a build wrote them before its modules stood where they stand now. What is new may be missing
#: here; what is here is added to, never changed.
RECORDED: dict[str, Any] = json.loads(
    Path(__file__).with_name("names_on_the_wire.json").read_text("utf-8")
)


def test_keys_and_channels_of_the_queue_redis_keep_their_names() -> None:
    recorded = RECORDED["keys"]

    assert recorded["prefix"] == keys.PREFIX
    assert recorded["templates"].items() <= keys.TEMPLATES.items()
    assert recorded["channels"] == [keys.WAKE, keys.CANCEL]
    assert recorded["celery"] == keys.CELERY_PREFIX


def test_queues_stages_and_lanes_keep_their_names() -> None:
    lanes = {role: list(lanes) for role, lanes in messages.LANES_OF.items()}

    assert set(RECORDED["queues"]) <= set(messages.ROLES)
    assert RECORDED["roles"].items() <= messages.ROLE_OF.items()
    assert set(RECORDED["classes"]) <= set(messages.CLASSES)
    assert RECORDED["priorities"].items() <= messages.PRIORITY_OF.items()
    assert {role: lanes[role] for role in RECORDED["lanes"]} == RECORDED["lanes"]


def test_celery_tasks_have_names_of_their_own_not_those_of_their_modules() -> None:
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}

    assert set(RECORDED["tasks"]) <= ours
    assert [name for name in ours if name.startswith("tasks.")] == []


@pytest.mark.parametrize(
    ("kind", "today"),
    [
        ("metrics", {family.name for family in FAMILIES}),
        ("settings", {PREFIX + field.name.upper() for field in fields(Settings)}),
    ],
)
def test_metrics_and_settings_keep_their_names(kind: str, today: set[str]) -> None:
    assert set(RECORDED[kind]) - today == set()
