"""Small files with one table each, written as the formats have them, for tests."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

from tests.support.files.office_files import relations, zipped
from tests.support.files.wordfiles import tbl, tr, word_file


def page(cells: list[list[str]]) -> bytes:
    lines = ("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in cells)
    return f"<html><body><table>{''.join(lines)}</table></body></html>".encode()


def word(cells: list[list[str]]) -> bytes:
    return word_file(tbl(*(tr(*row) for row in cells)))


def rich_text(cells: list[list[str]]) -> bytes:
    def sign(c: str) -> str:
        return c if c.isascii() else rf"\u{ord(c)}?"

    lines = (
        r"\trowd" + "".join(rf"\cellx{n}000" for n in range(1, len(row) + 1)) + " "
        + "".join(rf"\intbl {''.join(map(sign, cell))}\cell " for cell in row) + r"\row "
        for row in cells
    )  # fmt: skip
    return (r"{\rtf1 " + "".join(lines) + "}").encode()


def opendocument(cells: list[list[str]], *, styles: str = "", first: str = "") -> bytes:
    def cell(words: str, style: str) -> str:
        return f'<t:table-cell><x:p x:style-name="{style}">{words}</x:p></t:table-cell>'

    lines = (
        "<t:table-row>"
        + "".join(cell(words, "" if n else first) for words in row)
        + "</t:table-row>"
        for n, row in enumerate(cells)
    )
    content = (
        '<o:d xmlns:o="o" xmlns:x="x" xmlns:t="t" xmlns:s="s" xmlns:f="f"><o:automatic-styles>'
        f"{styles}</o:automatic-styles><o:body><o:text><t:table>{''.join(lines)}</t:table></o:text></o:body></o:d>"
    )
    return zipped({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": content})


def slide(cells: list[list[str]], *, bold: bool = False) -> bytes:
    def cell(words: str, n: int) -> str:
        snapshot = '<a:rPr b="1"/>' if bold and not n else ""
        return (
            f"<a:tc><a:txBody><a:p><a:r>{snapshot}<a:t>{words}</a:t></a:r></a:p></a:txBody></a:tc>"
        )

    names = 'xmlns:a="a" xmlns:p="p" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    lines = ("<a:tr>" + "".join(cell(c, n) for c in row) + "</a:tr>" for n, row in enumerate(cells))
    table = f"<p:graphicFrame><a:graphic><a:graphicData><a:tbl>{''.join(lines)}</a:tbl></a:graphicData></a:graphic></p:graphicFrame>"
    return zipped({
        "_rels/.rels": relations(("r1", "officeDocument", "ppt/presentation.xml")),
        "ppt/presentation.xml": f'<p:p {names}><p:sldIdLst><p:sldId id="256" r:id="r1"/></p:sldIdLst></p:p>',
        "ppt/_rels/presentation.xml.rels": relations(("r1", "slide", "slides/slide1.xml")),
        "ppt/slides/slide1.xml": f"<p:sld {names}><p:cSld><p:spTree>{table}</p:spTree></p:cSld></p:sld>",
    })  # fmt: skip
