"""PDF: text in columns is read column by column, however the file writes it."""

import pytest

from adapters.parsing.formats import parse
from tests.support.files.parsed_files import blocks
from tests.support.files.pdf_files import lines, pdf, screen, text

LEFT = [
    "The committee met in spring and read",
    "the report of the water works, which",
    "found that the losses in the network",
    "had fallen to eleven percent in a year.",
    "The old pipes will be replaced soon.",
]
RIGHT = [
    "A second column stands on the right,",
    "and it tells of the swimming hall and",
    "its tiles, which have come loose, so",
    "that nobody may swim there until the",
    "works have ended in October.",
]
THIRD = [
    "Third columns are rarer, but news",
    "papers have them, and they must be",
    "read after the second one, from the",
    "top of the page to its foot, as any",
    "reader would do without a thought.",
]


def read(*pages: str) -> list[tuple[str, str]]:
    return blocks(parse(pdf(*pages), filename="x.pdf"))


def by_row(
    columns: list[list[str]], places: list[int], *, top: float = 700, lower: float = 0
) -> str:
    return "".join(
        text(x, top - 12 * n - lower * k, column[n])
        for n in range(len(columns[0]))
        for k, (x, column) in enumerate(zip(places, columns, strict=True))
    )


@pytest.mark.parametrize("lower", [0, 3, 5])
def test_columns_written_row_by_row_are_read_column_by_column(lower: float) -> None:
    row_by_row = by_row([LEFT, RIGHT], [50, 300], lower=lower)
    column_by_column = lines(50, 700, LEFT) + lines(300, 700 - lower, RIGHT)

    expected = [("paragraph", " ".join(LEFT)), ("paragraph", " ".join(RIGHT))]
    assert read(row_by_row) == expected
    assert read(column_by_column) == expected


def test_three_columns_are_read_from_left_to_right() -> None:
    assert read(by_row([LEFT, RIGHT, THIRD], [30, 220, 410])) == [
        ("paragraph", " ".join(LEFT)),
        ("paragraph", " ".join(RIGHT)),
        ("paragraph", " ".join(THIRD)),
    ]


def test_columns_of_a_page_in_hebrew_are_read_from_right_to_left() -> None:
    right = [
        "העמודה הימנית באה כאן קודם כול",
        "והיא ממשיכה בשורה השניה שלה פה",
        "ומסתיימת בשורה הזאת.",
    ]
    left = [
        "העמודה השמאלית באה אחרי הימנית",
        "והיא ממשיכה בשורה השניה שלה פה",
        "ומסתיימת בשורה הזאת.",
    ]
    page = "".join(
        screen(320, 700 - 12 * n, a[::-1]) + screen(60, 700 - 12 * n, b[::-1])
        for n, (a, b) in enumerate(zip(right, left, strict=True))
    )

    assert read(page) == [("paragraph", " ".join(right)), ("paragraph", " ".join(left))]


def test_a_heading_and_a_line_over_both_columns_part_them() -> None:
    wide = "A full line that goes over both columns of the page, from its left to its right edge."
    page = (
        text(50, 740, "A heading over the whole width of the page", size=16)
        + by_row([LEFT, RIGHT], [50, 300])
        + text(50, 610, wide)
        + by_row([RIGHT, THIRD], [50, 300], top=570)
    )

    assert read(page) == [
        ("heading", "A heading over the whole width of the page"),
        ("paragraph", " ".join(LEFT)),
        ("paragraph", " ".join(RIGHT)),
        ("paragraph", wide),
        ("paragraph", " ".join(RIGHT)),
        ("paragraph", " ".join(THIRD)),
    ]


def test_a_heading_that_is_wider_than_its_column_does_not_cut_the_lines_below() -> None:
    page = text(50, 720, "A heading wider than its column", size=16) + lines(50, 700, LEFT)

    assert read(page + lines(300, 700, RIGHT)) == [
        ("heading", "A heading wider than its column"),
        ("paragraph", " ".join(LEFT)),
        ("paragraph", " ".join(RIGHT)),
    ]


def test_headings_within_columns_stay_with_their_text() -> None:
    page = (
        lines(50, 700, LEFT)
        + text(50, 630, "Losses", font="B")
        + lines(50, 615, THIRD)
        + lines(300, 700, RIGHT)
        + text(300, 630, "Refunds", font="B")
        + lines(300, 615, THIRD)
    )

    assert [words for _, words in read(page)] == [
        " ".join(LEFT),
        "Losses",
        " ".join(THIRD),
        " ".join(RIGHT),
        "Refunds",
        " ".join(THIRD),
    ]


def test_a_box_beside_the_text_is_read_after_it() -> None:
    story = [
        "A long text runs down the page and fills the wide column",
        "line after line, so that it reads like any other book or",
        "paper that has something to say about the world and its",
        "many things, great and small, old and new, near and far.",
    ]
    page = "".join(
        text(50, 700 - 12 * n, line) + (text(400, 697 - 12 * n, box, size=9) if box else "")
        for n, (line, box) in enumerate(
            zip(story, ["Did you know?", "Half of it is", "made up here.", ""], strict=True)
        )
    )

    assert [words for _, words in read(page)] == [
        " ".join(story),
        "Did you know?",
        "Half of it is made up here.",
    ]


def test_a_sentence_goes_on_in_the_next_column() -> None:
    left = [*LEFT[:4], "The old pipes in the harbour will be"]
    right = ["replaced before the end of the year.", *RIGHT[1:]]

    (_, first), *_ = read(by_row([left, right], [50, 300]))

    assert "The old pipes in the harbour will be replaced before the end" in first


def test_lists_of_names_written_beside_each_other_keep_their_lines() -> None:
    page = lines(50, 700, ["Anna", "Carl", "Emil", "Gerd"]) + lines(
        300, 700, ["Berta", "Doris", "Fritz", "Hans"]
    )

    assert read(page) == [
        ("paragraph", "Anna\nCarl\nEmil\nGerd"),
        ("paragraph", "Berta\nDoris\nFritz\nHans"),
    ]
