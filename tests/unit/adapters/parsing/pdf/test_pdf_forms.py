"""PDF: what is typed and ticked in a form, and remarks pinned to a page, are read."""

import pytest

from adapters.parsing.formats import parse
from tests.support.files.pdf_files import Sheet, grid, lines, pdf, text

SEEN = "/Subtype /Widget /F 4"
STATES = ["<< /Type /XObject /Subtype /Form /BBox [0 0 12 12] /Length 0 >> stream\n\nendstream"]
BOX = "/AP << /N << /Yes 100 0 R /Off 100 0 R >> >>"


def typed(
    value: str, x: float, y: float, *, more: str = "", width: float = 150, height: float = 18
) -> str:
    return (
        f"{SEEN} /FT /Tx /T (f{x}-{y}) /V ({value}) /Rect [{x} {y} {x + width} {y + height}] {more}"
    )


def ticked(state: str, x: float, y: float, *, flags: int = 0) -> str:
    return (
        f"{SEEN} /FT /Btn /Ff {flags} /T (b{x}-{y}) /V /{state} /AS /{state}"
        f" /Rect [{x} {y} {x + 12} {y + 12}] {BOX}"
    )


def read(drawn: str, *annotations: str) -> str:
    return parse(pdf(Sheet(drawn, list(annotations)), objects=STATES), filename="x.pdf").text


def test_values_stand_behind_their_labels() -> None:
    form = lines(50, 700, ["Name of the guest:", "Town:"], pitch=24)

    words = read(form, typed("Edda Norling", 220, 694), typed("M\\374nchen", 220, 670))

    assert words.splitlines()[0] == "Name of the guest: Edda Norling"
    assert words.splitlines()[-1] == "Town: München"


def test_a_value_with_an_appearance_is_read_once() -> None:
    seen = (
        "<< /Type /XObject /Subtype /Form /BBox [0 0 150 18] /Resources << /Font << /F 3 0 R >> >>"
        " /Length 44 >> stream\nBT /F 10 Tf 2 5 Td (Edda Norling) Tj ET       \nendstream"
    )
    field = typed("Edda Norling", 220, 694, more="/AP << /N 100 0 R >>")
    data = pdf(Sheet(text(50, 700, "Name:"), [field]), objects=[seen])

    assert parse(data, filename="x.pdf").text == "Name: Edda Norling"


def test_a_field_of_several_lines_keeps_them() -> None:
    field = typed("first line\\nsecond line", 120, 650, height=60, more="/Ff 4096")
    words = read(text(50, 700, "Remarks:"), field)

    assert " ".join(words.split()) == "Remarks: first line second line"


def test_two_fields_of_a_row_stay_with_their_labels() -> None:
    form = text(50, 700, "Name:") + text(300, 700, "Phone:")

    words = read(form, typed("Edda", 90, 694), typed("555-1234", 350, 694))

    assert words == "Name: Edda Phone: 555-1234"


@pytest.mark.parametrize(("state", "mark"), [("Yes", "[x]"), ("Off", "[ ]")])
@pytest.mark.parametrize("flags", [0, 1 << 15])
def test_boxes_and_radio_buttons_show_whether_they_are_ticked(
    state: str, mark: str, flags: int
) -> None:
    before = text(70, 700, "I agree to all of it")
    after = text(50, 600, "Advance received:")

    assert read(before, ticked(state, 50, 698, flags=flags)) == f"{mark} I agree to all of it"
    assert read(after, ticked(state, 220, 598, flags=flags)) == f"Advance received: {mark}"


@pytest.mark.parametrize("kind", [1 << 17, 0])
def test_a_choice_shows_the_words_that_a_reader_sees(kind: int) -> None:
    options = "[[(se) (Sweden)] [(no) (Norway)]]"
    field = f"{SEEN} /FT /Ch /Ff {kind} /T (c) /V (no) /Opt {options} /Rect [120 694 250 712]"

    assert read(text(50, 700, "Country:"), field) == "Country: Norway"


def test_a_blank_form_differs_from_a_filled_one_and_secrets_are_left_out() -> None:
    form = text(50, 700, "Name:")

    assert read(form, typed("", 120, 694)) == "Name:"
    assert read(form, typed("secret", 120, 694, more="/Ff 8192")) == "Name:"
    assert read(form, typed("hidden", 120, 694).replace("/F 4", "/F 2")) == "Name:"


def test_fields_within_a_ruled_table_stand_in_their_cells() -> None:
    form = grid([50, 150, 300], [700, 680, 660]) + lines(55, 685, ["Name", "Town"], pitch=20)

    words = read(form, typed("Edda", 155, 682, height=16), typed("Bergen", 155, 662, height=16))

    assert words == "Name | Edda\nTown | Bergen"


def test_remarks_are_read_and_copies_of_the_text_are_not() -> None:
    note = "/Subtype /Text /Rect [500 700 520 720] /Contents (Check this amount) /T (Berta)"
    written = "/Subtype /FreeText /Rect [300 300 500 320] /Contents (Paid on 3 May) /DA (/F 9 Tf)"
    marked = "/Subtype /Highlight /Rect [50 698 150 710] /Contents (The amount)"
    link = "/Subtype /Link /Rect [50 698 150 710] /Contents (a link)"
    popup = "/Subtype /Popup /Rect [50 698 150 710] /Contents (Check this amount)"

    words = read(text(50, 700, "The amount due is 12 euros."), note, written, marked, link, popup)

    assert words.split("\n\n") == [
        "The amount due is 12 euros.",
        "Comment by Berta: Check this amount",
        "Paid on 3 May",
    ]


def test_a_form_whose_layout_is_not_read_says_so() -> None:
    catalog = "/AcroForm << /Fields [1001 0 R] /DA (/F 10 Tf) /XFA 100 0 R >>"
    form = ["<< /Length 9 >> stream\n<xdp/>   \nendstream"]
    data = pdf(
        Sheet(text(50, 700, "Name:"), [typed("Edda", 120, 694)]), catalog=catalog, objects=form
    )

    document = parse(data, filename="x.pdf")

    assert document.text == "Name: Edda"
    assert any("XFA form" in note for note in document.notes)
