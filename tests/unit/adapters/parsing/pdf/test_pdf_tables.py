"""PDF: rows of a table stay rows, with or without drawn lines."""

import time

import pytest

from adapters.parsing.formats import parse
from tests.support.files.pdf_files import grid, lines, pdf, rule, screen, text


def cells(rows: list[list[str]], places: list[int], *, top: float = 700, pitch: float = 14) -> str:
    return "".join(
        text(x, top - pitch * n, cell)
        for n, row in enumerate(rows)
        for x, cell in zip(places, row, strict=True)
        if cell
    )


def read(*pages: str) -> list[tuple[str, str, str]]:
    """Return kind, text and header of each block."""
    document = parse(pdf(*pages), filename="x.pdf")
    whole = document.text
    return [
        (b.kind, whole[b.start : b.end], whole[b.start : b.start + b.header].rstrip("\n"))
        for b in document.blocks
    ]


def written(rows: list[list[str]]) -> str:
    return "\n".join(" | ".join(row) for row in rows)


PRICES = [
    ["Article", "Description", "Unit", "Price (EUR)", "Delivery"],
    ["K-100", "Ball valve, brass", "piece", "14.80", "in stock"],
    ["K-107", "Gasket set for K-100 to K-114", "set", "6.10", "2 weeks"],
    ["K-142", "Pump shaft, hardened", "piece", "312.00", "8 weeks"],
]


def test_a_price_list_without_lines_is_a_table_and_its_note_is_apart() -> None:
    page = cells(PRICES, [50, 120, 300, 370, 470]) + text(50, 630, "Prices are net, and they hold.")

    assert read(page) == [
        ("table", written(PRICES), " | ".join(PRICES[0])),
        ("paragraph", "Prices are net, and they hold.", ""),
    ]


def test_a_table_that_is_written_column_by_column_is_a_table() -> None:
    rows = [["Article", "Name", "Price"], ["K-1", "Valve", "1.20"], ["K-2", "Shaft", "3.40"]]
    rows += [["K-3", "Seal", "5.60"], ["K-4", "Ring", "7.80"]]
    page = "".join(
        lines(x, 700, column)
        for x, column in zip([50, 150, 300], zip(*rows, strict=True), strict=True)
    )

    assert read(page) == [("table", written(rows), "Article | Name | Price")]


@pytest.mark.parametrize("apart", [12, 20])
def test_a_cell_that_goes_over_two_lines_is_one_cell(apart: int) -> None:
    page = cells(
        [["Code", "Text", "Price"], ["A1", "A valve of brass with a long", "12.00"]],
        [50, 120, 350],
        pitch=apart,
    )
    second = 700 - apart - 12
    page += text(120, second, "name that needs two lines")
    page += cells(
        [["A2", "A seal", "3.00"], ["A3", "Another thing of", "9.00"]],
        [50, 120, 350],
        top=second - apart,
        pitch=apart,
    )
    page += text(120, second - 2 * apart - 12, "bronze")

    assert read(page) == [
        (
            "table",
            written(
                [
                    ["Code", "Text", "Price"],
                    ["A1", "A valve of brass with a long name that needs two lines", "12.00"],
                    ["A2", "A seal", "3.00"],
                    ["A3", "Another thing of bronze", "9.00"],
                ]
            ),
            "Code | Text | Price",
        )
    ]


def test_a_word_that_is_cut_within_a_cell_is_whole() -> None:
    page = cells(
        [["Code", "Text", "Price"], ["A1", "A valve of bronze for the iso-", "12.00"]],
        [50, 120, 350],
    )
    page += text(120, 674, "mers") + cells([["A2", "A seal", "3.00"]], [50, 120, 350], top=660)

    assert "A valve of bronze for the isomers | 12.00" in read(page)[0][1]


def test_empty_cells_keep_their_place() -> None:
    rows = [
        ["Stop", "1", "3", "5"],
        ["Harbour", "06:10", "", "07:10"],
        ["Market", "06:18", "06:48", ""],
    ]

    assert read(cells(rows, [50, 150, 220, 290])) == [
        ("table", written(rows).strip(), "Stop | 1 | 3 | 5")
    ]


def test_pairs_of_name_and_value_have_no_header() -> None:
    rows = [["Weight", "12 kg"], ["Height", "340 mm"], ["Power", "1.5 kW"], ["Colour", "grey"]]

    assert read(cells(rows, [50, 200])) == [("table", written(rows), "")]


def test_names_may_stand_on_two_lines_and_over_several_columns() -> None:
    two = [
        ["Part", "Price", "Time of"],
        ["number", "(EUR)", "delivery"],
        ["P-1", "10.00", "2 weeks"],
    ]
    two += [["P-2", "20.00", "3 weeks"], ["P-3", "30.00", "4 weeks"]]
    rows = [
        ["Town", "Q1", "Q2", "Q3", "Q4"],
        ["Bergen", "1", "2", "3", "4"],
        ["Oslo", "5", "6", "7", "8"],
    ]
    over = text(200, 714, "First half") + text(340, 714, "Second half")

    assert read(cells(two, [50, 200, 300], pitch=12)) == [("table", written(two), written(two[:2]))]
    assert read(over + cells(rows, [50, 180, 250, 320, 390]))[0][1] == "\n".join(
        ["| First half | First half | Second half | Second half", written(rows)]
    )


def test_years_name_columns_of_numbers() -> None:
    rows = [["Account", "2023", "2024"], ["Sales", "1,204", "998"], ["Costs", "800", "12"]]

    assert read(cells(rows, [50, 200, 300])) == [("table", written(rows), "Account | 2023 | 2024")]


def test_a_long_cell_that_runs_under_the_next_column_stays_whole() -> None:
    rows = [["No", "Text", "Amount", "Due"], ["1", "Short", "1.00", "May"]]
    rows += [
        ["2", "A very long text that runs below the next column", "", "June"],
        ["3", "Short", "3.00", "July"],
    ]

    assert read(cells(rows, [50, 100, 250, 420]))[0][1] == written(rows)


def test_rows_of_running_text_are_a_table_where_all_columns_break_together() -> None:
    halves = [
        ("The seller delivers the goods to the", "Der Verkäufer liefert die Ware an den"),
        ("place that is named in the order.", "Ort, den die Bestellung nennt."),
    ]
    page = "".join(
        text(50, 700 - 36 * k - 12 * n, f"{k}. {a}" if not n else a)
        + text(310, 700 - 36 * k - 12 * n, f"{k}. {b}" if not n else b)
        for k in range(3)
        for n, (a, b) in enumerate(halves)
    )

    whole = [" ".join(words) for words in zip(*halves, strict=True)]
    assert read(page)[0][1] == "\n".join(f"{k}. {whole[0]} | {k}. {whole[1]}" for k in range(3))


def test_text_with_wide_blanks_is_no_table() -> None:
    page = "".join(
        text(50, 700 - 12 * n, a) + text(130, 700 - 12 * n, b)
        for n, (a, b) in enumerate(
            [
                ("This line has", "wide gaps in it as justified"),
                ("text may have", "in narrow columns of a paper"),
                ("and it goes on", "here for another line or two"),
            ]
        )
    )

    assert [kind for kind, *_ in read(page)] == ["paragraph"]


def test_an_invoice_keeps_address_and_positions_apart() -> None:
    positions = [
        ["Pos", "Description", "Qty", "Amount"],
        ["1", "Pump shaft, hardened", "2", "624.00"],
        ["2", "Seal", "1", "88.75"],
    ]
    page = (
        text(50, 760, "Invoice 2025-117", size=16)
        + lines(50, 730, ["Miller Ltd", "12 Harbour Road", "Bergen"])
        + lines(350, 730, ["Date: 3 May 2025", "Customer: 4471", "Due: 2 June 2025"])
        + cells(positions, [50, 100, 350, 450], top=650)
        + text(50, 570, "Please pay within thirty days to the account named below.")
    )

    assert [words for _, words, _ in read(page)] == [
        "Invoice 2025-117",
        "Miller Ltd\n12 Harbour Road\nBergen",
        "Date: 3 May 2025\nCustomer: 4471\nDue: 2 June 2025",
        written(positions),
        "Please pay within thirty days to the account named below.",
    ]


@pytest.mark.parametrize("dots", [" ........................ ", ".......", " . . . . . . . . . "])
def test_dots_lead_from_one_cell_of_a_table_of_contents_to_the_next(dots: str) -> None:
    page = lines(
        50, 700, [f"1 Introduction{dots}iv", f"2 Methods used{dots}12", f"3 Results{dots}104"]
    )

    assert read(page) == [
        ("table", "1 Introduction | iv\n2 Methods used | 12\n3 Results | 104", "")
    ]


def test_an_entry_of_several_lines_leads_to_one_number() -> None:
    page = text(50, 714, "Contents") + lines(
        50,
        700,
        [
            "1. Introduction ................................ 3",
            "2. A chapter whose title is so very long that it",
            "takes two lines and then a third one, to tell of",
            "all that it holds .............................. 17",
            "3. Results ..................................... 104",
        ],
    )

    assert read(page)[-1][1] == (
        "1. Introduction | 3\n2. A chapter whose title is so very long that it takes two lines and"
        " then a third one, to tell of all that it holds | 17\n3. Results | 104"
    )


def test_lists_with_dots_side_by_side_are_read_one_after_the_other() -> None:
    left = [f"{n}. Valve number {n} .......... {n}0" for n in range(1, 6)]
    right = [f"{n}. Shaft number {n} .......... {n}0" for n in range(6, 9)]
    page = "".join(
        text(50, 700 - 12 * n, a) + text(320, 700 - 12 * n, b)
        for n, (a, b) in enumerate(zip(left, right, strict=False))
    )
    page += lines(50, 664, left[3:])

    words = "\n".join(words for _, words, _ in read(page))

    assert words == "\n".join(line.replace(" .......... ", " | ") for line in [*left, *right])


def test_an_ellipsis_is_no_leader() -> None:
    page = lines(
        50, 700, ["He waited ... and then he said . . . nothing at all", "to her ... and left"]
    )

    assert "waited ... and then he said . . . nothing" in read(page)[0][1]


def test_a_ruled_table_keeps_its_cells_and_the_note_below_is_apart() -> None:
    page = (
        grid([50, 150, 300, 400], [700, 680, 650, 630])
        + text(55, 685, "Name", font="B")
        + text(155, 685, "Work", font="B")
        + text(305, 685, "Room", font="B")
        + text(55, 667, "Anna")
        + text(155, 667, "Keeps the books and")
        + text(155, 655, "pays the bills")
        + text(305, 667, "12")
        + text(55, 635, "Carl")
        + text(305, 635, "14")
        + text(50, 600, "A note below the table.")
    )

    assert read(page) == [
        (
            "table",
            "Name | Work | Room\nAnna | Keeps the books and pays the bills | 12\nCarl |  | 14",
            "Name | Work | Room",
        ),
        ("paragraph", "A note below the table.", ""),
    ]


def test_a_merged_cell_is_repeated_in_each_row() -> None:
    page = (
        rule(50, 700, 400, 700)
        + rule(50, 680, 400, 680)
        + rule(150, 660, 400, 660)
        + rule(50, 640, 400, 640)
        + "".join(rule(x, 640, x, 700) for x in (50, 150, 280, 400))
        + cells([["Hall", "Machine", "Keeper"]], [55, 155, 285], top=685)
        + text(55, 655, "Hall 4")
        + cells([["Lathe", "Okoro"], ["Mill", "Petit"]], [155, 285], top=665, pitch=20)
    )

    assert (
        read(page)[0][1] == "Hall | Machine | Keeper\nHall 4 | Lathe | Okoro\nHall 4 | Mill | Petit"
    )


def test_a_table_goes_on_over_the_end_of_the_page() -> None:
    def page(number: int) -> str:
        rows = [[f"K-{number}{n}", "Valve of brass", f"{number}{n}.50"] for n in range(3)]
        return cells([["Article", "Name", "Price"], *rows], [50, 150, 300], top=600)

    document = parse(pdf(page(1), page(2)), filename="x.pdf")

    rows = [f"K-{p}{n} | Valve of brass | {p}{n}.50" for p in (1, 2) for n in range(3)]
    assert document.text == "\n".join(["Article | Name | Price", *rows])
    assert len(document.blocks) == 1
    assert [document.text[p.start : p.end] for p in document.pages] == [
        "\n".join(["Article | Name | Price", *rows[:3]]),
        "\n".join(rows[3:]),
    ]


def test_a_table_in_hebrew_is_read_from_right_to_left() -> None:
    rows = [["פריט", "12", "מחיר"], ["שסתום", "3", "יקר"], ["אטם", "4", "זול"]]
    page = "".join(
        screen(500 - 5 * len(a), 700 - 16 * n, a[::-1])
        + screen(300 - 5 * len(b), 700 - 16 * n, b)
        + screen(150 - 5 * len(c), 700 - 16 * n, c[::-1])
        for n, (a, b, c) in enumerate(rows)
    )

    assert read(page)[0][:2] == ("table", written(rows))


def test_a_frame_around_running_text_is_read_cell_by_cell() -> None:
    story = [
        "This cell holds a long text of many lines,",
        "which is no table but a frame for it.",
    ] * 6
    page = grid([40, 300, 560], [720, 500, 300]) + lines(50, 700, story) + lines(310, 700, story)
    page += lines(50, 480, story) + lines(310, 480, story)

    assert [kind for kind, *_ in read(page)] == ["paragraph"] * 4


def test_a_page_of_crumbs_is_read_in_a_moment() -> None:
    crumbs = "".join(text(50, -12 * n, "{") + text(300, -12 * n, "}") for n in range(2000))
    began = time.process_time()
    read(crumbs)

    assert time.process_time() - began < 5


def test_frames_and_formulas_are_no_tables() -> None:
    frame = grid([50, 550], [700, 600]) + text(60, 660, "A framed warning that is one sentence.")
    formula = cells([["|", "{z", "}", "="], ["-", "x", "+", "("]], [50, 100, 150, 200], top=500)

    assert [kind for kind, *_ in read(frame + formula)].count("table") == 0
