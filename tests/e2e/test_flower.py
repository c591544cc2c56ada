"""Flower beside a real stack: who may look, what there is to see, and that it stays."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from stack.passwords import kept_password
from stack.programs import FLOWER_USER
from stack.up import Stack
from tests.support.waiting import until
from tests.support.whole_stack import WANTED, Api, quick_stack

QUESTION = "Which colour has the quernstone?"
#: Quoting is done by the body that retrieves.
TASKS = {"ingest.parse", "query.retrieve"}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start a stack with Flower that has read a document and answered a question."""
    folder = tmp_path_factory.mktemp("watched")
    with quick_stack(data_dir=folder, only=[*WANTED, "flower"]) as running:
        with Api(running.url) as api:
            api.ingest({"stone": "The quernstone is grey."}, "default")
            assert api.ask(QUESTION, "default")["state"] == "succeeded"
        yield running


@pytest.fixture
def flower(watched: Stack) -> Iterator[httpx.Client]:
    login = (FLOWER_USER, kept_password(Path(watched.record.data_dir) / "flower"))
    with httpx.Client(
        base_url=watched.flower_url, auth=login, timeout=60, trust_env=False
    ) as client:
        yield client


@pytest.mark.parametrize("path", ["/", "/workers", "/tasks", "/broker", "/api/tasks"])
def test_flower_shows_nothing_without_its_password(watched: Stack, path: str) -> None:
    answer = httpx.get(watched.flower_url + path, timeout=60, trust_env=False)

    assert answer.status_code == 401
    assert httpx.get(watched.flower_url + path, auth=("quern", "x"), timeout=60).status_code == 401


def test_workers_are_online_and_our_tasks_have_succeeded(flower: httpx.Client) -> None:
    # Events travel on their own.
    workers = until(lambda: online(flower), told="both workers are online")
    tasks = until(lambda: all_succeeded(flower), told="every task has succeeded")

    assert {re.sub("@.*", "", worker["hostname"]) for worker in workers} == {"retrieve", "ingest"}
    assert {t["name"] for t in tasks} >= TASKS


def test_tasks_show_ids_and_never_words_of_people(flower: httpx.Client) -> None:
    tasks = until(lambda: all_succeeded(flower))

    for task in tasks:
        assert re.fullmatch(r"\('[0-9a-f:-]{36,70}',\)", task["args"]), task
        assert (task["kwargs"], task["result"]) == ("{}", "None")
    for word in ("quernstone", "colour"):
        assert word not in flower.get("/api/tasks").text


def test_flower_is_for_looking_and_steers_nothing(flower: httpx.Client) -> None:
    task = next(iter(flower.get("/api/tasks").json()))
    worker = rows(flower, "/workers?json=1")[0]["hostname"]

    assert flower.post(f"/api/task/revoke/{task}").status_code == 403
    assert flower.post(f"/api/worker/shutdown/{worker}").status_code == 403


def test_tasks_are_still_there_after_flower_was_restarted(
    watched: Stack, flower: httpx.Client
) -> None:
    before = set(flower.get("/api/tasks").json())

    first = watched.process("flower")
    first.terminate()
    watched.wait_until_ready("flower", other_than=first.pid)

    assert before
    assert before <= set(flower.get("/api/tasks").json())


def test_health_links_to_flower_where_there_is_one(watched: Stack) -> None:
    page = httpx.get(f"{watched.url}/status", timeout=60, trust_env=False).text

    assert f'<a href="{watched.flower_url}">tasks in Flower</a>' in page


def rows(flower: httpx.Client, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = flower.get(path).json()["data"]
    return found


def online(flower: httpx.Client) -> list[dict[str, Any]]:
    """The workers once both are online, nothing before."""
    found = rows(flower, "/workers?json=1")
    return found if [worker["status"] for worker in found] == [True, True] else []


def all_succeeded(flower: httpx.Client) -> list[dict[str, Any]]:
    """The tasks once all that were begun are there and have succeeded, nothing before."""
    tasks = list(flower.get("/api/tasks").json().values())
    states = {task["name"]: task["state"] for task in tasks}
    done = states.keys() >= TASKS and set(states.values()) == {"SUCCESS"}
    return tasks if done else []
