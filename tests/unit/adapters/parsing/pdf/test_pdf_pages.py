"""PDF: what stands on every page, what goes over the end of one, turned pages, labels, notes."""

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.shared.assembly import Assembly
from rag.documents import ParsedDocument
from tests.support.files.pdf_files import Sheet, lines, pdf, text

FULL = "Body text runs over the whole width of the page, so that its lines are full"
PICTURE = (
    "<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray"
    " /BitsPerComponent 8 /Length 1 >> stream\n0\nendstream"
)


def body(*last: str, top: float = 740) -> str:
    return lines(50, top, [FULL] * 5 + list(last))


def page(number: int, *last: str, total: int = 4) -> str:
    """Write a page whose footer comes first in the file, as word processors do."""
    foot = text(50, 20, f"Page {number} of {total}", size=9)
    return foot + text(50, 780, "Site rules - Revision F", size=9) + body(*last)


def read(*pages: str | Sheet) -> ParsedDocument:
    return parse(pdf(*pages), filename="x.pdf")


def pages_of(document: ParsedDocument) -> list[str]:
    return [document.text[page.start : page.end] for page in document.pages]


# Running lines


def test_running_lines_stand_in_the_text_once() -> None:
    document = read(*(page(n, "It ends here.") for n in (1, 2, 3, 4)))

    assert document.text.count("Revision F") == 1
    assert "of 4" not in document.text
    assert any("Headers and footers" in note for note in document.notes)
    assert [words.endswith("It ends here.") for words in pages_of(document)] == [True] * 4


def test_running_lines_of_two_pages_are_found() -> None:
    document = read(page(1, "One.", total=2), page(2, "Two.", total=2))

    assert document.text.count("Revision F") == 1
    assert "of 2" not in document.text


def test_alternating_headers_with_page_numbers_are_found() -> None:
    pages = [
        (text(50, 780, f"{n}") + text(250, 780, "A. Author"))
        if n % 2
        else (text(250, 780, "The Book") + text(500, 780, f"{n}"))
        for n in range(7, 15)
    ]
    document = read(*(head + body(f"It ends {n}.") for n, head in enumerate(pages)))

    assert document.text.count("A. Author") == 1
    assert document.text.count("The Book") == 1
    assert not [b for b in document.blocks if document.text[b.start : b.end].strip().isdigit()]


@pytest.mark.parametrize("numbers", ["i ii iii iv", "1 2 3 4", "- 5 - 6 - 7 - 8"])
def test_mere_page_numbers_are_left_out(numbers: str) -> None:
    found = numbers.split(" - ") if "-" in numbers else numbers.split()
    document = read(
        *(text(300, 20, n) + body(f"Ends {n}.") for n in (f.strip("- ") for f in found))
    )

    assert not [b for b in document.blocks if len(document.text[b.start : b.end]) < 6]


def test_numbers_that_count_no_pages_stay() -> None:
    document = read(*(text(50, 780, f"Invoice no. {n}") + body("Total.") for n in (11, 17, 23, 29)))

    assert [f"Invoice no. {n}" in document.text for n in (11, 17, 23, 29)] == [True] * 4


def test_pages_that_are_all_alike_stay() -> None:
    document = read(*[lines(50, 740, ["The same text on each page", "and nothing more"])] * 4)

    assert document.text.count("nothing more") == 4


def test_a_page_of_a_picture_below_a_header_is_told() -> None:
    picture = text(50, 780, "Site rules - Revision F", size=9) + "q 9 0 0 9 0 300 cm /I Do Q"
    data = pdf(page(1, "a."), page(2, "b."), picture, page(4, "d."), objects=[PICTURE])

    document = parse(data.replace(b"/Font <<", b"/XObject << /I 100 0 R >> /Font <<"), filename="x")

    assert any("Page 3 holds a picture" in note for note in document.notes)


# The end of a page


def test_sentences_and_names_go_on_over_the_end_of_a_page() -> None:
    document = read(
        page(1, "and they have to be told of it, all of them, two full days before, by the"),
        page(2, "and then it goes on, line after line, without the consent of the Board of"),
        page(3, "end."),
    )

    assert f"days before, by the {FULL}" in document.text
    assert f"of the Board of {FULL}" in document.text
    assert document.text.count("\n\n") == 1  # the header


def test_pages_begin_exactly_within_a_paragraph() -> None:
    first = lines(50, 740, [FULL, FULL, "and they must be announced two work-"])
    document = read(first, lines(50, 740, ["ing days ahead, and then there is more to", "say."]))

    assert document.text.endswith("two working days ahead, and then there is more to say.")
    assert len(document.blocks) == 1
    assert pages_of(document)[0].endswith("announced two work")
    assert pages_of(document)[1] == "ing days ahead, and then there is more to say."


def test_an_empty_page_within_a_paragraph_is_an_empty_span() -> None:
    document = read(body("and it goes"), "", lines(50, 740, ["on here."]))

    assert document.text.endswith("and it goes on here.")
    assert pages_of(document)[1:] == ["", "on here."]


def test_a_footnote_does_not_part_a_sentence_that_goes_over_the_page() -> None:
    note = text(50, 60, "A note below the text.", size=7)
    document = read(
        body("and then it goes on over the end of this page, which is a long way to a") + note,
        body("x."),
    )

    assert f"a long way to a {FULL}" in document.text
    assert document.text.index("A note") < document.pages[1].start


def test_pages_that_begin_within_nothing_are_kept() -> None:
    out = Assembly()
    out.page(1)
    out.add("paragraph", "\x07\x07", turns=[(1, 2, "ii")])
    out.add("paragraph", "  one two ", turns=[(6, 3, "")])
    document = out.document("pdf")

    assert [(p.number, p.label, document.text[p.start : p.end]) for p in document.pages] == [
        (1, "", ""),
        (2, "ii", "one"),
        (3, "", "two"),
    ]


def test_a_paragraph_that_ends_with_its_page_ends() -> None:
    document = read(body("It ends."), lines(50, 740, ["Another one begins."]))

    assert pages_of(document)[1] == "Another one begins."
    assert len(document.blocks) == 2


# Turned pages

TURNED = [
    "The first line of the turned page goes",
    "on to the second line of it, and then",
    "ends.",
]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_lines_of_a_turned_page_are_in_the_order_of_reading(rotate: int, turn: int) -> None:
    x, y = {0: (0, -12), 90: (12, 0), 180: (0, 12), 270: (-12, 0)}[turn]
    drawn = "".join(
        text(300 + n * x, 400 + n * y, line, turn=turn) for n, line in enumerate(TURNED)
    )

    assert read(Sheet(drawn, more=f"/Rotate {rotate}")).text == " ".join(TURNED)


def test_a_stamp_on_the_side_comes_after_the_text() -> None:
    document = read(text(20, 200, "arXiv 30 Sep", turn=90) + body("It ends."))

    assert document.text.endswith("It ends.\n\narXiv 30 Sep")


# Labels, notes, title


def test_pages_have_the_names_that_the_document_gives_them() -> None:
    labels = "/PageLabels << /Nums [0 << /S /r >> 2 << /S /D /P (A-) /St 3 >>] >>"
    document = parse(pdf(*["Words."] * 0, *[body("x.")] * 4, catalog=labels), filename="x.pdf")

    assert [page.label for page in document.pages] == ["i", "ii", "A-3", "A-4"]
    assert [page.label for page in read(body("x."), body("y.")).pages] == ["", ""]


def test_pictures_and_attachments_that_are_not_read_are_told() -> None:
    files = [
        PICTURE,
        "<< /Type /Filespec /F (data.csv) /UF (data.csv) /EF << /F 102 0 R >> >>",
        "<< /Type /EmbeddedFile /Length 3 >> stream\na,b\nendstream",
    ]
    named = "/Names << /EmbeddedFiles << /Names [(data.csv) 101 0 R] >> >>"
    data = pdf(body("x."), "", "q 9 0 0 9 0 0 cm /I Do Q", objects=files, catalog=named)

    document = parse(data.replace(b"/Font <<", b"/XObject << /I 100 0 R >> /Font <<"), filename="x")

    assert document.notes == (
        "Page 3 holds a picture and no text; if scanned, run text recognition.",
        "Files attached to the PDF are not read: data.csv.",
    )


@pytest.mark.parametrize("title", ["Microsoft Word - x.doc", "untitled", "report.indd", ""])
def test_a_name_that_no_one_gave_is_no_title(title: str) -> None:
    drawn = text(50, 760, "The true title", size=20) + body("x.")

    assert parse(pdf(drawn, info=f"/Title ({title})"), filename="x").title == "The true title"
    assert parse(pdf(drawn, info="/Title (Given)"), filename="x").title == "Given"
