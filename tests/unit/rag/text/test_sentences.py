"""Sentence spans: what ends a sentence, what does not, and that nothing is lost."""
# ruff: noqa: RUF001 - the punctuation of other scripts is meant

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.sentences import sentence_spans


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


@pytest.mark.parametrize(
    "sentences",
    [
        ["It rained.", "Nobody came."],
        ["Mr. Smith met Dr. J. K. Rowling in Washington, D.C. on Jan. 3.", "They spoke."],
        ["The U.S. Army has tanks, e.g. the M1, i.e. one type.", "It is big."],
        ["He lives in the U.S.", "The house is red."],
        ["Apple Inc. was founded early.", "It grew."],
        ["The value is 3.14 and rose by 0.5 to 3.64.", "Then it fell."],
        ["See Fig. 3 and pp. 4-7 of vol. 2.", "No. 5 is alive."],
        ["Did he say no?", "No.", "He did not."],
        ['"Stop!" he cried.', "They stopped."],
        ['He said, "Go."', "Then he left."],
        ["It ended (see below).", "(Nobody knew.)", "It began."],
        ["The plague returned.[12][note 3]", "It was deadly.[citation needed]", "Many died."],
        ["Was it him?", "Yes!", "It was..."],
        ["Well... maybe not.", "Right."],
        ["Am 3. Oktober wird im 19. Jahrhundert gefeiert.", "Das ist z. B. schön."],
        ["今日は雨です。", "明日は晴れますか？", "はい！"],
        ["यह एक वाक्य है।", "यह दूसरा है।"],
        ["¿Dónde está?", "¡Aquí!", "El Sr. Costa lo sabe."],
        ["the wing was tested .", "the flow separated at 3.5 degrees ."],
        ["1. Introduction", "2. Methods of testing"],
    ],
)
def test_a_text_is_cut_where_a_reader_would_cut_it(sentences: list[str]) -> None:
    text = "\n".join(sentences) if sentences[0][0].isdigit() else " ".join(sentences)

    assert split(text) == sentences


def test_ideographic_full_stops_need_no_space() -> None:
    assert split("今日は雨です。「明日は？」と彼。") == ["今日は雨です。", "「明日は？」", "と彼。"]


def test_lines_that_the_margin_broke_stay_in_one_sentence() -> None:
    text = (
        "The committee found that the bridge had been\n"
        "built without any regard to the weight of the\n"
        "trains. It was closed at once.\n"
    )

    assert len(split(text)) == 2


def test_blank_lines_and_list_items_are_boundaries() -> None:
    text = "Fruit we sell:\n- apples and pears\n- plums\n\nOrder by phone"

    assert split(text) == [
        "Fruit we sell:",
        "- apples and pears",
        "- plums",
        "Order by phone",
    ]


def test_spans_count_from_the_start_of_the_whole_text() -> None:
    text = "Skip this. Take that. Leave this."

    assert sentence_spans(text, 11, 21) == [(11, 21)]


@given(
    st.text(
        st.sampled_from("aB1 .?!\n。\"'()[]-…\u00a0é\t") | st.characters(codec="utf-8"),
        max_size=300,
    )
)
def test_spans_are_in_order_trimmed_and_hold_every_visible_character(text: str) -> None:
    spans = sentence_spans(text)

    assert all(start < end for start, end in spans)
    assert all(a[1] <= b[0] for a, b in pairwise(spans))
    assert all(text[start:end] == text[start:end].strip() for start, end in spans)
    assert "".join("".join(text[a:b].split()) for a, b in spans) == "".join(text.split())


@pytest.mark.parametrize("crumb", ["a. ", "A", ".", "a\n", "[1]", '."', "x . ", "Mr. "])
def test_a_long_text_is_split_in_linear_time(crumb: str) -> None:
    text = crumb * (300_000 // len(crumb))

    assert sentence_spans(text)[-1][1] == len(text.rstrip())


def test_a_line_of_a_table_of_contents_is_one_sentence() -> None:
    text = "Cleaning the pump ........ 12"

    assert sentence_spans(text) == [(0, len(text))]
    assert len(sentence_spans("And then .... Nobody knew.")) == 2
