"""The everyday benchmark: its files and questions agree, its figures are counted right."""

from pathlib import Path

from adapters.parsing.formats import parse
from benchmarks.everyday import Outcome, figures, questions, write_files


def test_each_answer_stands_in_the_files(tmp_path: Path) -> None:
    write_files(tmp_path)
    texts = [parse(path.read_bytes(), filename=path.name).text for path in tmp_path.iterdir()]
    said = "\n".join(texts).casefold()

    assert len(texts) == 13
    assert len(questions()) == 80
    assert sum(answer is None for _, answer in questions()) == 20
    assert [answer for _, answer in questions() if answer and answer.casefold() not in said] == []


def test_figures_are_counted_over_those_they_belong_to() -> None:
    outcomes = [
        Outcome("a?", "blue", answered=True, confidence=0.9, first="It is  Blue."),
        Outcome("b?", "red", answered=False, confidence=0.4, first="It is green."),
        Outcome("c?", None, answered=False, confidence=0.1, first="It is green."),
        Outcome("d?", None, answered=True, confidence=0.6, first="It is green."),
    ]

    found = figures(outcomes)

    assert (found["verdict_right"], found["first_right"], found["absent_above_half"]) == (
        0.5,
        0.5,
        1,
    )
    assert found["auroc_answered"] == 0.75
