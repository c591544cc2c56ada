"""Parsing: kinds by content, text kept, structure found, and clear refusals."""

import io
from collections.abc import Callable

import docx
import pytest

from adapters.parsing.docx import package
from adapters.parsing.formats import parse
from rag.errors import NoText
from tests.support.files import pdf_files
from tests.support.files.office_files import with_part, zipped
from tests.support.files.parsed_files import blocks, refused
from tests.support.files.wordfiles import p, word_file

OLE = bytes.fromhex("d0cf11e0a1b11ae1")


def word(fill: Callable[[docx.document.Document], None]) -> bytes:
    document = docx.Document()
    fill(document)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


# Text


@pytest.mark.parametrize(
    "encoding",
    ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "cp1252"],
)
def test_text_is_read_in_any_usual_encoding(encoding: str) -> None:
    text = "Die schöne Müllerin größte Bürde für Käufer.\nZweite Zeile."

    assert parse(text.encode(encoding), filename="a.txt").text == text


def test_cyrillic_text_in_a_one_byte_encoding_is_read() -> None:
    text = "Однажды, в студёную зимнюю пору, я из лесу вышел; был сильный мороз."

    assert parse(text.encode("cp1251"), filename="a.txt").text == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("El próximo año la reunión será en Málaga.", "cp1252"),
        ("Les élèves sont allés à l'école où ils ont mangé une crêpe.", "cp1252"),
        ("A reunião será amanhã de manhã.", "cp1252"),
        ("Ansökan måste vara inlämnad före den första. Äldre ärenden först.", "cp1252"),
        ("Příští rok bude schůze v Brně. Žádost musí být podána včas.", "cp1250"),
        ("W przyszłym roku zebranie odbędzie się w Łodzi.", "cp1250"),
        ("A következő évben az ülés Győrben lesz. Küldje el az űrlapot.", "cp1250"),
        ("Gelecek yıl İzmir'de görüşeceğiz, teşekkürler.", "cp1254"),  # noqa: RUF001  # Turkish
    ],
)
def test_a_short_text_is_read_by_the_letters_of_its_language(text: str, encoding: str) -> None:
    assert parse(text.encode(encoding), filename="a.txt").text.strip() == text


def test_stray_lines_of_another_encoding_do_not_spoil_a_text() -> None:
    lines = [f"Zeile {n} über Äpfel" for n in range(20)]
    data = "\n".join(lines).encode() + b"\nsch\xf6n"

    assert parse(data, filename="a.txt").text == "\n".join([*lines, "schön"])


def test_newlines_are_normalised_and_control_characters_dropped() -> None:
    document = parse(
        b"one\r\ntwo\rthree\x00\x07\n\n\nfour\x0cfive and quite some more", filename="a.txt"
    )

    assert document.text == "one\ntwo\nthree\n\n\nfour\nfive and quite some more"
    assert blocks(document) == [
        ("paragraph", "one\ntwo\nthree"),
        ("paragraph", "four\nfive and quite some more"),
    ]


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.csv", "table"), ("a.py", "code"), ("a.json", "code"), ("a.rst", "text"), ("a", "text")],
)
def test_the_name_tells_tables_and_code_from_prose(name: str, kind: str) -> None:
    assert parse(b"a,b\n1,2\n", filename=name).kind == kind


@pytest.mark.parametrize(
    "data", [b"", b" \n\t ", b"\xef\xbb\xbf", b"<html><script>x</script></html>"]
)
def test_files_without_text_are_called_empty(data: bytes) -> None:
    assert isinstance(refused(data), NoText)


@pytest.mark.parametrize(
    ("data", "name", "reason", "says"),
    [
        (zipped({"ppt/presentation.xml": b"x"}), "talk.pptx", "corrupt", "PowerPoint"),
        (zipped({"xl/workbook.xml": b"x"}), "sheet.docx", "corrupt", "Excel"),
        (zipped({"xl/workbook.bin": b"x"}), "a.txt", "unsupported", "save it as .xlsx"),
        (b"\x89PNG\r\n\x1a\n", "a.txt", "unsupported", "PNG"),
        (OLE + "WordDocument".encode("utf-16-le"), "a", "unsupported", "save it as .docx"),
        (OLE + "EncryptedPackage".encode("utf-16-le"), "a", "encrypted", "password"),
        (b"no zip behind this name", "a.odt", "corrupt", "OpenDocument"),
        (b"PK\x03\x04 cut off", "a.docx", "corrupt", "Word"),
        (b"just words", "a.pdf", "corrupt", "PDF"),
        (b"%PDF-1.4\n nothing", "a.txt", "corrupt", "PDF"),
        (bytes(range(256)) * 8, "a.txt", "binary", "binary"),
        (b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]>', "a.xml", "unsafe", "entities"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_by_its_content(
    data: bytes, name: str, reason: str, says: str
) -> None:
    error = refused(data, name)

    assert error.reason == reason
    assert says in error.detail


# Markdown


def test_markdown_keeps_its_source_and_gains_blocks() -> None:
    source = (
        "Top *line*\n=====\n\nFirst.\nStill first.\n\n- a\n- b\n\n```py\nx = 1\n\ny\n```\n"
        "\n| a | b |\n|---|---|\n| 1 | 2 |\n\n[ref]: https://example.org\n\n### Deep\n> quoted\n"
    )
    document = parse(source.encode(), filename="a.md")

    assert document.text == source
    assert document.title == "Top line"
    assert blocks(document) == [
        ("heading", "Top *line*\n====="),
        ("paragraph", "First.\nStill first."),
        ("list", "- a\n- b"),
        ("code", "```py\nx = 1\n\ny\n```"),
        ("table", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("paragraph", "[ref]: https://example.org"),
        ("heading", "### Deep"),
        ("paragraph", "> quoted"),
    ]
    assert [b.level for b in document.blocks if b.kind == "heading"] == [1, 3]


def test_front_matter_is_kept_and_names_the_document() -> None:
    document = parse(b"---\ntitle: 'The Plan'\ntags: [a]\n---\n# Other\n\nText.\n", filename="a.md")

    assert document.title == "The Plan"
    assert [kind for kind, _ in blocks(document)] == ["code", "heading", "paragraph"]


# HTML


def test_html_gives_what_a_reader_sees_with_its_structure() -> None:
    page = """<!doctype html><html><head><title> The  page </title><style>p {}</style></head><body>
    <nav>Menu</nav><script>var a = "<p>no</p>";</script><h2>Head <b>line</b></h2>
    <p>One &amp; two<br>three <span hidden>gone</span></p><div style="display: none">gone</div>
    <ul><li>a<ol><li>deep</li></ol></li><li><p>b</p></li></ul>
    <table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td></td><td><p>2</p><p>3</p></td></tr></table>
    <pre>x = 1
      y</pre>tail</body></html>"""
    document = parse(page.encode(), filename="x")

    assert document.kind == "html"
    assert document.title == "The page"
    assert blocks(document) == [
        ("heading", "Head line"),
        ("paragraph", "One & two\nthree"),
        ("list", "- a\n  1. deep\n- b"),
        ("table", "k | v\n1 |  | 2 3"),
        ("code", "x = 1\n      y"),
        ("paragraph", "tail"),
    ]


def test_tables_that_only_arrange_a_page_are_read_as_its_paragraphs() -> None:
    page = "<html><table><tr><td><h1>A</h1>One.<br><br>Two.</td><td>Three.</td></tr></table></html>"

    assert blocks(parse(page.encode(), filename="x")) == [
        ("heading", "A"),
        ("paragraph", "One."),
        ("paragraph", "Two."),
        ("paragraph", "Three."),
    ]


def test_html_without_end_of_nesting_is_read() -> None:
    page = "<html><body>" + "<div>" * 5000 + "deep" + "</div>" * 5000

    assert parse(page.encode(), filename="x").text == "deep"


def test_html_in_a_declared_encoding_is_read() -> None:
    page = '<html><head><meta charset="iso-8859-7"></head><body>Καλημέρα κόσμε</body></html>'

    assert parse(page.encode("iso-8859-7"), filename="x").text == "Καλημέρα κόσμε"


# PDF


def test_a_pdf_gives_pages_paragraphs_and_headings() -> None:
    first = (
        pdf_files.text(50, 700, "A large heading", size=20)
        + pdf_files.lines(
            50,
            650,
            [
                "The first line of the text goes on and on until the mar-",
                "gin is reached, and ends on the second line.",
            ],
        )
        + pdf_files.text(50, 610, "Another paragraph stands after a gap in the page here.")
    )
    data = pdf_files.pdf(first, "", pdf_files.text(50, 700, "Third page."))
    document = parse(data, filename="x.pdf")
    joined = (
        "The first line of the text goes on and on until the margin is reached,"
        " and ends on the second line."
    )

    assert document.title == "A large heading"
    assert blocks(document) == [
        ("heading", "A large heading"),
        ("paragraph", joined),
        ("paragraph", "Another paragraph stands after a gap in the page here."),
        ("paragraph", "Third page."),
    ]
    assert [page.number for page in document.pages] == [1, 2, 3]
    assert [document.text[p.start : p.end] for p in document.pages][1:] == ["", "Third page."]


def test_a_pdf_without_a_text_layer_is_called_empty() -> None:
    assert isinstance(refused(pdf_files.pdf(""), "x.pdf"), NoText)


# DOCX


def test_a_word_file_gives_headings_lists_and_tables() -> None:
    def fill(document: docx.document.Document) -> None:
        document.core_properties.title = ""
        document.add_heading("Report", level=1)
        document.add_paragraph("Some text.")
        document.add_paragraph("first", style="List Bullet")
        document.add_paragraph("second", style="List Number")
        table = document.add_table(rows=2, cols=2)
        for cell, text in zip(table._cells, ["a", "b", "c", "d"], strict=True):
            cell.text = text
        document.add_heading("Part", level=2)

    document = parse(word(fill), filename="x")

    assert document.kind == "docx"
    assert document.title == "Report"
    assert blocks(document) == [
        ("heading", "Report"),
        ("paragraph", "Some text."),
        ("list", "- first\n1. second"),
        ("table", "a | b\nc | d"),
        ("heading", "Part"),
    ]
    assert [b.level for b in document.blocks if b.kind == "heading"] == [1, 2]


def test_deleted_text_of_a_word_file_is_left_out_and_inserted_text_kept() -> None:
    data = word(lambda document: document.add_paragraph("HERE"))
    run = b"<w:r><w:t>%s</w:t></w:r>"
    changed = (
        b'<w:del w:id="1" w:author="a">' + run % b"old" + b"</w:del>"
        b'<w:ins w:id="2" w:author="a">' + run % b"new" + b"</w:ins>"
    )
    data = with_part(data, "word/document.xml", lambda xml: xml.replace(run % b"HERE", changed))

    assert parse(data, filename="x.docx").text == "new"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_word_file_with_entities_is_refused_before_it_is_parsed(encoding: str) -> None:
    xml = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "words">]><a>&x;</a>'
    data = with_part(word(lambda _: None), "word/styles.xml", lambda _: xml.encode(encoding))
    error = refused(data, "x.docx")

    assert error.reason == "unsafe"
    assert "words" not in error.detail


def test_a_word_file_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = word_file(p("text"))
    padded = word_file(p("text") + " " * 20_000)
    monkeypatch.setattr(package, "_MOST_BYTES", 20_000)

    pictures = word_file(p("text"), others=[("i", "image", "word/media/a.bmp", bytes(50_000))])

    assert parse(data, filename="x.docx").text == "text"
    assert parse(pictures, filename="x.docx").text == "text"  # what is not read is not unpacked
    assert refused(padded, "x.docx").reason == "too_large"


def test_a_word_file_that_is_packed_too_well_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = word_file(p("text"))
    padded = word_file(p("text") + " " * 100_000)
    monkeypatch.setattr(package, "_STEP", 1000)
    monkeypatch.setattr(package, "_MOST_RATIO", 10)

    assert parse(data, filename="x.docx").text == "text"
    assert refused(padded, "x.docx").reason == "too_large"


def test_a_word_file_that_is_cut_off_is_refused() -> None:
    data = word(lambda document: document.add_paragraph("text"))

    assert refused(data[: len(data) // 2], "x.docx").reason == "corrupt"
