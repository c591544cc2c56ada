"""Trials against a running stack: what is right passes, what is wrong is told in words."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data.trial_cases import Case, step
from benchmarks.parts.trial_checks import Finding
from benchmarks.parts.trial_steps import Trial
from benchmarks.running.service import Service
from benchmarks.trials import collection_of
from stack.up import Stack
from tests.support.whole_stack import Api

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples" / "trials"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("case")
    (folder / "keys.md").write_text("# Keys\n\nThe keys are in room 12.\n", "utf-8")
    (folder / "blank.txt").write_text(" \n", "utf-8")
    (folder / "cut.pdf").write_bytes(b"%PDF-1.4\nno more\n")
    return folder


def tried(stack: Stack, folder: Path, *rows: dict[str, Any]) -> list[Finding]:
    case = Case("case", "A case", folder, tuple(step(row, folder) for row in rows))
    quern = Service(stack.url, stack)
    with quern.http:
        return Trial(quern, case, collection_of("case")).run()


def test_the_examples_are_right_and_leave_nothing_behind(stack: Stack, api: Api) -> None:
    before = {collection["name"] for collection in api.get("/api/collections")["collections"]}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.trials", "--data", str(EXAMPLES), "--url", stack.url],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)
    after = {collection["name"] for collection in api.get("/api/collections")["collections"]}

    assert result["misses"] == []
    assert result["right"] == result["cases"] >= 5
    assert result["held"] == result["checks"] > 50
    assert result["cases_by_name"]["workshop-hours"]["verdict"] == "right"
    assert after == before


def test_each_wrong_value_is_told_with_what_came(stack: Stack, folder: Path) -> None:
    found = tried(
        stack,
        folder,
        {"ingest": ["keys.md", "blank.txt", "cut.pdf"]},
        {"job": True, "state": "succeeded", "progress": {"failed": 0}},
        {"row": "blank.txt", "outcome": "created", "says": ["no pages"]},
        {"row": "cut.pdf", "state": "succeeded", "lacks": ["PDF"]},
        {"row": "other.md", "state": ["succeeded", "failed"]},
        {"documents": ["keys.md", "blank.txt"]},
        {"document": "keys.md", "title": "Locks", "language": ["de", "fr"]},
        {"text": "keys.md", "contains": ["room 13"]},
        {"text": "blank.txt", "contains": ["a", "b"]},
        {"chunks": "keys.md", "at_most": 0},
        {"search": "keys", "nothing": True},
        {"ask": "Where are the keys?", "answered": False, "first_contains": ["room 13"]},
        {"quern": ["search", "-c", "{collection}", "keys"], "exit": 3, "lacks": ["room 12"]},
        {"request": "GET /api/collections/none", "status": 200, "header_begins": {"Allow": "X"}},
        {"response": True, "status": 201, "lacks": ["not"]},
        {"any_of": [[{"documents": []}], [{"search": "keys", "first": "cut.pdf"}]]},
    )
    told = [f"{one.wanted} -> {one.got}" for one in found if not one.held]

    assert len(told) == len(found)
    for words in (
        "the state of the job is succeeded -> partial",
        "`failed` of the job's progress is 0 -> 1",
        "outcome of the row of blank.txt is created -> empty",
        "what the row of blank.txt says contains “no pages” -> “The file holds nothing but",
        "state of the row of cut.pdf is succeeded -> failed",
        "row other.md: state “failed” -> the job has no such row",
        "the documents are blank.txt, keys.md -> keys.md",
        "title of keys.md is Locks -> Keys",
        "language of keys.md is de or fr -> en",
        "the text of keys.md contains “room 13” -> “The keys are in room 12.”",
        "text blank.txt: contains “b” -> 404",
        "the search for “keys” finds nothing -> keys.md",
        "answered false -> answered true",
        "ends with exit code 3 -> 0: ",
        "has status 200 -> 404: ",
        "the header Allow of GET /api/collections/none begins “X” -> nothing",
        "the documents are none OR the search for “keys” finds cut.pdf first -> keys.md OR keys.md",
    ):
        assert any(words in one for one in told), words


def test_a_job_may_be_left_running_and_cancelled(stack: Stack, folder: Path) -> None:
    found = tried(
        stack,
        folder,
        {"ingest": ["keys.md"], "wait": False, "metadata": {"floor": 2}},
        {"pause_s": 0.01},
        {"cancel": True},
        {"job": True, "state": ["cancelled", "succeeded"]},
        {"ingest": ["."], "on_duplicate": "skip"},
        {"documents": ["keys.md"]},
        {"quern": ["job", "{job}"], "exit": 0, "contains": ["cut.pdf"]},
    )

    assert [one for one in found if not one.held] == []
