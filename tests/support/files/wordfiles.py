"""Word files for tests, written as the XML that the tests are about."""

from collections.abc import Mapping, Sequence

from tests.support.files.office_files import relations, zipped

_SCHEMAS = "http://schemas.openxmlformats.org"
_OFFICE = f"{_SCHEMAS}/officeDocument/2006/relationships"
NAMES = " ".join(
    f'xmlns:{prefix}="{address}"'
    for prefix, address in {
        "w": f"{_SCHEMAS}/wordprocessingml/2006/main",
        "r": _OFFICE,
        "m": f"{_SCHEMAS}/officeDocument/2006/math",
        "mc": f"{_SCHEMAS}/markup-compatibility/2006",
        "a": f"{_SCHEMAS}/drawingml/2006/main",
        "c": f"{_SCHEMAS}/drawingml/2006/chart",
        "dgm": f"{_SCHEMAS}/drawingml/2006/diagram",
        "wp": f"{_SCHEMAS}/drawingml/2006/wordprocessingDrawing",
        "wps": "http://schemas.microsoft.com/office/word/2010/wordprocessingShape",
        "v": "urn:schemas-microsoft-com:vml",
        "o": "urn:schemas-microsoft-com:office:office",
    }.items()
)
HEADINGS = "".join(
    f'<w:style w:type="paragraph" w:styleId="H{n}"><w:name w:val="heading {n}"/></w:style>'
    for n in (1, 2, 3)
)


def p(words: str = "", *, style: str = "", properties: str = "", runs: str = "") -> str:
    """Write a paragraph of *words*, or of *runs* as they are."""
    named = f'<w:pStyle w:val="{style}"/>' if style else ""
    return f"<w:p><w:pPr>{named}{properties}</w:pPr>{runs or r(words)}</w:p>"


def r(words: str, properties: str = "") -> str:
    """Write a run."""
    return f'<w:r><w:rPr>{properties}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'


def numbered(words: str, num_id: int = 1, level: int = 0, *, style: str = "") -> str:
    """Write a paragraph that names its list."""
    number = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{num_id}"/></w:numPr>'
    return p(words, style=style, properties=number)


def level(n: int, form: str, pattern: str, more: str = "", *, start: int = 1) -> str:
    """Write a level of a list."""
    return (
        f'<w:lvl w:ilvl="{n}"><w:start w:val="{start}"/><w:numFmt w:val="{form}"/>{more}'
        f'<w:lvlText w:val="{pattern}"/></w:lvl>'
    )


def lists(*abstract: str, nums: Mapping[int, tuple[int, str]] | None = None) -> str:
    """Write a numbering part; *nums* has (abstract list, overrides) by number."""
    whole = "".join(
        f'<w:abstractNum w:abstractNumId="{n}">{levels}</w:abstractNum>'
        for n, levels in enumerate(abstract)
    )
    nums = nums or {n + 1: (n, "") for n in range(len(abstract))}
    return whole + "".join(
        f'<w:num w:numId="{n}"><w:abstractNumId w:val="{of}"/>{more}</w:num>'
        for n, (of, more) in nums.items()
    )


def tc(*content: str, properties: str = "") -> str:
    """Write a cell; plain words become a paragraph."""
    inside = "".join(c if c.startswith("<w:") else p(c) for c in content) or "<w:p/>"
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{inside}</w:tc>"


def tr(*cells: str, properties: str = "") -> str:
    """Write a row; plain words become cells."""
    inside = "".join(c if c.startswith("<w:") else tc(c) for c in cells)
    return f"<w:tr><w:trPr>{properties}</w:trPr>{inside}</w:tr>"


def tbl(*rows: str, properties: str = "") -> str:
    """Write a table."""
    return f"<w:tbl><w:tblPr>{properties}</w:tblPr>{''.join(rows)}</w:tbl>"


def word_file(
    body: str,
    *,
    parts: Mapping[str, str] | None = None,
    others: Sequence[tuple[str, str, str, bytes]] = (),
    title: str = "",
    main: str = "word/document.xml",
    strict: bool = False,
    external: Mapping[str, str] | None = None,
) -> bytes:
    """
    Write a Word file.

    Args:
        body: What stands in the body.

        parts: Inner XML of the parts `styles`, `numbering`, `footnotes`, `endnotes`, `comments`,
            `header1`, `footer1` and so on; the id of its relationship is the part's name.

        others: Further parts: id, last word of the relationship's type, name and bytes.

        title: The title among the core properties.

        main: The name of the main part.

        strict: Use the namespaces of the strict form.

        external: Targets outside the file, by the ids of their relationships.
    """
    roots = {"header": "hdr", "footer": "ftr"}
    written = {main: f"<w:document {NAMES}><w:body>{body}</w:body></w:document>"}
    related = []
    for name, inner in (parts or {}).items():
        kind = name.rstrip("0123456789")
        root = roots.get(kind, kind)
        written[f"word/{name}.xml"] = f"<w:{root} {NAMES}>{inner}</w:{root}>"
        related.append((name, kind, f"{name}.xml"))
    related += [(key, kind, f"/{name}") for key, kind, name, _ in others]
    outside = [(key, "aFChunk", target) for key, target in (external or {}).items()]
    written[f"word/_rels/{main.rsplit('/', 1)[1]}.rels"] = relations(*related, external=outside)
    written["_rels/.rels"] = relations(
        ("a", "officeDocument", main), ("b", "core-properties", "core.xml")
    )
    written["core.xml"] = (
        f'<cp:coreProperties xmlns:cp="{_SCHEMAS}/package/2006/metadata/core-properties"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>{title}</dc:title>'
        "</cp:coreProperties>"
    )
    written["[Content_Types].xml"] = (
        f'<Types xmlns="{_SCHEMAS}/package/2006/content-types">'
        '<Default Extension="xml" ContentType="application/xml"/></Types>'
    )
    whole: dict[str, str | bytes] = {}
    for name, text in written.items():
        if strict:
            for kind in ("wordprocessingml", "officeDocument", "drawingml"):
                text = text.replace(  # noqa: PLW2901 - rewritten
                    f"{_SCHEMAS}/{kind}/2006/", f"http://purl.oclc.org/ooxml/{kind}/"
                )
        whole[name] = f'<?xml version="1.0" encoding="UTF-8"?>{text}'
    return zipped(whole | {name: data for _, _, name, data in others})
