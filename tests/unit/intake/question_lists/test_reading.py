"""Which questions of a list are told that cannot be accepted, and what the others become."""

import pytest

from intake.errors import InvalidQuestions
from intake.question_lists.formats import from_list
from intake.question_lists.reading import MOST_TOLD, QuestionList, read_list
from runtime.settings import Settings

SETTINGS = Settings(top_k=3, batch_deadline_s=60)


def read(*questions: object, **of_all: object) -> QuestionList:
    return read_list(of_all, from_list(list(questions), "questions"), SETTINGS)


def refused(*questions: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidQuestions) as raised:
        read(*questions)
    return list(raised.value.errors)


def test_the_first_wrong_questions_are_told_and_no_more_are_looked_for() -> None:
    errors = refused({"question": "fine"}, *({"question": " "} for _ in range(MOST_TOLD + 5)))

    assert [field for field, _ in errors] == [
        f"questions[{n}].question" for n in range(1, MOST_TOLD + 1)
    ]


def test_no_two_questions_have_one_name_given_or_counted() -> None:
    given = refused({"question": "a", "id": "x"}, {"question": "b", "id": "x"})
    counted = refused({"question": "a", "id": 2}, {"question": "b"})

    assert given == [("questions[1].id", "is the id of questions[0] too: 'x'")]
    assert counted == [("questions[1].id", "is the id of questions[0] too: '2'")]


def test_a_list_has_as_long_as_the_question_that_has_longest() -> None:
    asked = read({"question": "a"}, {"question": "b", "deadline_s": 90}, {"question": "c"})

    assert asked.deadline_s == 90
    assert [question.request["deadline_s"] for question in asked.questions] == [60, 90, 60]


def test_null_says_nothing_and_an_empty_filter_that_there_is_none() -> None:
    asked = read(
        {"question": "a", "top_k": None, "filters": None}, {"question": "b", "filters": {}},
        filters={"year": 1}, top_k=5,
    )  # fmt: skip

    assert [(one.request["top_k"], one.request["filters"]) for one in asked.questions] == [
        (5, {"year": 1}), (5, None),
    ]  # fmt: skip


def test_another_order_or_another_field_of_all_is_another_list() -> None:
    one, other = {"id": "a", "question": "a"}, {"id": "b", "question": "b"}
    lists = [read(one, other), read(other, one), read(one, other, top_k=4)]

    assert lists[0].as_json() == read(one, other).as_json()
    assert len({str(asked.as_json()) for asked in lists}) == len(lists)
