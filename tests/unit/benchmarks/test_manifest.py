"""What the benchmark of reading takes for right."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.data.manifest import Expected, Reading, judge, read


def expected(outcome: str, **more: Any) -> Expected:
    return Expected(Path("a.pdf"), "pdf", outcome, **more)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("one  ﬁrst\n line and the price_list", 2),
        ("One of **one** \\_first\\_ line, the `price_list`", 1),
        ("| one | first line | and the price_list |", 2),
        ("nothing of it", 0),
    ],
)
def test_strings_are_found_whatever_their_spaces_ligatures_and_marks(text: str, found: int) -> None:
    wanted = expected("text", must_contain=("one first line", "the price_list"))
    judged = judge(wanted, Reading(text))

    assert judged.found == found
    assert judged.outcome == {2: "text", 1: "partial", 0: "other text"}[found]
    assert judged.right is (found == 2)


@pytest.mark.parametrize(
    ("outcome", "also_ok", "reading", "right", "got"),
    [
        ("error", (), Reading(None, "It is encrypted."), True, "error: It is encrypted."),
        ("error", (), Reading(None, "It crashed.", broken=True), False, "broken: It crashed."),
        ("error", (), Reading("salad"), False, "text: salad"),
        ("error", ("text",), Reading("salad"), True, "text"),
        ("error", (), Reading("", "No text."), False, "empty: No text."),
        ("empty", (), Reading(" \n", ""), True, "empty"),
        ("empty", ("error",), Reading(None, "Broken."), True, "error: Broken."),
        ("empty", (), Reading(None, "Broken."), False, "error: Broken."),
    ],
)
def test_an_outcome_is_right_if_it_is_named(
    outcome: str, also_ok: tuple[str, ...], reading: Reading, right: bool, got: str
) -> None:
    judged = judge(expected(outcome, also_ok=also_ok), reading)

    assert (judged.right, judged.got) == (right, got)


def test_some_of_the_strings_are_right_only_where_the_manifest_says_so() -> None:
    strings = ("first", "second")
    strict = judge(expected("text", must_contain=strings), Reading("the first"))
    mild = judge(expected("text", also_ok=("partial",), must_contain=strings), Reading("the first"))

    assert (strict.right, mild.right) == (False, True)
    assert strict.got == "partial without “second”"


def test_a_string_that_must_not_be_there_makes_a_text_wrong() -> None:
    wanted = expected("text", must_contain=("rules",), must_not_contain=("Page 2 of 4", "draft"))
    judged = judge(wanted, Reading("rules Page 2\nof 4"))

    assert not judged.right
    assert judged.unwanted == ("Page 2 of 4",)
    assert judged.got == "text with “Page 2 of 4”"
    assert str(wanted) == "text with “rules” without “Page 2 of 4”, “draft”"


def test_strings_that_are_marks_are_looked_for_as_marks() -> None:
    wanted = expected("text", must_contain=("***",), must_not_contain=("|---|", "__"))

    assert not judge(wanted, Reading("a --- b")).right
    assert judge(wanted, Reading("a *** b")).right
    assert judge(wanted, Reading("a *** |---|")).unwanted == ("|---|",)


def test_a_folder_without_a_manifest_is_told(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"there is no .*manifest\.jsonl"):
        read(tmp_path)
    (tmp_path / "manifest.jsonl").write_text("\n", "utf-8")
    with pytest.raises(SystemExit, match="names no file"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"file": "a.txt", "kind": "txt", "expect": "success"}, "success"),
        ({"file": "a.txt", "kind": "txt", "expect": "text", "also_ok": ["fine"]}, "fine"),
        ({"file": "a.txt", "kind": "txt"}, "expect"),
        ({"file": "b.txt", "kind": "txt", "expect": "text"}, "there is no file"),
    ],
)
def test_a_manifest_that_cannot_be_followed_says_where(
    tmp_path: Path, row: dict[str, Any], complaint: str
) -> None:
    (tmp_path / "a.txt").write_text("text", "utf-8")
    (tmp_path / "manifest.jsonl").write_text(json.dumps(row), "utf-8")

    with pytest.raises(SystemExit, match=complaint):
        read(tmp_path)
