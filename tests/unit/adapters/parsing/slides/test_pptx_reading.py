"""Presentations of PowerPoint: slides as pages, text by place, tables, charts, diagrams, notes."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

from collections.abc import Mapping

import pytest

from adapters.parsing.formats import parse
from rag.errors import NoText
from tests.support.files.office_files import relations, zipped
from tests.support.files.parsed_files import blocks

_NS = (
    'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
    ' xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    ' xmlns:dgm="http://schemas.openxmlformats.org/drawingml/2006/diagram"'
    ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
)


def paragraph(text: str, about: str = "") -> str:
    return f"<a:p><a:pPr {about}/><a:r><a:t>{text}</a:t></a:r></a:p>"


def frame(x: int, y: int, width: int, height: int, tag: str = "a:xfrm") -> str:
    return f'<{tag}><a:off x="{x}" y="{y}"/><a:ext cx="{width}" cy="{height}"/></{tag}>'


def box(
    x: int, y: int, *paragraphs: str, width: int = 300, height: int = 90, role: str = ""
) -> str:
    body = "".join(p if p.startswith("<") else paragraph(p) for p in paragraphs)
    place = f"<p:ph {role}/>" if role else ""
    shape = frame(x, y, width, height) if width else ""
    return (
        f"<p:sp><p:nvSpPr><p:nvPr>{place}</p:nvPr></p:nvSpPr><p:spPr>{shape}</p:spPr>"
        f"<p:txBody>{body}</p:txBody></p:sp>"
    )


def graphic(x: int, y: int, inside: str) -> str:
    place = frame(x, y, 300, 90, "p:xfrm")
    return f"<p:graphicFrame>{place}<a:graphic><a:graphicData>{inside}</a:graphicData></a:graphic></p:graphicFrame>"


def pptx(
    *slides: str,
    hidden: int = 0,
    links: Mapping[int, str] | None = None,
    parts: Mapping[str, str] | None = None,
    title: str = "",
) -> bytes:
    count = range(1, len(slides) + 1)
    listed = "".join(f'<p:sldId id="{255 + n}" r:id="r{n}"/>' for n in count)
    core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties"
    top = relations(
        ("r1", "officeDocument", "ppt/presentation.xml"), ("c", core, "docProps/core.xml")
    )
    found = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": top,
        "docProps/core.xml": f'<c xmlns:dc="d"><dc:title>{title}</dc:title></c>',
        "ppt/presentation.xml": f"<p:presentation {_NS}><p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": relations(
            *((f"r{n}", "slide", f"slides/slide{n}.xml") for n in count)
        ),
    }
    for n, body in enumerate(slides, start=1):
        shown = ' show="0"' if n == hidden else ""
        found[f"ppt/slides/slide{n}.xml"] = (
            f"<p:sld {_NS}{shown}><p:cSld><p:spTree>{body}</p:spTree></p:cSld></p:sld>"
        )
        if links and n in links:
            found[f"ppt/slides/_rels/slide{n}.xml.rels"] = links[n]
    return zipped(found | dict(parts or {}))


def test_each_slide_is_a_page_that_begins_with_its_title() -> None:
    first = box(0, 500, "Below") + box(0, 900, "The title", role='type="title"')
    document = parse(
        pptx(first, "", box(0, 0, "Third"), title="PowerPoint Presentation"), filename="x"
    )

    assert document.kind == "pptx"
    assert document.title == "The title"
    assert blocks(document) == [
        ("heading", "The title"), ("paragraph", "Below"), ("paragraph", "Third"),
    ]  # fmt: skip
    assert [(p.number, document.text[p.start : p.end]) for p in document.pages] == [
        (1, "The title\n\nBelow"), (2, ""), (3, "Third"),
    ]  # fmt: skip


def test_columns_are_read_one_after_the_other_and_rows_of_boxes_row_by_row() -> None:
    columns = (
        box(600, 300, "right body", height=300) + box(600, 200, "right head")
        + box(0, 300, "left body", height=300) + box(0, 200, "left head")
        + box(0, 0, "across", width=900)
    )  # fmt: skip
    rows = box(400, 300, "four") + box(0, 300, "three") + box(400, 0, "two") + box(0, 0, "one")

    assert parse(pptx(columns), filename="x").text.split("\n\n") == [
        "across", "left head", "left body", "right head", "right body",
    ]  # fmt: skip
    assert parse(pptx(rows), filename="x").text.split("\n\n") == ["one", "two", "three", "four"]


def test_groups_are_read_at_any_depth_as_a_whole() -> None:
    inner = f"<p:grpSp><p:grpSpPr>{frame(0, 0, 9, 9)}</p:grpSpPr>{box(5, 50, 'c')}{box(5, 0, 'b')}</p:grpSp>"
    outer = f"<p:grpSp><p:grpSpPr>{frame(0, 200, 300, 90)}</p:grpSpPr>{inner}</p:grpSp>"

    assert (
        parse(pptx(outer + box(0, 0, "a") + box(0, 400, "d")), filename="x").text
        == "a\n\nb\n\nc\n\nd"
    )


def test_a_place_that_only_the_layout_has_counts() -> None:
    layout = (
        f"<p:sldLayout {_NS}><p:cSld><p:spTree>"
        + box(0, 900, "prompt", role='type="body" idx="1"')
        + box(0, 100, "prompt", role='type="body" idx="2"')
        + "</p:spTree></p:cSld></p:sldLayout>"
    )
    slide = box(0, 0, "low", width=0, role='idx="1"') + box(0, 0, "high", width=0, role='idx="2"')
    document = parse(
        pptx(
            slide,
            links={1: relations(("l", "slideLayout", "../slideLayouts/slideLayout1.xml"))},
            parts={"ppt/slideLayouts/slideLayout1.xml": layout},
        ),
        filename="x",
    )

    assert document.text == "high\n\nlow"


def test_lists_keep_their_depth_and_numbers() -> None:
    bullet = "<a:p><a:pPr lvl='{}'><a:buChar char='•'/></a:pPr><a:r><a:t>{}</a:t></a:r></a:p>"
    number = "<a:p><a:pPr><a:buAutoNum type='{}'/></a:pPr><a:r><a:t>{}</a:t></a:r></a:p>"
    body = box(
        0, 0, "Before", bullet.format(0, "a"), bullet.format(1, "b"), "Between",
        number.format("alphaLcParenR", "x"), number.format("alphaLcParenR", "y"),
    )  # fmt: skip

    assert blocks(parse(pptx(body), filename="x")) == [
        ("paragraph", "Before"), ("list", "- a\n  - b"), ("paragraph", "Between"), ("list", "a) x\nb) y"),
    ]  # fmt: skip


def test_fields_and_breaks_are_read_and_what_repeats_on_each_slide_is_not() -> None:
    field = "<a:p><a:r><a:t>on </a:t></a:r><a:fld id='x'><a:t>5 May</a:t></a:fld><a:br/><a:r><a:t>sharp</a:t></a:r></a:p>"
    slide = (
        box(0, 0, field) + box(0, 900, "Company", role='type="ftr"')
        + box(0, 900, "7", role='type="sldNum"')
        + box(0, 900, "<a:p><a:fld id='y'><a:t>today</a:t></a:fld></a:p>", role='type="dt"')
    )  # fmt: skip

    assert parse(pptx(slide), filename="x").text == "on 5 May\nsharp"


def test_a_table_is_a_grid_with_merged_cells_repeated() -> None:
    def cell(text: str, about: str = "") -> str:
        return f"<a:tc {about}><a:txBody>{paragraph(text)}</a:txBody></a:tc>"

    rows = [
        cell("Item") + cell("Prices", 'gridSpan="2"') + cell("", 'hMerge="1"'),
        cell("Pump", 'rowSpan="2"') + cell("1") + cell(""),
        cell("", 'vMerge="1"') + cell("3") + cell("4"),
    ]
    table = "".join(f"<a:tr>{row}</a:tr>" for row in rows)
    slide = graphic(0, 0, f'<a:tbl><a:tblPr firstRow="1"/>{table}</a:tbl>')
    document = parse(pptx(slide), filename="x")

    assert document.text == "Item | Prices | Prices\nPump | 1 |\nPump | 3 | 4"
    (block,) = document.blocks
    assert document.text[: block.header] == "Item | Prices | Prices\n"


def points(tag: str, *values: str, code: str = "") -> str:
    inside = "".join(f'<c:pt idx="{n}"><c:v>{v}</c:v></c:pt>' for n, v in enumerate(values) if v)
    code = f"<c:formatCode>{code}</c:formatCode>" if code else ""
    return f"<c:{tag}>{code}{inside}</c:{tag}>"


def chart_slide(chart: str) -> bytes:
    return pptx(
        graphic(0, 0, '<c:chart r:id="c1"/>'),
        links={1: relations(("c1", "chart", "../charts/chart1.xml"))},
        parts={
            "ppt/charts/chart1.xml": f"<c:chartSpace {_NS}><c:chart>{chart}</c:chart></c:chartSpace>"
        },
    )


def test_a_chart_gives_its_title_categories_and_values() -> None:
    def series(name: str, *values: str) -> str:
        categories = points("strCache", "North", "South")
        numbers = points("numCache", *values, code="0%")
        return (
            f"<c:ser><c:tx><c:strRef>{points('strCache', name)}</c:strRef></c:tx><c:cat>{categories}</c:cat>"
            f"<c:val><c:numRef>{numbers}</c:numRef></c:val></c:ser>"
        )

    title = f"<c:title><c:tx><c:rich>{paragraph('Share')}</c:rich></c:tx></c:title>"
    axis = f"<c:valAx><c:title><c:tx><c:rich>{paragraph('Percent')}</c:rich></c:tx></c:title></c:valAx>"
    document = parse(
        chart_slide(
            f"{title}<c:barChart>{series('2023', '0.19', '0.25')}{series('2024', '0.2', '')}</c:barChart>{axis}"
        ),
        filename="x",
    )

    assert document.text.split("\n\n") == [
        "Share", "Axes: Percent", "Category | 2023 | 2024\nNorth | 19% | 20%\nSouth | 25% |",
    ]  # fmt: skip
    assert document.blocks[2].header == len("Category | 2023 | 2024\n")


def test_a_scatter_chart_gives_both_values_of_each_point() -> None:
    run = f"<c:ser><c:xVal>{points('numLit', '1', '2')}</c:xVal><c:yVal>{points('numLit', '2.5', '3')}</c:yVal></c:ser>"

    assert parse(chart_slide(f"<c:scatterChart>{run}</c:scatterChart>"), filename="x").text == (
        "X | Value\n1 | 2.5\n2 | 3"
    )


def test_a_chart_without_values_is_told() -> None:
    with pytest.raises(NoText, match="A chart on slide 1 has no stored values"):
        parse(chart_slide("<c:barChart/>"), filename="x")


def test_the_words_of_a_diagram_are_a_nested_list() -> None:
    def point(name: str, text: str, kind: str = "node") -> str:
        return f'<dgm:pt modelId="{name}" type="{kind}"><dgm:t>{paragraph(text)}</dgm:t></dgm:pt>'

    def link(source: str, target: str, order: int) -> str:
        return f'<dgm:cxn srcId="{source}" destId="{target}" srcOrd="{order}"/>'

    data = (
        f"<dgm:dataModel {_NS}><dgm:ptLst>{point('0', '', 'doc')}{point('2', 'Build')}{point('1', 'Plan')}"
        f"{point('3', 'Ask')}{point('9', 'shown again', 'pres')}</dgm:ptLst><dgm:cxnLst>"
        f"{link('0', '2', 1)}{link('0', '1', 0)}{link('1', '3', 0)}</dgm:cxnLst></dgm:dataModel>"
    )
    slide = graphic(0, 0, '<dgm:relIds r:dm="d1"/>')
    document = parse(
        pptx(
            slide,
            links={1: relations(("d1", "diagramData", "../diagrams/data1.xml"))},
            parts={"ppt/diagrams/data1.xml": data},
        ),
        filename="x",
    )

    assert document.text == "- Plan\n  - Ask\n- Build"


def test_alternatives_are_read_once() -> None:
    both = (
        f"<mc:AlternateContent><mc:Choice>{box(0, 0, 'new')}</mc:Choice>"
        f"<mc:Fallback>{box(0, 0, 'old')}</mc:Fallback></mc:AlternateContent>"
    )

    assert parse(pptx(both), filename="x").text == "new"


def test_notes_and_comments_are_read_and_hidden_slides_are_told() -> None:
    said = box(0, 0, "Smile.", role='type="body"') + box(0, 0, "1", role='type="sldNum"')
    notes = f"<p:notes {_NS}><p:cSld><p:spTree>{said}</p:spTree></p:cSld></p:notes>"
    document = parse(
        pptx(
            box(0, 0, "Seen"),
            box(0, 0, "unseen"),
            hidden=2,
            links={
                1: relations(
                    ("n", "notesSlide", "../notesSlides/notesSlide1.xml"),
                    ("k", "comments", "../comments/comment1.xml"),
                )
            },
            parts={
                "ppt/notesSlides/notesSlide1.xml": notes,
                "ppt/comments/comment1.xml": "<l><cm authorId='3'><text>Why?</text></cm>"
                "<cm authorId='{9}'><txBody><p><r><t>Because.</t></r></p></txBody></cm>"
                "<cm><text>So.</text></cm></l>",
                "ppt/commentAuthors.xml": "<l><cmAuthor id='3' name='Ann Lee'/></l>",
                "ppt/authors.xml": "<l><author id='{9}' name='Bo Ek'/></l>",
                "ppt/_rels/presentation.xml.rels": relations(
                    ("r1", "slide", "slides/slide1.xml"),
                    ("r2", "slide", "slides/slide2.xml"),
                    ("a", "commentAuthors", "commentAuthors.xml"),
                    ("b", "authors", "authors.xml"),
                ),
            },
        ),
        filename="x",
    )

    assert document.text.split("\n\n") == [
        *("Seen", "Notes: Smile.", "Comment by Ann Lee: Why?", "Comment by Bo Ek: Because."),
        "Comment: So.",
    ]
    assert document.notes == ("Slide 2 is hidden and was left out.",)
    assert [page.number for page in document.pages] == [1, 2]


def test_a_missing_slide_is_told_and_the_others_are_read() -> None:
    data = pptx(box(0, 0, "One"), "<broken")
    document = parse(data, filename="x")

    assert document.text == "One"
    assert document.notes == ("Slide 2 is missing in the file or damaged.",)
