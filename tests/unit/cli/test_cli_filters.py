"""`--filter` and `--metadata`: what people type, and what the API gets."""

from typing import Any

import click
import pytest

from cli.filters import filters, kept_as_text, metadata, written
from rag.metadata.filters import facts, holds, parse


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("author=Donald Knuth", {"author": "Donald Knuth"}),
        (" author = Knuth ", {"author": "Knuth"}),
        ("year=1968", {"year": {"in": [1968, "1968"]}}),
        ('year="1968"', {"year": "1968"}),
        ("ok=true", {"ok": {"in": [True, "true"]}}),
        ("zip=01234", {"zip": "01234"}),
        ("version=1.10", {"version": "1.10"}),
        ("version=1.1", {"version": {"in": [1.1, "1.1"]}}),
        ("version=1.10,1.1", {"version": {"in": ["1.10", 1.1, "1.1"]}}),
        ("version!=1.10", {"version": {"not_in": ["1.10"]}}),
        ("serial=1e5", {"serial": "1e5"}),
        ("id=98765432109876543210", {"id": "98765432109876543210"}),
        ("price>=1.50", {"price": {"gte": 1.5}}),
        ("weight<1e3", {"weight": {"lt": 1000.0}}),
        ('day>"2024"', {"day": {"gt": "2024"}}),
        ("tag=a, b", {"tag": {"in": ["a", "b"]}}),
        ('tag="a, b",c', {"tag": {"in": ["a, b", "c"]}}),
        ("tag=", {"tag": ""}),
        ("status!=draft", {"status": {"not_in": ["draft"]}}),
        ("year>=1968", {"year": {"gte": 1968}}),
        ("score<-0.5", {"score": {"lt": -0.5}}),
        ("day>2024-02-29", {"day": {"gt": "2024-02-29"}}),
        ("day<=2024", {"day": {"lte": 2024}}),
        ("formula=a<b", {"formula": "a<b"}),
        ('{"or": [{"a": 1}, {"b": 2}]}', {"or": [{"a": 1}, {"b": 2}]}),
    ],
)
def test_a_condition_becomes_a_filter_that_the_api_reads(typed: str, sent: Any) -> None:
    assert filters([typed]) == sent
    assert parse(sent) is not None


def test_several_conditions_must_all_hold_and_none_is_no_filter() -> None:
    sent = filters(["author=Knuth", "year>=1968", "year<1974"])
    wanted = parse(sent)

    assert wanted is not None
    assert holds(wanted, facts("d", "", {"author": "Knuth", "year": 1973}))
    assert not holds(wanted, facts("d", "", {"author": "Knuth", "year": 1974}))
    assert filters([]) is None


@pytest.mark.parametrize("typed", ["author", "=Knuth", "{author: Knuth}", ""])
def test_what_is_no_condition_is_refused(typed: str) -> None:
    with pytest.raises(click.BadParameter):
        filters([typed])


def test_metadata_is_numbers_truths_and_text() -> None:
    typed = ["author = Donald Knuth", "year=1968", 'edition="3"', "zip=01234", "ok=true", "url=a=b"]

    assert metadata(typed) == {
        "author": "Donald Knuth",
        "year": 1968,
        "edition": "3",
        "zip": "01234",
        "ok": True,
        "url": "a=b",
    }


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("1.10", "1.10"), ("1.1", 1.1), ("2.0", 2.0), ("2", 2), ("-0", "-0"), ("-3", -3),
        ("1e5", "1e5"), ("1E5", "1E5"), ("1e+16", "1e+16"), ("1e999", "1e999"), ("0.10", "0.10"),
        ("10000000000000000.0", "10000000000000000.0"), ("0.1000000000000001", 0.1000000000000001),
        ("0.1000000000000000055", "0.1000000000000000055"),
        ("007", "007"), ("+4930123", "+4930123"), ("9223372036854775807", 2**63 - 1),
        ("9223372036854775808", "9223372036854775808"), ("9" * 900, "9" * 900),
        ("\u0661\u0662", "\u0661\u0662"), ("1.", "1."), (".5", ".5"), ("1_000", "1_000"),
        ("NaN", "NaN"), ("True", "True"), ("", ""),
    ],
)  # fmt: skip
def test_a_number_is_one_only_where_it_comes_back_as_it_was_written(typed: str, kept: Any) -> None:
    known = metadata([f"x={typed}"])

    assert known == {"x": kept}
    assert type(known["x"]) is type(kept)
    wanted = parse(filters([f"x={typed}"]))
    assert wanted is not None
    assert holds(wanted, facts("d", "", known))


def test_versions_that_are_one_number_are_told_apart() -> None:
    manuals = {typed: facts("d", "", metadata([f"version={typed}"])) for typed in ("1.10", "1.1")}
    for asked in manuals:
        wanted = parse(filters([f"version={asked}"]))
        assert wanted is not None
        assert [typed for typed, known in manuals.items() if holds(wanted, known)] == [asked]


def test_of_what_looks_like_a_number_and_is_kept_as_text_people_are_told() -> None:
    typed = ["version=1.10", "serial = 1e5", "year=1968", "zip=01234", 'edition="1.10"', "name=x"]

    assert kept_as_text(typed) == [
        "version=1.10 is kept as text, just as it is written; as a number it would be 1.1.",
        "serial = 1e5 is kept as text, just as it is written; as a number it would be 100000.0.",
    ]


def test_a_bound_that_no_number_can_hold_is_refused() -> None:
    with pytest.raises(click.BadParameter, match="too large"):
        filters(["price<1e999"])


def test_a_name_that_comes_again_has_a_list() -> None:
    typed = ["tags=pump", "tags=outdoor", "year=1968", "tags=1.10", "tags=3"]

    assert metadata(typed) == {"tags": ["pump", "outdoor", "1.10", 3], "year": 1968}


@pytest.mark.parametrize(
    "typed",
    [["tags=pump", "tags=outdoor"], ["version=1.1"], ['version="1.1"'], ["ok=true"], ['ok="true"'],
     ['who="Knuth, Donald"'], ["code=007", "n=2.0"], ['x=" y"'], ["x="]],
)  # fmt: skip
def test_metadata_is_shown_as_it_may_be_typed(typed: list[str]) -> None:
    assert written(metadata(typed)) == ", ".join(typed)


@pytest.mark.parametrize("typed", [["author"], ["=Knuth"], ["=Knuth", "a=2"]])
def test_what_is_no_metadata_is_refused(typed: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        metadata(typed)


def test_what_metadata_says_is_what_a_filter_finds() -> None:
    for pair in ("year=1968", "zip=01234", "ok=true", 'edition="3"', "author=Knuth"):
        wanted = parse(filters([pair]))

        assert wanted is not None
        assert holds(wanted, facts("d", "", metadata([pair])))
