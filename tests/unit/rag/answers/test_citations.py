import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answers.citations import resolve
from rag.documents import Passage

TEXT = "Harvard was founded in 1636. Its library holds six million books."


def passage(text: str = TEXT, *, start: int = 0) -> Passage:
    return Passage("d:1:0", "d", 1, 0, "Harvard", text, start, start + len(text), 1.0)


def test_a_marker_quotes_the_sentence_of_its_source_that_supports_it() -> None:
    answer = resolve("The library has six million books [1].", [passage(start=100)])

    (citation,) = answer.citations
    assert answer.text == "The library has six million books [1]."
    assert citation.quote == "Its library holds six million books."
    assert (citation.marker, citation.source) == (1, 0)
    assert TEXT[citation.start - 100 : citation.end - 100] == citation.quote


def test_each_sentence_is_matched_on_its_own() -> None:
    answer = resolve("Founded in 1636 [1]. Six million books [2].", [passage(), passage()])

    assert [c.quote[:7] for c in answer.citations] == ["Harvard", "Its lib"]


@pytest.mark.parametrize(
    ("text", "cleaned", "removed"),
    [
        ("So it is [9].", "So it is.", 1),
        ("So it is[0].", "So it is.", 1),
        ("So [1, 7] it is.", "So [1] it is.", 1),
        ("So [1][2] it is.", "So [1][2] it is.", 0),
        ("So [1; 2] it is.", "So [1][2] it is.", 0),
        ("So [1-3] it is.", "So [1][2] it is.", 1),
        ("So [1\u20132] it is.", "So [1][2] it is.", 0),
        ("So [1-999] it is.", "So [1] it is.", 1),
        ("So [1-2-3] it is [1-2, 9].", "So [1-2-3] it is [1][2].", 1),
        ("So [note] it [a1] is [].", "So [note] it [a1] is [].", 0),
        ("Use `x[5]` here [1].", "Use `x[5]` here [1].", 0),
        ("```\nx[5] = y[1]\n```\nso [1]", "```\nx[5] = y[1]\n```\nso [1]", 0),
        ("```\nx[5] never closed", "```\nx[5] never closed", 0),
        ("So [[0]0] it [1[7]] is.", "So it [1] is.", 3),
        ("", "", 0),
    ],
)
def test_markers_without_a_source_are_removed_and_counted(
    text: str, cleaned: str, removed: int
) -> None:
    answer = resolve(text, [passage(), passage()])

    assert (answer.text, answer.removed) == (cleaned, removed)


def test_a_source_without_text_is_cited_as_it_is() -> None:
    answer = resolve("So [1]", [passage("")])

    assert answer.citations[0].quote == ""


def test_a_repeated_citation_is_listed_once() -> None:
    answer = resolve("Founded in 1636 [1]. It was founded in 1636 [1].", [passage()])

    assert len(answer.citations) == 1


@given(st.text(alphabet="ab [],-0123\u2013`.\n"), st.integers(0, 3))
def test_every_marker_that_is_left_resolves(text: str, count: int) -> None:
    passages = [passage(start=7)] * count

    answer = resolve(text, passages)

    again = resolve(answer.text, passages)
    assert (again.text, again.removed) == (answer.text, 0)
    for citation in answer.citations:
        assert (
            passages[citation.source].text[citation.start - 7 : citation.end - 7] == citation.quote
        )


def test_a_citation_tells_what_it_stands_under_and_how_it_is_read() -> None:
    text = (
        "# Lamps\n\n## Rims\n\nThe *rim* is brass.\n\n| Lamp | Price |\n|---|---|\n| Oak | 9 EUR |"
    )

    rim, row = resolve(
        "The rim is brass. [1] The oak lamp is 9 EUR. [1]", [passage(text)]
    ).citations

    assert (rim.shown, rim.heading) == ("The rim is brass.", "Lamps \u203a Rims")
    assert (row.quote, row.shown) == ("| Oak | 9 EUR |", "Lamp: Oak; Price: 9 EUR")


def test_a_long_run_of_blanks_is_read_once() -> None:
    """From each blank on it would take minutes: a million of them are a square of steps."""
    blanks = " " * 1_000_000
    answer = resolve(f"It is so{blanks}.{blanks}[1]", [passage("It is so.")])

    assert [citation.quote for citation in answer.citations] == ["It is so."]
