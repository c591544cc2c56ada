"""Word files of every make, and what they are called."""

import base64
import io
import zipfile

import pytest

from adapters.parsing.formats import parse
from adapters.parsing.markup.html_text import parse_html
from rag.errors import NoText, Unreadable
from tests.support.files.office_files import with_part
from tests.support.files.parsed_files import refused
from tests.support.files.wordfiles import HEADINGS, p, word_file

TITLE = '<w:style w:type="paragraph" w:styleId="T"><w:name w:val="Title"/></w:style>'


def title(body: str, named: str = "") -> str | None:
    data = word_file(body, parts={"styles": HEADINGS + TITLE}, title=named)
    return parse(data, filename="a.docx").title


def test_the_first_of_several_equal_headings_is_no_title() -> None:
    assert title(p("Terms", style="H1") + p("Delivery", style="H1")) is None
    assert title(p("Terms", style="H2") + p("Delivery", style="H2") + p("x", style="H3")) is None
    assert title(p("Lease", style="H1") + p("Rent", style="H2") + p("Term", style="H2")) == "Lease"


def test_a_heading_far_down_is_no_title() -> None:
    assert title(p("x") * 30 + p("Annex", style="H1")) is None


def test_the_title_rule_holds_for_pages_as_well() -> None:
    page = "<h1>One</h1><p>a</p><h1>Two</h1><p>b</p>"

    assert parse_html(page).title is None
    assert parse_html(page.replace("h1>Two</h1", "h2>Two</h2")).title == "One"


def test_a_paragraph_in_the_style_for_titles_is_the_title() -> None:
    parts = p("Terms", style="H1") + p("Delivery", style="H1")

    assert title(p("Pump lease", style="T") + parts) == "Pump lease"
    assert title(p("Pump lease", style="T") + p("of 2024", style="T") + parts) == (
        "Pump lease of 2024"
    )
    assert title(p("One", style="T") + p("x") + p("Two", style="T") + p("y")) is None


@pytest.mark.parametrize(
    "named",
    [
        *("Microsoft Word - lease.doc", "Document1", "Dokument 2", "Word Document", "Title"),
        *("lease_v3.docx", "Normal.dotm", "Untitled", "???", "文档1"),
    ],
)
def test_a_title_that_a_program_made_up_is_none(named: str) -> None:
    assert title(p("Lease", style="T"), named) == "Lease"
    assert title(p("text"), named) is None


def test_a_title_that_somebody_wrote_comes_first() -> None:
    assert title(p("Lease", style="T"), "Lease of pumps") == "Lease of pumps"


def test_styles_that_are_not_defined_are_known_by_their_names() -> None:
    document = parse(
        word_file(p("Lease", style="Heading1") + p("a", style="ListBullet") + p("b", style="X")),
        filename="a.docx",
    )

    assert [b.kind for b in document.blocks] == ["heading", "list", "paragraph"]


def test_an_outline_level_makes_a_heading_of_a_paragraph_and_body_text_of_a_heading() -> None:
    def at(level: int) -> str:
        return f'<w:outlineLvl w:val="{level}"/>'

    styles = (
        HEADINGS
        + '<w:style w:type="paragraph" w:styleId="C"><w:name w:val="Contents"/><w:basedOn '
        + f'w:val="H1"/><w:pPr>{at(9)}</w:pPr></w:style><w:style w:type="paragraph" w:styleId="L">'
        + f'<w:name w:val="Level"/><w:pPr>{at(2)}</w:pPr></w:style>'
    )
    body = (
        p("a", style="C")
        + p("b", style="L")
        + p("c", properties=at(0))
        + p("d", style="H1", properties=at(9))
    )
    document = parse(word_file(body, parts={"styles": styles}), filename="a.docx")

    assert [(b.kind, b.level) for b in document.blocks] == [
        ("paragraph", 0),
        ("heading", 3),
        ("heading", 1),
        ("paragraph", 0),
    ]


def test_styles_in_a_circle_are_read() -> None:
    styles = "".join(
        f'<w:style w:type="paragraph" w:styleId="{a}"><w:name w:val="{a}"/><w:basedOn w:val="{b}"/>'
        "</w:style>"
        for a, b in ("AB", "BA")
    )

    assert (
        parse(word_file(p("x", style="A"), parts={"styles": styles}), filename="a.docx").text == "x"
    )


def test_the_strict_form_is_read_like_the_usual_one() -> None:
    foot = '<w:r><w:footnoteReference w:id="1"/></w:r>'
    data = word_file(
        p("Lease", style="H1") + p(runs=f"<w:r><w:t>Text.</w:t></w:r>{foot}"),
        parts={"styles": HEADINGS, "footnotes": f'<w:footnote w:id="1">{p("Note.")}</w:footnote>'},
        strict=True,
    )
    document = parse(data, filename="a.docx")

    assert b"purl.oclc.org" in zipfile.ZipFile(io.BytesIO(data)).read("word/document.xml")
    assert document.title == "Lease"
    assert document.text == "Lease\n\nText.[note 1]\n\n[note 1] “Text”: Note."


@pytest.mark.parametrize("main", ["word/document.xml", "word/document2.xml", "word/Document.xml"])
def test_the_body_is_found_by_its_relationship(main: str) -> None:
    assert parse(word_file(p("Text."), main=main), filename="a.docx").text == "Text."


@pytest.mark.parametrize("name", ["a.docm", "a.dotx", "a.dotm", "a"])
def test_macro_files_and_templates_are_read(name: str) -> None:
    assert parse(word_file(p("Text.")), filename=name).text == "Text."


def test_a_file_of_pictures_alone_says_what_to_do() -> None:
    data = word_file(p(), others=[("i", "image", "word/media/scan.png", b"picture")])

    with pytest.raises(NoText, match="run text recognition"):
        parse(data, filename="a.docx")


def flat(data: bytes) -> bytes:
    parts = []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            body = archive.read(name).decode().split("?>", 1)[-1]
            parts.append(
                f'<pkg:part pkg:name="/{name}"><pkg:xmlData>{body}</pkg:xmlData></pkg:part>'
            )
    picture = base64.b64encode(b"picture").decode()
    return (
        '<?xml version="1.0"?><?mso-application progid="Word.Document"?><pkg:package '
        'xmlns:pkg="http://schemas.microsoft.com/office/2006/xmlPackage">'
        f'<pkg:part pkg:name="/word/a.png"><pkg:binaryData>{picture}</pkg:binaryData></pkg:part>'
        f"{''.join(parts)}</pkg:package>"
    ).encode()


@pytest.mark.parametrize("name", ["a.xml", "a.docx", "a"])
def test_a_word_file_that_is_one_xml_file_is_read(name: str) -> None:
    data = flat(word_file(p("Lease", style="H1") + p("Text."), parts={"styles": HEADINGS}))

    assert parse(data, filename=name).text == "Lease\n\nText."
    with pytest.raises(Unreadable, match="damaged"):
        parse(data[:-20], filename=name)


def test_xml_of_word_2003_is_named() -> None:
    data = (
        b'<?xml version="1.0"?><?mso-application progid="Word.Document"?><w:wordDocument '
        b'xmlns:w="http://schemas.microsoft.com/office/word/2003/wordml"/>'
    )

    with pytest.raises(Unreadable, match="Word 2003 XML"):
        parse(data, filename="a.xml")


@pytest.mark.parametrize(
    "name",
    [
        *("core.xml", "word/styles.xml", "word/numbering.xml", "word/header1.xml", "_rels/.rels"),
        *("[Content_Types].xml", "word/_rels/document.xml.rels"),
    ],
)
@pytest.mark.parametrize("body", [b"<broken", b"", None])
def test_a_part_that_is_damaged_or_missing_costs_no_words_of_the_body(
    name: str, body: bytes | None
) -> None:
    reference = '<w:sectPr><w:headerReference r:id="header1"/></w:sectPr>'
    parts = {"styles": HEADINGS, "numbering": "", "header1": p("Head.")}
    data = word_file(p("Text.") + reference, parts=parts)

    assert "Text." in parse(with_part(data, name, lambda _: body), filename="a.docx").text


@pytest.mark.parametrize("body", [b"<broken", b"", b"<other/>", None, b"<a>" * 300 + b"</a>" * 300])
def test_a_damaged_body_is_refused(body: bytes | None) -> None:
    data = with_part(word_file(p("Text.")), "word/document.xml", lambda _: body)

    assert refused(data, "a.docx").reason == "corrupt"


def test_entities_are_refused_under_any_name() -> None:
    xml = b'<!DOCTYPE a [<!ENTITY x "y">]><a>&x;</a>'
    data = word_file(p("Text."), others=[("s", "styles", "word/styles.bin", xml)])

    assert refused(data, "a.docx").reason == "unsafe"
