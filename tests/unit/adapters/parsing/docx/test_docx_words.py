"""Words that stand outside the body's own paragraphs: none is lost, none comes twice."""

import pytest

from adapters.parsing.formats import parse
from rag.documents import ParsedDocument
from rag.errors import NoText
from tests.support.files.parsed_files import blocks
from tests.support.files.wordfiles import HEADINGS, level, lists, numbered, p, r, tbl, tr, word_file

FOOT = '<w:r><w:footnoteReference w:id="{}"/></w:r>'
END = '<w:r><w:endnoteReference w:id="{}"/></w:r>'
SEPARATORS = (
    '<w:{0} w:type="separator" w:id="-1"><w:p><w:r><w:t>___</w:t></w:r></w:p></w:{0}>'
    '<w:{0} w:type="continuationSeparator" w:id="0"><w:p><w:r><w:t>___</w:t></w:r></w:p></w:{0}>'
)


def note(kind: str, name: int, *words: str) -> str:
    return f'<w:{kind} w:id="{name}">{"".join(map(p, words))}</w:{kind}>'


def read(body: str, **more: object) -> ParsedDocument:
    return parse(word_file(body, **more), filename="a.docx")  # type: ignore[arg-type]


def texts(document: ParsedDocument) -> list[str]:
    return [words for _, words in blocks(document)]


def box(words: str) -> str:
    """A text box as Word writes it: once for new readers and once for old ones."""
    content = f"<w:txbxContent>{p(words)}</w:txbxContent>"
    return (
        "<w:r><mc:AlternateContent><mc:Choice Requires='wps'><w:drawing><wps:txbx>"
        f"{content}</wps:txbx></w:drawing></mc:Choice><mc:Fallback><w:pict><v:shape><v:textbox>"
        f"{content}</v:textbox></v:shape></w:pict></mc:Fallback></mc:AlternateContent></w:r>"
    )


def field(code: str, result: str) -> str:
    mark = '<w:r><w:fldChar w:fldCharType="{}"/></w:r>'
    return (
        mark.format("begin")
        + f"<w:r><w:instrText> {code} </w:instrText></w:r>"
        + mark.format("separate")
        + result
        + mark.format("end")
    )


def test_notes_follow_their_paragraph_under_the_mark_that_stands_in_it() -> None:
    body = p(
        runs=r("Doors close at six") + FOOT.format(2) + r(" on weekdays") + END.format(2) + r(".")
    ) + p(runs=r("The keys are kept below.") + FOOT.format(5))
    parts = {
        "footnotes": SEPARATORS.format("footnote")
        + note("footnote", 2, "At five in winter.", "Ask the porter.")
        + note("footnote", 5, "In the red box."),
        "endnotes": SEPARATORS.format("endnote") + note("endnote", 2, "Since 2019."),
    }

    assert texts(read(body, parts=parts)) == [
        "Doors close at six[note 1] on weekdays[note 3].",
        "[note 1] “Doors close at six”: At five in winter. Ask the porter.",
        "[note 3] “Doors close at six on weekdays”: Since 2019.",
        "The keys are kept below.[note 2]",
        "[note 2] “The keys are kept below”: In the red box.",
    ]


def test_notes_of_a_list_follow_it_whole_and_notes_of_a_table_follow_the_table() -> None:
    item = '<w:numPr><w:ilvl w:val="0"/><w:numId w:val="1"/></w:numPr>'
    body = (
        p(properties=item, runs=r("one") + FOOT.format(1))
        + p("two", properties=item)
        + tbl(tr("a", f"<w:tc>{p(runs=r('b') + FOOT.format(2))}</w:tc>"))
        + p("End.")
    )
    parts = {
        "footnotes": note("footnote", 1, "First.") + note("footnote", 2, "Second."),
        "numbering": lists(level(0, "bullet", "-")),
    }

    assert texts(read(body, parts=parts)) == [
        "- one[note 1]\n- two",
        "[note 1] “one”: First.",
        "a | b[note 2]",
        "[note 2] “b”: Second.",
        "End.",
    ]


def test_a_document_whose_only_words_are_in_a_note_is_read() -> None:
    document = read(
        p(runs=FOOT.format(1)), parts={"footnotes": note("footnote", 1, "The shop moved.")}
    )

    assert document.text == "[note 1] The shop moved."


def test_a_note_repeats_the_sentence_it_is_on_and_no_more() -> None:
    long = "and so on " * 30
    body = p(runs=r("One. Two is short.") + FOOT.format(1) + r(f" {long}") + FOOT.format(2))
    notes = note("footnote", 1, "First.") + note("footnote", 2, "Second.")
    _, first, second = texts(read(body, parts={"footnotes": notes}))

    assert first == "[note 1] “Two is short”: First."
    assert second.startswith("[note 2] “… ")
    assert len(second) < 160


def test_a_note_whose_reference_was_deleted_is_left_out_with_it() -> None:
    body = p(runs=r("Text.") + f"<w:del>{FOOT.format(1)}</w:del>")

    assert read(body, parts={"footnotes": note("footnote", 1, "Old.")}).text == "Text."


def test_damaged_notes_are_told_and_the_rest_is_read() -> None:
    data = word_file(
        p(runs=r("Text.") + FOOT.format(1)),
        others=[("f", "footnotes", "word/footnotes.xml", b"<w:footnotes><broken")],
    )
    document = parse(data, filename="a.docx")

    assert document.text == "Text."
    assert document.notes == ("The footnotes are damaged and were left out.",)


def test_a_comment_names_its_author_and_what_it_is_on() -> None:
    body = p(
        runs=r("We pay ")
        + '<w:commentRangeStart w:id="4"/>'
        + r("within ten days")
        + '<w:commentRangeEnd w:id="4"/><w:r><w:commentReference w:id="4"/></w:r>'
        + r(".")
    ) + p(runs=r("Next.") + '<w:r><w:commentReference w:id="5"/></w:r>')
    comments = (
        f'<w:comment w:id="4" w:author="Ida Lund">{p("Make it thirty.")}</w:comment>'
        f'<w:comment w:id="5">{p("Why?")}</w:comment>'
        f'<w:comment w:id="6" w:author="Nobody">{p("Lost.")}</w:comment>'
    )

    assert texts(read(body, parts={"comments": comments})) == [
        "We pay within ten days.",
        "Comment by Ida Lund on “within ten days”: Make it thirty.",
        "Next.",
        "Comment: Why?",
    ]


def test_a_text_box_follows_its_paragraph_once() -> None:
    body = p(runs=r("Before ") + box("In the box.") + r("and after."))

    assert texts(read(body)) == ["Before and after.", "In the box."]


def test_the_older_form_is_read_where_the_newer_one_says_nothing() -> None:
    old = f"<w:pict><v:textbox><w:txbxContent>{p('Old.')}</w:txbxContent></v:textbox></w:pict>"
    body = p(
        runs="<w:r><mc:AlternateContent><mc:Choice Requires='x'><w:drawing/></mc:Choice>"
        f"<mc:Fallback>{old}</mc:Fallback></mc:AlternateContent></w:r>"
    )

    assert read(body).text == "Old."


def test_word_art_and_shapes_give_their_words() -> None:
    art = '<w:r><w:pict><v:shape><v:textpath string="Sale"/></v:shape></w:pict></w:r>'
    words = "".join(f"<a:r><a:t>{word}</a:t></a:r>" for word in ("Push ", "here"))
    shape = f"<w:r><w:drawing><a:p>{words}</a:p></w:drawing></w:r>"

    assert texts(read(p(runs=art + shape + r("Text.")))) == ["Text.", "Sale", "Push here"]


def test_content_controls_are_read_wherever_they_stand() -> None:
    def sdt(inside: str) -> str:
        return f"<w:sdt><w:sdtPr/><w:sdtContent>{inside}</w:sdtContent></w:sdt>"

    body = (
        sdt(p("Block."))
        + p(runs=r("In ") + sdt(r("line")) + r("."))
        + tbl(
            sdt(tr("a", sdt("<w:tc>" + p("b") + "</w:tc>"))), tr("c", f"<w:tc>{sdt(p('d'))}</w:tc>")
        )
    )

    assert texts(read(body)) == ["Block.", "In line.", "a | b\nc | d"]


def test_moved_text_stands_where_it_went_and_a_deleted_end_joins_paragraphs() -> None:
    body = (
        p(runs=f"<w:moveFrom>{r('Moved.')}</w:moveFrom>")
        + p("First half, ", properties="<w:rPr><w:del/></w:rPr>")
        + p("second half.")
        + p(runs=f"<w:moveTo>{r('Moved.')}</w:moveTo>")
        + p(runs="<w:del><w:r><w:delText>Gone.</w:delText></w:r></w:del>")
    )
    document = read(body)

    assert texts(document) == ["First half, second half.", "Moved."]
    assert document.notes == ("Text deleted in tracked changes was left out.",)


def test_hidden_text_is_left_out_and_told() -> None:
    styles = (
        '<w:style w:type="character" w:styleId="Inner"><w:rPr><w:vanish/></w:rPr></w:style>'
        '<w:style w:type="character" w:styleId="Inner2"><w:basedOn w:val="Inner"/></w:style>'
        '<w:style w:type="paragraph" w:styleId="Help"><w:name w:val="Help"/>'
        "<w:rPr><w:vanish/></w:rPr></w:style>"
    )
    body = (
        p(
            runs=r("All in")
            + r(" secret", "<w:vanish/>")
            + r(".")
            + r(" x", '<w:vanish w:val="0"/>')
        )
        + p(runs=r("By style", '<w:rStyle w:val="Inner2"/>'))
        + p("Help text", style="Help")
        + p(runs=r("Shown", '<w:vanish w:val="false"/>'), style="Help")
    )
    document = read(body, parts={"styles": styles})

    assert document.text == "All in. x\n\nShown"
    assert document.notes == ("Hidden text was left out.",)


def test_a_file_of_hidden_text_alone_says_why_it_is_empty() -> None:
    with pytest.raises(NoText, match="Hidden text was left out"):
        read(p(runs=r("secret", "<w:vanish/>")))


def test_fields_show_their_results_and_not_their_instructions() -> None:
    inner = field("MERGEFIELD x", r("instruction"))
    nested = (
        '<w:r><w:fldChar w:fldCharType="begin"/></w:r><w:r><w:instrText>IF </w:instrText></w:r>'
        + inner
        + '<w:r><w:fldChar w:fldCharType="separate"/></w:r>'
        + r("yes")
        + '<w:r><w:fldChar w:fldCharType="end"/></w:r>'
    )
    simple = f'<w:fldSimple w:instr="SEQ Figure">{r("4")}</w:fldSimple>'
    link = f'<w:hyperlink r:id="x">{r("the rules")}</w:hyperlink>'
    body = p(runs=r("See ") + link + r(", figure ") + simple + r(": ") + nested)
    unended = p(runs='<w:r><w:fldChar w:fldCharType="begin"/></w:r>') + p("Still here.")

    assert texts(read(body + unended)) == ["See the rules, figure 4: yes", "Still here."]


def test_form_fields_show_what_was_filled_in() -> None:
    def form(data: str) -> str:
        return (
            f'<w:r><w:fldChar w:fldCharType="begin"><w:ffData>{data}</w:ffData></w:fldChar></w:r>'
            '<w:r><w:instrText>FORM</w:instrText></w:r><w:r><w:fldChar w:fldCharType="end"/></w:r>'
        )

    entries = '<w:listEntry w:val="Bergen"/><w:listEntry w:val="Oslo"/>'
    body = p(
        runs=form('<w:checkBox><w:checked w:val="1"/></w:checkBox>')
        + r(" paid ")
        + form("<w:checkBox><w:default w:val='0'/></w:checkBox>")
        + r(" sent to ")
        + form(f'<w:ddList><w:result w:val="1"/>{entries}</w:ddList>')
    )

    assert read(body).text == "☒ paid ☐ sent to Oslo"


def test_signs_of_a_run_are_characters() -> None:
    run = (
        "<w:r><w:t>a</w:t><w:tab/><w:t>non</w:t><w:noBreakHyphen/><w:t>stop soft</w:t>"
        '<w:softHyphen/><w:t>ly </w:t><w:sym w:font="Wingdings" w:char="F0FC"/>'
        '<w:sym w:font="Symbol" w:char="F061"/><w:sym w:font="Arial" w:char="20AC"/><w:br/>'
        "<w:t>b</w:t><w:cr/><w:t>c</w:t></w:r>"
        '<w:r><w:rPr><w:rFonts w:ascii="Symbol"/></w:rPr><w:t> \uf0b3 2</w:t></w:r>'
    )

    assert read(p(runs=run)).text == "a\tnon-stop softly ✓\u03b1€\nb\nc ≥ 2"


def test_raised_figures_stay_raised_and_raised_words_are_words() -> None:
    up = '<w:vertAlign w:val="superscript"/>'
    runs = r("10") + r("-6", up) + r(" m") + r("2", up) + r(" on the 1") + r("st", up)
    low = r(", CO") + r("2", '<w:vertAlign w:val="subscript"/>')

    assert read(p(runs=runs + low)).text == "10⁻⁶ m² on the 1st, CO2"


def test_a_large_first_letter_belongs_to_its_word() -> None:
    letter = p("O", properties='<w:framePr w:dropCap="drop" w:lines="3"/>')

    assert read(letter + p("nce upon a time.")).text == "Once upon a time."


def test_the_reading_of_a_word_does_not_part_it() -> None:
    ruby = (
        "<w:r><w:ruby><w:rt><w:r><w:t>とう</w:t></w:r></w:rt><w:rubyBase><w:r><w:t>東</w:t></w:r>"
        "</w:rubyBase></w:ruby></w:r>"
    )

    assert read(p(runs=ruby + r("京"))).text == "東京"


def test_equations_are_written_on_one_line() -> None:
    def part(name: str, words: str) -> str:
        return f"<m:{name}><m:r><m:t>{words}</m:t></m:r></m:{name}>"

    fraction = f"<m:f>{part('num', 'a+b')}{part('den', 'c')}</m:f>"
    power = f"<m:sSup>{part('e', 'x')}{part('sup', '2')}</m:sSup>"
    root = f"<m:rad><m:radPr/><m:deg/>{part('e', '2')}</m:rad>"
    total = (
        '<m:nary><m:naryPr><m:chr m:val="∑"/></m:naryPr>'
        f"{part('sub', 'i=1')}{part('sup', 'n')}{part('e', 'i')}</m:nary>"
    )
    rows = "".join(f"<m:mr>{part('e', a)}{part('e', b)}</m:mr>" for a, b in ("12", "34"))
    body = "".join(
        f"<w:p><m:oMathPara><m:oMath>{one}</m:oMath></m:oMathPara></w:p>"
        for one in (fraction, power, root, total, f"<m:d><m:e><m:m>{rows}</m:m></m:e></m:d>")
    )
    mixed = p(runs=r("where") + f"<m:oMath>{power}</m:oMath>" + r(" holds"))

    assert texts(read(body + mixed)) == [
        "(a+b)/c",
        "x^2",
        "√(2)",
        "∑_(i=1)^n i",
        "([1, 2; 3, 4])",
        "where x^2 holds",
    ]


HTML = (
    b"<!DOCTYPE html><html><body><h2>Incident</h2><p>The pump stopped.</p>"
    b"<table><tr><td>a</td><td>b</td></tr></table></body></html>"
)
MAIL = (
    b"MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x\r\n\r\n--x\r\n"
    b"Content-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable"
    b"\r\n\r\n<p>D=E9bit r=E9duit.</p>\r\n--x--\r\n"
)
ROOTED = (
    b'MIME-Version: 1.0\r\nContent-Type: multipart/related; boundary=x; start="<main@x>"'
    b"\r\n\r\n--x\r\nContent-Type: text/html\r\nContent-ID: <frame@x>\r\n\r\n<p>An advert.</p>\r\n"
    b"--x\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-ID: <main@x>\r\n\r\n"
    b"<p>\x93Shut\x94 \x96 5 \x80.</p>\r\n--x--\r\n"
)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("word/rooted.mht", ROOTED, ["Before.", "“Shut” \u2013 5 €.", "After."]),
        ("word/page.html", HTML, ["Before.", "Incident", "The pump stopped.", "a | b", "After."]),
        ("word/page.mht", MAIL, ["Before.", "Débit réduit.", "After."]),
        ("word/page.bin", HTML, ["Before.", "Incident", "The pump stopped.", "a | b", "After."]),
        ("word/page.txt", b"<One>\n\nTwo.", ["Before.", "<One>", "Two.", "After."]),
        ("word/page.txt", b"One.\n\nTwo.", ["Before.", "One.", "Two.", "After."]),
        ("word/page.docx", word_file(p("Inner.")), ["Before.", "Inner.", "After."]),
        ("word/page.rtf", b"{\\rtf1 One.\\par Two.}", ["Before.", "One.", "Two.", "After."]),
    ],
)
def test_an_embedded_text_is_read_where_it_stands(name: str, data: bytes, said: list[str]) -> None:
    body = p("Before.") + '<w:altChunk r:id="x"/>' + p("After.")
    document = read(body, others=[("x", "aFChunk", name, data)])

    assert texts(document) == said
    assert document.notes == ()


@pytest.mark.parametrize(
    ("data", "note"),
    [
        (
            b"<?xml version='1.0'?><w:x>text</w:x>",
            "An embedded part of an unknown kind was left out.",
        ),
        (b"\x00\x01\x02\x03" * 9, "An embedded part of an unknown kind was left out."),
        (b"PK\x03\x04 broken", "An embedded Word file that cannot be read was left out."),
    ],
)
def test_an_embedded_text_that_is_not_read_is_told(data: bytes, note: str) -> None:
    others = [("x", "aFChunk", "word/part.bin", data)]
    document = read(p("Text.") + '<w:altChunk r:id="x"/>', others=others)

    assert document.notes == (note,)
    with pytest.raises(NoText, match=note):
        read('<w:altChunk r:id="x"/>', others=others)


def test_word_files_within_word_files_are_read_to_a_depth_and_their_notes_counted_on() -> None:
    foot = {"footnotes": note("footnote", 1, "Noted.")}
    data = word_file(p("Level 9."))
    for n in range(5):
        data = word_file(
            p(runs=r(f"Level {n}.") + FOOT.format(1)) + '<w:altChunk r:id="x"/>',
            parts=foot,
            others=[("x", "aFChunk", "word/inner.docx", data)],
        )
    document = parse(data, filename="a.docx")

    assert [t for t in texts(document) if t.startswith("Level")] == [
        f"Level {n}.[note {5 - n}]" for n in (4, 3, 2, 1)
    ]
    assert document.notes == ("Word files embedded more than 3 deep were left out.",)


def test_notes_after_an_embedded_word_file_have_marks_of_their_own() -> None:
    notes = {"footnotes": note("footnote", 1, "One.") + note("footnote", 2, "Two.")}
    inner = word_file(p(runs=r("Inner") + FOOT.format(1)), parts=notes)
    body = (
        p(runs=r("First") + FOOT.format(1))
        + '<w:altChunk r:id="x"/>'
        + p(runs=r("Last") + FOOT.format(2))
    )
    document = read(body, parts=notes, others=[("x", "aFChunk", "word/inner.docx", inner)])

    assert texts(document)[::2] == ["First[note 1]", "Inner[note 3]", "Last[note 2]"]


def test_a_text_outside_the_file_is_told() -> None:
    document = read(p("Text.") + '<w:altChunk r:id="x"/>', external={"x": "http://x.test/a.html"})

    assert document.notes == ("An embedded text that lies outside the file was left out.",)


def test_headers_and_footers_say_once_what_the_body_does_not() -> None:
    number = field("PAGE", r("1"))
    parts = {
        "header1": p("Contract 4711") + p("Rules of the house"),
        "header2": p("Contract 4711") + p("Part two"),
        "footer1": p(runs=r("Page ") + number + r(" of ") + field("NUMPAGES", r("9")))
        + p(runs=r("Confidential | page ") + number)
        + p(runs=r("Seite 2-") + number)
        + p(runs=f'<w:fldSimple w:instr=" PAGE ">{r("7")}</w:fldSimple>'),
        "footer2": p("never used"),
    }
    sections = "".join(
        f'<w:{kind}Reference r:id="{kind}{n}"/>'
        for kind, n in (("header", 1), ("header", 2), ("footer", 1))
    )
    body = p("RULES of the  house apply.") + p("End.") + f"<w:sectPr>{sections}</w:sectPr>"

    assert texts(read(body, parts=parts)) == [
        "Contract 4711",
        "Part two",
        "RULES of the  house apply.",
        "End.",
        "Confidential",
    ]


def test_diagrams_and_charts_give_their_words() -> None:
    points = "".join(
        f"<dgm:pt><dgm:t><a:p><a:r><a:t>{words}</a:t></a:r></a:p></dgm:t></dgm:pt>"
        for words in ("Ask", "Check", "Sign")
    )
    cache = "".join(
        f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate(("2023", "2024"))
    )
    values = "".join(f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate((5, 7)))
    chart = (
        "<c:chart><c:title><c:tx><c:rich><a:p><a:r><a:t>Visitors</a:t></a:r></a:p></c:rich></c:tx>"
        "</c:title><c:plotArea><c:barChart><c:ser><c:tx><c:strRef><c:strCache>"
        '<c:pt idx="0"><c:v>Adults</c:v></c:pt></c:strCache></c:strRef></c:tx><c:cat><c:strRef>'
        f"<c:strCache>{cache}</c:strCache></c:strRef></c:cat><c:val><c:numRef><c:numCache>{values}"
        "</c:numCache></c:numRef></c:val></c:ser></c:barChart></c:plotArea></c:chart>"
    )
    schemas = "http://schemas.openxmlformats.org/drawingml/2006"
    names = f'xmlns:a="{schemas}/main" xmlns:c="{schemas}/chart" xmlns:dgm="{schemas}/diagram"'
    others = [
        (
            "d",
            "diagramData",
            "word/data.xml",
            f"<dgm:dataModel {names}>{points}</dgm:dataModel>".encode(),
        ),
        ("c", "chart", "word/chart.xml", f"<c:chartSpace {names}>{chart}</c:chartSpace>".encode()),
        ("e", "chart", "word/empty.xml", f"<c:chartSpace {names}/>".encode()),
    ]
    drawings = '<w:drawing><dgm:relIds r:dm="d"/><c:chart r:id="c"/><c:chart r:id="e"/></w:drawing>'
    document = read(p(runs=f"<w:r>{drawings}</w:r>"), others=others)

    assert texts(document) == [
        "- Ask\n- Check\n- Sign",
        "Visitors",
        "Category | Adults\n2023 | 5\n2024 | 7",
    ]
    assert document.notes == ("A chart was left out.",)


def test_embedded_objects_are_told_by_what_they_are() -> None:
    embedded = '<w:r><w:object><o:OLEObject ProgID="Excel.Sheet.12"/></w:object></w:r>'

    assert read(p(runs=r("Text.") + embedded)).notes == ("An embedded Excel sheet was left out.",)


def test_spans_stay_exact_whatever_is_put_together() -> None:
    body = (
        p("Title", style="H1")
        + numbered(" one ")
        + numbered("")
        + p(runs=r(" x ") + box(" ") + FOOT.format(1))
        + tbl(tr("", "b"), tr("", ""))
    )
    document = read(body, parts={"styles": HEADINGS, "footnotes": note("footnote", 1, " n ")})

    end = 0
    for block in document.blocks:
        assert not document.text[end : block.start].strip()
        assert document.text[block.start : block.end].strip()
        end = block.end
    assert texts(document) == ["Title", "- one", "x [note 1]", "[note 1] “x”: n", "| b"]
