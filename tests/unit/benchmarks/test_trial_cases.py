"""The form of a trial's case, and what its findings come to."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data.trial_cases import BadCase, read
from benchmarks.parts.trial_checks import Finding
from benchmarks.trials import collection_of, misses, totals, verdict

EXAMPLES = Path(__file__).parents[3] / "examples" / "trials"
HELD, MISSED = Finding("a", "a", held=True), Finding("b is 1", "2", held=False)


def write(folder: Path, steps: list[Mapping[str, Any]]) -> Path:
    (folder / "note.md").write_text("A note.", "utf-8")
    case = {"title": "A case", "steps": steps}
    (folder / "case.json").write_text(json.dumps(case), "utf-8")
    return folder


def test_the_examples_are_cases() -> None:
    cases = read(EXAMPLES)
    verbs = {step.verb for case in cases for step in case.steps}

    assert len(cases) >= 5
    assert verbs >= {"ingest", "quern", "request", "row", "text", "chunks", "search", "ask"}


def test_options_say_how_or_check(tmp_path: Path) -> None:
    write(tmp_path, [{"ask": "Why?", "top_k": 3, "answered": True, "any_quote": ["because"]}])
    [case] = read(tmp_path)
    [step] = case.steps

    assert (case.name, case.title) == (tmp_path.name, "A case")
    assert (step.verb, step.value, step.how) == ("ask", "Why?", {"top_k": 3})
    assert step.checks == {"answered": True, "any_quote": ["because"]}


def test_a_file_may_be_handed_over_under_another_name(tmp_path: Path) -> None:
    write(tmp_path, [{"ingest": ["note.md", {"file": "note.md", "as": "other.md"}]}])
    [case] = read(tmp_path)

    assert case.steps[0].value == [
        (tmp_path / "note.md", "note.md"),
        (tmp_path / "note.md", "other.md"),
    ]


@pytest.mark.parametrize(
    ("step", "complaint"),
    [
        ({"read": "note.md"}, "begins with one of"),
        ({"contains": ["x"], "text": "note.md"}, "begins with one of"),
        ({"text": "note.md", "holds": ["x"]}, "text knows no holds"),
        ({"ingest": ["other.md"]}, "no file other.md"),
        ({"text": "note.md", "file": "other.txt"}, "no file other.txt"),
        ({"any_of": [[{"row": "note.md", "outcom": "created"}]]}, "row knows no outcom"),
    ],
)
def test_a_slip_in_a_case_is_told_before_anything_starts(
    tmp_path: Path, step: dict[str, Any], complaint: str
) -> None:
    write(tmp_path, [step])

    with pytest.raises(BadCase, match=complaint):
        read(tmp_path)


def test_a_folder_without_cases_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadCase, match="holds no case"):
        read(tmp_path)


def test_a_case_is_right_wrong_or_part() -> None:
    found = {"A": [HELD, HELD], "B": [HELD, MISSED], "C": [MISSED]}
    figures = totals(found)

    assert [verdict(findings) for findings in found.values()] == ["right", "part", "wrong"]
    assert (figures["right"], figures["part"], figures["wrong"]) == (1, 1, 1)
    assert (figures["checks"], figures["held"]) == (5, 3)
    assert misses(found) == [
        {"case": "B", "check": "b is 1", "got": "2"},
        {"case": "C", "check": "b is 1", "got": "2"},
    ]


def test_each_trial_has_a_collection_of_its_own() -> None:
    one, other = collection_of("Old encodings, 2"), collection_of("Old encodings, 2")

    assert one != other
    assert one.startswith("trial-old-encodings-2-")
