import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.terms.identifiers import held_identifiers, identifiers, missing


@pytest.mark.parametrize(
    ("normal", "spellings"),
    [
        (
            "3750000",
            "3,750,000|3.750.000|3 750 000|3'750'000|3\u202f750\u202f000|3750000|37,50,000",
        ),
        (
            "3750000",
            "EUR 3,750,000|\u20ac3,750,000.00|EUR3750000|3.750.000,00|3.75 million|3,75 Mio. Euro",
        ),
        ("48300", "48 300,00|48.300|48,300.00|48300|48.300,00 \u20ac"),
        ("129.90", "129.90|129,90 EUR|$129.90"),
        (
            "2023-11-07",
            "2023-11-07|07.11.2023|7.11.2023|2023/11/07|07.11.23|2023-11-07T08:00:00Z|7-nov-2023",
        ),
        ("2023-11-07", "7 November 2023|November 7, 2023|7th of November 2023|Nov 7th 2023"),
        (
            "2023-11-07",
            "7. November 2023|7 de noviembre de 2023|7 novembre 2023|7 de novembro de 2023",
        ),
        ("--11-07", "7 November|November 7|7. November"),
        ("4.12.7", "v4.12.7|4.12.7|V4.12.7|version 4.12.7.|(v4.12.7)|4.12.7,"),
        ("4.12.7rc2", "4.12.7-rc2|4.12.7rc2|v4.12.7.rc2"),
        ("qf7302k", "QF-7302/K|QF7302K|qf-7302-k|QF\u20117302/K|QF.7302.K|QF\u200b-7302/K"),
        ("9034417-5-2", "9034417-5-2|9034417/5/2"),
        ("cve2021-40444", "CVE-2021-40444|cve 2021 40444|CVE_2021_40444"),
        ("0xc0000142", "0xC0000142|0XC0000142"),
        ("err5120", "ERR-5120|ERR5120|err_5120"),
        ("+4989765432", "+49 89 765432|+49 (0)89 765432|+49-89-765432|0049 89 765432"),
        ("https://example.com/v3/y", "https://example.com/v3/y|https://example.com/v3/y."),
        ("bo7@example.com", "bo7@example.com|BO7@Example.com,"),
        ("ch9300762011623852957", "CH93 0076 2011 6238 5295 7|CH9300762011623852957"),
        ("10.20.30.40", "10.20.30.40"),
        ("8:45", "8:45|08:45"),
        ("12", "12 km|12km|12 %|12%|12th"),
    ],
)
def test_every_spelling_of_a_thing_is_one_identifier(normal: str, spellings: str) -> None:
    for spelling in spellings.split("|"):
        assert identifiers(f"It is {spelling} here") == {normal}, spelling


def test_different_things_differ() -> None:
    versions = "2.4.11 4.2.11 11.4.2 2.41.1 24.11 2411 1.10 1.1 1.100.2"
    parts = "QF-7302/K QF-7320/K QF-7302/L FQ-7302/K 9034417-5-2 9034417-2-5 903441-75-2"
    codes = "0xC0000142 0xC0000124 CVE-2021-4044 CVE-2021-40444 CVE-2020-4044 007 7"
    others = "07.11.2023 11.07.2023 7/11/2023 192.168.100.200"
    names = f"{versions} {parts} {codes} {others}".split()

    found = [identifiers(name) for name in names]

    assert all(len(one) == 1 for one in found)
    assert len(frozenset().union(*found)) == len(names)


def test_two_things_in_one_writing_are_two() -> None:
    assert identifiers("from 2019-2023, pages 10/12") == {"2019", "2023", "10", "12"}
    assert identifiers("the season 2022/23") == {"2022", "2023"}
    assert identifiers("in 2023 150 people") == {"2023", "150"}


def test_a_footnote_mark_is_no_figure_of_an_amount() -> None:
    assert "3201" not in identifiers("It costs $320\u00b9.")


def test_words_have_no_identifiers() -> None:
    assert identifiers("") == frozenset()
    assert identifiers("state-of-the-art, a.m., www.example.org, C++") == frozenset()


def test_what_a_text_holds_may_be_asked_for_by_its_parts() -> None:
    held = held_identifiers("WQ-N6120RST, v4.12.7, 07.11.2023, QF-7302/K, 10/11/2023, eleven")

    asked = "N6120, 6120, 4.12, version 4, 2023, 7 November, QF-7302, 7302K, 11"
    assert identifiers(asked) <= held
    assert identifiers("10 November 2023") <= held
    assert identifiers("12.7") & held == frozenset()


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("What is CVE-2021-4044 about?", {"cve2021-4044"}),
        ("What changed in v4.12.6 and v4.12.7?", {"4.12.6"}),
        ("What was paid on 7 November 2023?", set()),
        ("What was paid on 8 November 2023?", {"2023-11-08"}),
        ("What was said on 2 May 2022?", set()),
        ("How high is the sum of 3750000?", set()),
        ("Who signed?", set()),
    ],
)
def test_what_a_question_names_and_no_text_has_is_told(question: str, absent: set[str]) -> None:
    texts = [
        "CVE-2021-40444 and 2021. v4.12.7 costs 3,750,000. Paid on 07.11.2023.",
        "Minutes of 2022",
        "On 2 May we met.",
    ]

    assert missing(question, texts) == absent


@pytest.mark.parametrize(
    ("question", "absent"),
    [
        ("What does closeValveSlowly do?", set()),
        ("What does close_valve_slowly do?", set()),
        ("What does closeValveFast do?", {"closevalvefast"}),
        ("What does open_valve do?", {"openvalve"}),
        ("Who runs the JavaScript course?", {"javascript"}),
    ],
)
def test_a_function_that_no_text_names_is_told(question: str, absent: set[str]) -> None:
    assert missing(question, ["closeValveSlowly(now)", "The valve is open."]) == absent


@given(st.text())
def test_any_text_has_identifiers_and_holds_them(text: str) -> None:
    assert identifiers(text) <= held_identifiers(text)


@given(st.integers(0, 10**12))
@example(1_018_243_001)  # no address of the internet: its parts begin with no 0
def test_a_number_is_found_however_its_groups_are_written(number: int) -> None:
    for sign in (",", ".", " ", "'", "\u00a0"):
        written = f"{number:,}".replace(",", sign)
        groups = written.split(".")
        if len(groups) == 4 and all(one == str(int(one)) and int(one) < 256 for one in groups):
            continue  # an address of the internet
        assert identifiers(written) == {str(number)}


@pytest.mark.parametrize("piece", ["1", "1 ", "a-1-", "1.1,", "a1@", "+1 ", "de12 ", "1'", "a://"])
def test_long_runs_of_signs_and_figures_take_no_time(piece: str) -> None:
    began = time.process_time()
    held_identifiers(piece * 20_000)

    assert time.process_time() - began < 2
