"""`--filter` and `--metadata`: what people type, and what the API gets."""

from typing import Any

import click
import pytest

from cli.filters import filters, metadata
from rag.filters import facts, holds, parse


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("author=Donald Knuth", {"author": "Donald Knuth"}),
        (" author = Knuth ", {"author": "Knuth"}),
        ("year=1968", {"year": {"in": [1968, "1968"]}}),
        ('year="1968"', {"year": "1968"}),
        ("ok=true", {"ok": {"in": [True, "true"]}}),
        ("zip=01234", {"zip": {"in": [1234.0, "01234"]}}),
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


@pytest.mark.parametrize("typed", [["author"], ["=Knuth"], ["a=1", "a=2"]])
def test_what_is_no_metadata_is_refused(typed: list[str]) -> None:
    with pytest.raises(click.BadParameter):
        metadata(typed)


def test_what_metadata_says_is_what_a_filter_finds() -> None:
    for pair in ("year=1968", "zip=01234", "ok=true", 'edition="3"', "author=Knuth"):
        wanted = parse(filters([pair]))

        assert wanted is not None
        assert holds(wanted, facts("d", "", metadata([pair])))
