"""PDF: raised marks, hyphens at line ends, and lines from right to left."""

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.pdf.bidi import logical, runs_right_to_left
from adapters.parsing.pdf.characters import Word, upright
from adapters.parsing.pdf.hyphens import CUT, Vocabulary
from adapters.parsing.pdf.lines import Line, lines_of
from tests.support.files.pdf_files import lines, pdf, screen, text


def read(*pages: str) -> str:
    return parse(pdf(*pages), filename="x.pdf").text


# Raised and lowered marks


def shifted(before: str, mark: str, after: str, *, rise: float = 4, size: float = 6) -> str:
    return (
        f"BT /F 10 Tf 50 700 Td ({before}) Tj /F {size} Tf {rise} Ts ({mark}) Tj"
        f" /F 10 Tf 0 Ts ({after}) Tj ET\n"
    )


@pytest.mark.parametrize(
    ("before", "mark", "after", "expected"),
    [
        ("The pump costs $320", "1", " and more", "The pump costs $320¹ and more"),
        ("It costs 100", "3", "  euros", "It costs 100³ euros"),
        ("The area is 25 m", "2", " in all", "The area is 25 m² in all"),
        ("at 10", "-3", " metres", "at 10⁻³ metres"),
        ("after Smith", "3,4", " and others", "after Smith³,⁴ and others"),
        ("the end.", "12", " Next", "the end.¹² Next"),
        ("a price of 45", "*", " net", "a price of 45* net"),
        ("on the 3", "rd", " of May", "on the 3rd of May"),
        ("les 21", "e", " et", "les 21e et"),
        ("the rule", "a", " holds", "the rule^a holds"),
        ("of 120", "b", " pieces", "of 120^b pieces"),
    ],
)
def test_a_raised_mark_is_kept_apart_from_word_and_number(
    before: str, mark: str, after: str, expected: str
) -> None:
    assert read(shifted(before, mark, after)) == expected


def test_a_mark_raised_in_the_size_of_the_text_is_raised_too() -> None:
    assert read(shifted("It costs 100", "3", " euros", size=10)) == "It costs 100³ euros"


def test_a_lowered_figure_is_written_as_such() -> None:
    assert read(shifted("water is H", "2", "O", rise=-2)) == "water is H₂O"


def test_a_mark_that_is_drawn_after_its_line_is_put_where_it_stands() -> None:
    page = text(50, 700, "The pump") + text(101.5, 700, "costs more") + text(95.2, 704, "7", size=6)

    assert read(page) == "The pump⁷ costs more"


def test_footnotes_below_each_other_are_paragraphs() -> None:
    notes = "".join(
        text(50, 100 - 9 * n, str(n + 1), size=5) + text(54, 97 - 9 * n, f"See page {n}.", size=8)
        for n in range(3)
    )

    assert read(notes) == "¹ See page 0.\n\n² See page 1.\n\n³ See page 2."


# Hyphens


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("these are the work-", "ers of the mill", "the workers of"),
        ("write to anna-", "maria@example.org today", "anna-maria@example.org"),
        ("at https://example.org/long-", "path/page it is", "https://example.org/long-path/page"),
        ("the part AB-", "cd-12 is gone", "the part AB-cd-12"),
        ("the part KX-", "200 is gone", "KX-200"),
        ("a long-", "and short-term plan", "a long- and short-term plan"),
        ("die Vor-", "und Nachteile davon", "die Vor- und Nachteile"),
        ("see Appendix A-", "b for more", "Appendix A-b"),
        ("call 030-", "1234567 now", "030-1234567"),
        ("in 2019-", "2021 it was", "2019-2021"),
        ("by Jean-", "Paul Sartre", "Jean-Paul"),
        ("goes with-", "out it; out with it", "goes without it"),
        ("is a self-", "service shop; service for the self", "self-service"),
        ("is a well-", "known shop, as well-known as any", "well-known shop"),
    ],
)
def test_a_hyphen_at_a_line_end_is_dropped_where_it_cuts_a_word_only(
    first: str, second: str, expected: str
) -> None:
    words = "A line of text that goes to the edge, and "

    assert expected in read(lines(50, 700, [words + first, second]))


def test_a_soft_hyphen_vanishes() -> None:
    assert read(screen(50, 700, "a co\xadoperative way")) == "a cooperative way"


def test_halves_are_judged_by_the_words_of_the_document() -> None:
    known = Vocabulary()
    known.learn([Line("The database is full of data", 0, 1, 0, 1, bold=False, turn=0)])

    assert known.joined(f"data-{CUT}base") == "database"


# Right to left


@pytest.mark.parametrize(
    ("screen_order", "expected"),
    [
        (".2025 ץרמב 14-ב הקדבנ", "נבדקה ב-14 במרץ 2025."),
        ("תוריכש םולשת ABC Ltd ףיעס הזוח", "חוזה סעיף ABC Ltd תשלום שכירות"),
        ("X12 ףיעס", "סעיף X12"),
        ("X-12 םגד", "דגם X-12"),
        ("www.example.org רתאב", "באתר www.example.org"),
        ("12/05/2025 ךיראת", "תאריך 12/05/2025"),
        ("50% החנה", "הנחה 50%"),
        ("(ןושאר קרפ) ימושיר", "רישומי (פרק ראשון)"),
    ],
)
def test_a_line_from_right_to_left_is_in_the_order_of_reading(
    screen_order: str, expected: str
) -> None:
    assert runs_right_to_left(screen_order, among=True)
    assert logical(screen_order, right_to_left=True) == expected
    assert read(screen(300, 700, screen_order) + screen(300, 650, "הילגנאב אל")).startswith(
        expected
    )


def test_hebrew_words_in_an_english_line_stay_in_their_order() -> None:
    page = screen(50, 700, "The words םולש םלוע mean peace")

    assert read(page) == "The words עולם שלום mean peace"


def test_arabic_shapes_become_letters() -> None:
    word = "\ufee3\ufeaa\ufe93"  # initial, medial and final shapes, in the order of reading

    assert read(screen(300, 700, word[::-1])) == "مدة"


def test_points_stay_with_their_letter() -> None:
    assert lines_of([Word("םוֹלשָׁ", 0, 50, 0, 10, rtl=True, rtl_page=True)])[0].text == "שָׁלוֹם"


def test_lines_from_top_to_bottom_are_read_from_right_to_left() -> None:
    def column(letters: str, x: float, first: int) -> list[Word]:
        return [
            Word(letter, x, x + 10, 700 - 12 * n, 10, n=first + n)
            for n, letter in enumerate(letters)
        ]

    words = upright([*column("吾輩は猫である", 400, 0), *column("名前はまだ無い", 380, 7)])

    assert [line.text for line in lines_of(words)] == ["吾輩は猫である", "名前はまだ無い"]


@pytest.mark.parametrize(
    "set_as",
    ["/F 10 Tf 1 0 0 1", "/F -10 Tf -1 0 0 -1", "/F 1 Tf 10 0 0 10", "/F -1 Tf -10 0 0 -10"],
)
def test_letters_of_a_size_below_nothing_are_read_as_they_are_seen(set_as: str) -> None:
    drawn = "".join(
        f"BT {set_as} 50 {y} Tm ({words}) Tj ET\n"
        for y, words in ((700, "The lease of the pumps begins"), (688, "in May."))
    )

    assert parse(pdf(drawn), filename="x").text == "The lease of the pumps begins in May."
