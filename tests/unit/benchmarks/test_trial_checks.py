"""A right value passes, a wrong one is told: each check of a trial by itself."""

from typing import Any

import pytest

from benchmarks.parts.trial_checks import answer_of, chunks_of, hits_of, text_of

TEXT = "Opening hours\n\nMetal |  | 9-15 |  | 10-14\nGlass |  |  |  | 8-11\n\nKeys are in room 12."
CHUNKS = ["name: Okoro; room: 12", "name: Petit; room: 14 aGVsbG8gd29ybGQgaGVsbG8="]
HITS = [{"document_id": name, "text": f"text of {name}"} for name in ("a.md", "a.md", "b.md")]
QUOTES = ["Metal | 9-15 | 10-14", "Keys are in room 12."]
RESULT = {
    "answered": True,
    "confidence": 0.5,
    "degraded": ["ingesting"],
    "sources": [{"document_id": "b.md"}, {"document_id": "a.md"}],
    "citations": [{"quote": quote, "source": 1} for quote in QUOTES],
}


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"contains": ["are in  room 12"]}, {"contains": ["are in room 13"]}),
        ({"lacks": ["room 13"]}, {"lacks": ["room\n12"]}),
        ({"begins": "Opening"}, {"begins": "Closing"}),
        ({"in_a_line": ["in room 12"]}, {"in_a_line": ["8-11 Keys are"]}),
        ({"lines": ["Opening hours", "Keys are in room 12."]}, {"lines": ["Opening"]}),
        ({"cells": [["Metal", "", "9-15", "", "10-14"]]}, {"cells": [["Metal", "9-15", "10-14"]]}),
        ({"at_most": {"Metal": 1}}, {"at_most": {"Metal": 0}}),
        ({"same_as": "twin"}, {"same_as": "other"}),
        ({"file": "twin"}, {"file": "other"}),
    ],
)
def test_a_text(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    others = {"twin": TEXT.replace("\n\n", "\n"), "other": TEXT.replace("12", "13")}

    assert {one.held for one in text_of("a.md", TEXT, right, others)} == {True}
    assert {one.held for one in text_of("a.md", TEXT, wrong, others)} == {False}


def test_what_came_is_shown_where_it_is_most_like_what_was_wanted() -> None:
    [missing] = text_of("a.md", TEXT, {"contains": ["Keys are in room 13."]}, {})
    [row] = text_of("a.md", TEXT, {"cells": [["Glass", "8-11"]]}, {})
    [unwanted] = text_of("a.md", TEXT + "\u00ad", {"lacks": ["\u00ad"]}, {})
    [order] = text_of("a.md", TEXT, {"lines": ["Opening hours"] * 2}, {})[1:]
    [other] = text_of("a.md", TEXT, {"file": "x"}, {"x": "Opening hours\nGlass"})

    assert missing.wanted == "the text of a.md contains “Keys are in room 13.”"
    assert missing.got == "“Keys are in room 12.”"
    assert row.got == "“Glass | | | | 8-11”"
    assert unwanted.wanted == r"the text of a.md lacks “\xad”"
    assert order.got == "it stands before"
    assert other.got == "“Metal | | 9-15 | | 10-14” instead of “Glass”"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"at_most": 2}, {"at_most": 1}),
        ({"longest_run": 24}, {"longest_run": 23}),
        ({"each_contains": ["room:"]}, {"each_contains": ["Okoro"]}),
        ({"some_contain": ["Okoro"]}, {"some_contain": ["Sato"]}),
        ({"lacks": ["Sato"]}, {"lacks": ["Petit"]}),
    ],
)
def test_chunks(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert {one.held for one in chunks_of("a.csv", CHUNKS, right)} == {True}
    assert {one.held for one in chunks_of("a.csv", CHUNKS, wrong)} == {False}


def test_what_each_chunk_should_hold_is_not_held_by_none() -> None:
    assert not chunks_of("a.csv", [], {"each_contains": ["x"]})[0].held


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"first": "a.md"}, {"first": "b.md"}),
        ({"first": ["a.md", "b.md"]}, {"first": ["b.md", "a.md"]}),
        ({"finds": ["b.md"]}, {"finds": ["c.md"]}),
        ({"nothing": False}, {"nothing": True}),
        ({"lacks": ["text of c"]}, {"lacks": ["text of b"]}),
    ],
)
def test_a_search(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert {one.held for one in hits_of("q", HITS, right)} == {True}
    assert {one.held for one in hits_of("q", HITS, wrong)} == {False}


def test_a_search_that_finds_nothing_holds_only_where_that_is_wanted() -> None:
    first, nothing = hits_of("q", [], {"first": "a.md", "nothing": True})

    assert (first.held, first.got) == (False, "nothing")
    assert nothing.held


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ({"answered": True}, {"answered": False}),
        ({"degraded": ["ingesting"]}, {"degraded": ["sparse"]}),
        ({"quotes": 2}, {"quotes": 1}),
        ({"quotes_at_most": 2}, {"quotes_at_most": 1}),
        ({"first_contains": ["10-14"]}, {"first_contains": ["room"]}),
        ({"first_lacks": ["room"]}, {"first_lacks": ["9-15"]}),
        ({"first_begins": "Metal"}, {"first_begins": "Keys"}),
        ({"first_document": "a.md"}, {"first_document": "b.md"}),
        ({"any_quote": ["room 12"]}, {"any_quote": ["room 13"]}),
        ({"one_quote": ["Metal", "10-14"]}, {"one_quote": ["Metal", "room 12"]}),
        ({"no_quote": ["room 13"]}, {"no_quote": ["room 12"]}),
    ],
)
def test_an_answer(right: dict[str, Any], wrong: dict[str, Any]) -> None:
    assert {one.held for one in answer_of("q", RESULT, right)} == {True}
    assert {one.held for one in answer_of("q", RESULT, wrong)} == {False}


def test_an_answer_without_a_quote_is_told() -> None:
    empty = RESULT | {"citations": [], "answered": False}
    found = answer_of(
        "q", empty, {"answered": True, "first_contains": ["x"], "first_document": "a"}
    )

    assert [one.held for one in found] == [False, False, False]
    assert found[0].got == "answered false (0.500): no quote"
