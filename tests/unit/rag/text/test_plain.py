"""Quotes without markup: words stay, signs go, code and names with signs stay as they are."""

import time

import pytest

from rag.text.plain import without_markup


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("**E-17**: the *lid* is open.", "E-17: the lid is open."),
        ("__Note well__: it is _hot_.", "Note well: it is hot."),
        ("***Both*** and ~~gone~~", "Both and gone"),
        ("## The `lid` ##", "The lid"),
        ("- up to 8 % for lids", "up to 8 % for lids"),
        ("\u2022 a lid", "a lid"),
        ("- [x] done", "done"),
        ("2. **Never** open it", "2. Never open it"),
        ("(b) at most 8 %", "(b) at most 8 %"),
        ("> quoted\n> twice", "quoted twice"),
        ("Bring:\n- a lid\n- a pot", "Bring: a lid; a pot"),
        ("See [the plan](plan.md 'all') and ![a lid](lid.png).", "See the plan and a lid."),
        ("Ask <https://lids.example/a>.", "Ask https://lids.example/a."),
        ("5 \\* 3 and a\\_b", "5 * 3 and a_b"),
        ("one line\nand the next", "one line and the next"),
        # What only looks like it.
        ("2 * 3 * 4 = 24", "2 * 3 * 4 = 24"),
        ("f(*args, **kwargs)", "f(*args, **kwargs)"),
        ("`__init__` and __init__", "__init__ and __init__"),
        ("`**x**`", "**x**"),
        ("snake_case_name and _private", "snake_case_name and _private"),
        ("Array[3](x), see [4]", "Array[3](x), see [4]"),
        ("#hashtag and C# and F#", "#hashtag and C# and F#"),
        ("-5 degrees", "-5 degrees"),
        ("---", "---"),
        ("5*, not 6*", "5*, not 6*"),
    ],
)
def test_signs_go_and_words_stay(source: str, shown: str) -> None:
    assert without_markup(source) == shown


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("| Lid | **8** |  | steel |", "Lid; 8; steel"),
        ("Saturday | 9 - 16", "Saturday: 9 - 16"),
        ("Key: | value", "Key: value"),
        ("a \\| b | c", "a | b: c"),
    ],
)
def test_the_cells_of_a_row_are_told_without_strokes(row: str, shown: str) -> None:
    assert without_markup(row, row=True) == shown


def test_a_stroke_in_prose_stays() -> None:
    assert without_markup("The chance P(A | B) is small.") == "The chance P(A | B) is small."


@pytest.mark.parametrize(
    "crumb", ["**a", "__a ", "[a](", "`", "~~a", "\\*", "<http://", "![", "_a*"]
)
def test_signs_without_an_end_take_little_time(crumb: str) -> None:
    began = time.process_time()

    assert without_markup(crumb * (2_000 // len(crumb)))

    assert time.process_time() - began < 0.5
