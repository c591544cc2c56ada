"""Filters: what they accept, what they mean, and that columns mean the same."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.documents import Value
from rag.errors import InvalidRequest
from rag.metadata.columns import FEW, Columns, Numbers
from rag.metadata.filters import (
    MAX_CONDITIONS,
    MAX_DEPTH,
    MAX_VALUES,
    And,
    Filter,
    In,
    facts,
    holds,
    parse,
)
from tests.support.filtering import documents, filters, metadata


def read(given_filter: object) -> Filter:
    wanted = parse(given_filter)
    assert wanted is not None
    return wanted


def finds(given_filter: object, document: str = "d", **known: Value) -> bool:
    return holds(read(given_filter), facts(document, f"Title of {document}", known))


@pytest.mark.parametrize(
    ("asked", "known", "found"),
    [
        ({"author": "Knuth"}, {"author": "Knuth"}, True),
        ({"author": "Knuth"}, {"author": "knuth"}, False),
        ({"author": "Knuth", "year": 1968}, {"author": "Knuth", "year": 1973}, False),
        ({"year": {"gte": 1968, "lt": 1973}}, {"year": 1968}, True),
        ({"year": {"gte": 1968, "lt": 1973}}, {"year": 1973}, False),
        ({"year": {"gt": 1968, "lte": 1973}}, {"year": 1968}, False),
        ({"year": {"gt": 1968, "lte": 1973}}, {"year": 1973}, True),
        ({"day": {"gte": "2024-02-01", "lt": "2024-03"}}, {"day": "2024-02-29"}, True),
        ({"day": {"gte": "2024-02-01", "lt": "2024-03"}}, {"day": "2024-03-01"}, False),
        ({"tag": {"in": ["a", "b"]}}, {"tag": "b"}, True),
        ({"tag": {"in": []}}, {"tag": "b"}, False),
        ({"tag": {"not_in": ["a", "b"]}}, {"tag": "c"}, True),
        ({"tag": "outdoor"}, {"tag": ["pump", "outdoor"]}, True),
        ({"tag": "door"}, {"tag": ["pump", "outdoor"]}, False),
        ({"tag": 2}, {"tag": ["2", 2.0]}, True),
        ({"tag": 3}, {"tag": ["3", True]}, False),
        ({"tag": {"in": ["a", "outdoor"]}}, {"tag": ["pump", "outdoor"]}, True),
        ({"tag": {"ne": "outdoor"}}, {"tag": ["pump", "outdoor"]}, False),
        ({"tag": {"not_in": ["a", "pump"]}}, {"tag": ["pump", "outdoor"]}, False),
        ({"not": {"tag": "a"}}, {"tag": ["pump", "outdoor"]}, True),
        ({"tag": {"exists": True}}, {"tag": ["pump"]}, True),
        ({"tag": {"exists": True}}, {"tag": []}, False),
        ({"tag": {"exists": False}}, {"tag": []}, True),
        ({"year": {"gte": 1970}}, {"year": [1968, "1999", 1973]}, True),
        ({"year": {"gte": 1980}}, {"year": [1968, "1999", 1973]}, False),
        ({"or": [{"a": 1}, {"b": 1}]}, {"b": 1}, True),
        ({"and": [{"a": 1}, {"b": 1}]}, {"b": 1}, False),
        ({"not": {"a": 1, "b": 2}}, {"a": 1, "b": 1}, True),
    ],
)
def test_filters_mean_what_they_say(asked: Any, known: dict[str, Value], *, found: bool) -> None:
    assert finds(asked, **known) is found


def test_true_is_no_number_and_whole_numbers_equal_fractions() -> None:
    assert finds({"a": 1}, a=1.0)
    assert finds({"a": {"in": [2.0]}}, a=2)
    assert not finds({"a": 1}, a=True)
    assert not finds({"a": True}, a=1)
    assert not finds({"a": 1}, a="1")
    assert not finds({"a": {"gt": 0}}, a=True)
    assert not finds({"a": {"gt": 0}}, a="1")
    assert not finds({"a": {"gt": 2**53}}, a=float(2**53))
    assert finds({"a": {"gt": float(2**53)}}, a=2**53 + 1)


def test_only_ne_not_in_not_and_exists_find_documents_without_the_field() -> None:
    without = [
        {"a": {"ne": 1}},
        {"a": {"not_in": [1]}},
        {"not": {"a": 1}},
        {"a": {"exists": False}},
    ]
    with_it = [{"a": 1}, {"a": {"in": [1]}}, {"a": {"lt": 9}}, {"a": {"exists": True}}]

    assert [finds(asked, b=1) for asked in without] == [True] * 4
    assert [finds(asked, b=1) for asked in with_it] == [False] * 4


def test_a_document_is_known_by_its_id_and_title_whatever_its_metadata_is_called() -> None:
    known: dict[str, Value] = {"document_id": "mine", "and": 1, "$x": 2, "metadata.a": 3}

    assert finds({"document_id": {"in": ["d"]}, "title": "Title of d"}, **known)
    assert finds({"metadata.document_id": "mine", "metadata.and": 1, "metadata.$x": 2}, **known)
    assert finds({"metadata.metadata.a": 3}, **known)
    assert not finds({"metadata.a": 3}, **known)


def test_a_document_whose_language_nobody_could_tell_has_none() -> None:
    mine = {"language": "mine"}
    german, unknown = facts("d", "", mine, "de"), facts("d", "", mine)

    assert holds(read({"language": "de", "metadata.language": "mine"}), german)
    assert not holds(read({"language": {"exists": True}}), unknown)
    assert holds(read({"language": {"ne": "de"}}), unknown)


@pytest.mark.parametrize("asked", [None, {}])
def test_no_filter_excludes_nothing(asked: object) -> None:
    assert parse(asked) is None


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ([], "filters"),
        ("author = Knuth", "filters"),
        ({"a": None}, "filters.a"),
        ({"a": [1]}, "filters.a"),
        ({"a": {}}, "filters.a"),
        ({"a": {"like": "x"}}, "filters.a.like"),
        ({"a": {"gt": True}}, "filters.a.gt"),
        ({"a": {"gt": [1]}}, "filters.a.gt"),
        ({"a": {"gt": 1, "lt": "b"}}, "filters.a"),
        ({"a": {"in": "b"}}, "filters.a.in"),
        ({"a": {"in": [1, None]}}, "filters.a.in[1]"),
        ({"a": {"in": [1] * (MAX_VALUES + 1)}}, "filters.a.in"),
        ({"a": {"exists": 1}}, "filters.a.exists"),
        ({"a": 2**63}, "filters.a"),
        ({"a": float("inf")}, "filters.a"),
        ({"a": "x" * 1_001}, "filters.a"),
        ({"a": "\ud800"}, "filters.a"),
        ({"\ud800": 1}, "filters.\ud800"),
        ({"$and": [{"a": 1}]}, "filters.$and"),
        ({"and": {"a": 1}}, "filters.and"),
        ({"or": []}, "filters.or"),
        ({"or": [{"a": 1}, 3]}, "filters.or[1]"),
        ({"or": [{"a": 1}, {}]}, "filters.or[1]"),
        ({"not": [{"a": 1}]}, "filters.not"),
        ({"and": [{"a": 1}] * (MAX_CONDITIONS + 1)}, "filters"),
    ],
)
def test_a_filter_that_cannot_be_read_is_refused_with_its_place(asked: Any, field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse(asked)

    assert refused.value.field == field


def test_a_filter_nests_only_so_deep() -> None:
    nested: dict[str, Any] = {"a": 1}
    for _ in range(MAX_DEPTH - 1):
        nested = {"not": nested}

    assert parse(nested) is not None
    with pytest.raises(InvalidRequest, match="deep"):
        parse({"and": [nested]})


@given(filters, st.lists(st.tuples(documents, metadata), max_size=12))
def test_columns_mean_what_filters_mean(asked: Any, known: list[tuple[str, Any]]) -> None:
    wanted = read(asked)
    columns = Columns()
    answers: list[bool] = []
    for document, given_metadata in known:
        now = facts(document, f"Title of {document}", given_metadata)
        columns.append(now)
        answers.append(holds(wanted, now))

        # After each: values that come late have to find their places in order.
        assert columns.matching(wanted).tolist() == answers


@given(filters, st.lists(st.tuples(documents, metadata), max_size=12))
def test_a_filter_whose_bounds_are_spelled_out_means_the_same(
    asked: Any, known: list[tuple[str, Any]]
) -> None:
    wanted = read(asked)
    every = [facts(document, f"Title of {document}", given) for document, given in known]
    columns = Columns()
    for now in every:
        columns.append(now)
    spelled = columns.spelled(wanted, 10_000)

    assert spelled is not None
    assert "Compare" not in repr(spelled)
    assert [holds(spelled, now) for now in every] == [holds(wanted, now) for now in every]


def test_a_filter_is_not_spelled_out_in_more_values_than_asked_for() -> None:
    columns = Columns()
    for n in range(10):
        columns.append({"metadata.n": n, "metadata.m": n})
    bound = read({"n": {"gte": 6}, "m": {"lt": 3}})
    listed = read({"n": {"in": [1, 2, 3]}, "m": {"exists": True}})

    assert columns.spelled(bound, 7) == And(
        (In("metadata.n", (6, 7, 8, 9)), In("metadata.m", (0, 1, 2)))
    )
    assert columns.spelled(bound, 6) is None
    assert columns.spelled(bound, 3) is None
    assert columns.spelled(listed, 4) == listed
    assert columns.spelled(listed, 3) is None


def test_columns_take_many_new_values_between_two_questions() -> None:
    columns = Columns()
    wanted = read({"n": {"gte": 10}})
    for n in range(5):
        columns.append({"metadata.n": 2 * n})
    before = columns.matching(wanted).sum()
    for n in range(3 * FEW):
        columns.append({"metadata.n": n / 2})

    assert before == 0
    assert columns.matching(wanted).sum() == 3 * FEW - 20


def test_numbers_keep_what_was_appended() -> None:
    numbers = Numbers()
    for n in range(100):
        numbers.append(n)

    assert len(numbers) == 100
    assert numbers.all.tolist() == list(range(100))
