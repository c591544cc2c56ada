"""Files of Office and mail programs, written by hand for the tests that read them."""

# ruff: noqa: E501 - what lies in a file is written as it lies there

import io
import struct
import zipfile
from collections.abc import Callable, Mapping, Sequence

_R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_SECTOR, _MINI, _CUTOFF = 512, 64, 4096

Tree = Mapping[str, "bytes | Tree"]


def zipped(parts: Mapping[str, str | bytes]) -> bytes:
    """Return a zip archive of *parts* in their order."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in parts.items():
            archive.writestr(name, body)
    return out.getvalue()


def with_part(data: bytes, name: str, change: Callable[[bytes], bytes | None]) -> bytes:
    """Return a zip archive with one part changed, or left out where None comes."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    changed = {part: change(body) if part == name else body for part, body in parts.items()}
    return zipped({part: body for part, body in changed.items() if body is not None})


def relations(*targets: tuple[str, str, str], external: Sequence[tuple[str, str, str]] = ()) -> str:
    """Return a part of relations; each is (id, type or the last word of it, target)."""
    entries = "".join(
        f'<Relationship Id="{name}" Type="{kind if ":" in kind else _R + "/" + kind}"'
        f' Target="{target}"{mode}/>'
        for mode, group in (("", targets), (' TargetMode="External"', external))
        for name, kind, target in group
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{entries}</Relationships>'


# Excel

_S = f'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{_R}"'
_STYLES = (
    f'<styleSheet {_S}><numFmts><numFmt numFmtId="164" formatCode="%s"/></numFmts>'
    "<fonts><font/><font><b/></font></fonts><cellXfs>"
    '<xf numFmtId="0" fontId="0"/><xf numFmtId="9" fontId="0"/><xf numFmtId="14" fontId="0"/>'
    '<xf numFmtId="164" fontId="0"/><xf numFmtId="0" fontId="1"/></cellXfs></styleSheet>'
)
PLAIN, PERCENT, DAY, OWN, BOLD = range(5)  # styles of cells

CellValue = str | float | bool | tuple[float | str, int] | None


def xlsx(
    *sheets: tuple[str, Sequence[Sequence[CellValue]]],
    code: str = "dd.mm.yyyy",
    hidden: Sequence[str] = (),
    tails: Mapping[str, str] | None = None,
    parts: Mapping[str, str] | None = None,
    workbook: str = "",
) -> bytes:
    """
    Return a workbook; a cell is a text, a number, a truth value, or a pair of value and style.

    *code* is the number format of the style OWN, *tails* is XML that stands behind a sheet's rows,
    *parts* are further parts, and a text that begins with `<c` is the cell itself.
    """
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="r{n}"'
        f"{' state=' + chr(34) + 'hidden' + chr(34) if name in hidden else ''}/>"
        for n, (name, _) in enumerate(sheets, start=1)
    )
    count = len(sheets)
    links = [(f"r{n}", "worksheet", f"worksheets/sheet{n}.xml") for n in range(1, count + 1)]
    found: dict[str, str] = {
        "[Content_Types].xml": "<Types/>",
        "_rels/.rels": relations(("r1", "officeDocument", "xl/workbook.xml")),
        "xl/workbook.xml": f"<workbook {_S}>{workbook}<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": relations(*links, ("s", "styles", "styles.xml")),
        "xl/styles.xml": _STYLES % code,
    }
    for n, (name, rows) in enumerate(sheets, start=1):
        body = "".join(
            f'<row r="{r}">{"".join(_cell(r, c, value) for c, value in enumerate(row))}</row>'
            for r, row in enumerate(rows, start=1)
        )
        tail = (tails or {}).get(name, "")
        found[f"xl/worksheets/sheet{n}.xml"] = (
            f"<worksheet {_S}><sheetData>{body}</sheetData>{tail}</worksheet>"
        )
    return zipped(found | dict(parts or {}))


def _cell(row: int, column: int, value: CellValue) -> str:
    style = 0
    if isinstance(value, tuple):
        value, style = value
    place = f'r="{chr(65 + column)}{row}" s="{style}"'
    if value is None:
        return ""
    if isinstance(value, bool):
        return f'<c {place} t="b"><v>{int(value)}</v></c>'
    if isinstance(value, str):
        if value.startswith("<c"):
            return value
        return f'<c {place} t="inlineStr"><is><t>{value}</t></is></c>'
    return f"<c {place}><v>{value!r}</v></c>"


def xls(
    name: str, rows: Sequence[Sequence[str | float | tuple[float, int]]], *, hidden: str = ""
) -> bytes:
    """Return an Excel 97-2003 file of one sheet, and of a hidden one with one cell."""
    formats = ((9, 0), (14, 0), (164, 0))
    fonts = b"".join(
        _record(0x31, struct.pack("<HHHHHBBBBBB", 200, 0, 8, 400, 0, 0, 0, 0, 0, 1, 0) + b"A")
        for _ in range(5)
    )
    code = '0.0" kg"'
    table = _record(0x41E, struct.pack("<HHB", 164, len(code), 0) + code.encode())
    styles = b"".join(_xf(key) for key in (0, *(key for key, _ in formats)))
    sheets = [_sheet(rows), _sheet([[hidden]])] if hidden else [_sheet(rows)]
    names = [name, "Hidden"][: len(sheets)]
    start = _record(0x809, struct.pack("<HHHHII", 0x600, 5, 0, 0, 0, 0)) + fonts + table + styles
    at = len(start) + sum(12 + len(n) for n in names) + 4
    bounds = b""
    for n, body in zip(names, sheets, strict=True):
        shown = 1 if n == "Hidden" else 0
        bounds += _record(
            0x85, struct.pack("<IBBBB", at, shown, 0, len(n), 0) + n.encode("latin-1")
        )
        at += len(body)
    return ole({"Workbook": start + bounds + _record(0x0A, b"") + b"".join(sheets)})


def _record(kind: int, body: bytes) -> bytes:
    return struct.pack("<HH", kind, len(body)) + body


def _xf(key: int) -> bytes:
    return _record(0xE0, struct.pack("<HHHBBBBIIH", 0, key, 0, 0, 0, 0, 0, 0, 0, 0))


def _sheet(rows: Sequence[Sequence[str | float | tuple[float, int]]]) -> bytes:
    out = _record(0x809, struct.pack("<HHHHII", 0x600, 0x10, 0, 0, 0, 0))
    for r, row in enumerate(rows):
        for c, value in enumerate(row):
            number, style = value if isinstance(value, tuple) else (value, 0)
            if isinstance(number, str):
                text = number.encode("utf-16-le")
                head = struct.pack("<HHHHB", r, c, 0, len(number), 1)
                out += _record(0x204, head + text) if number else b""
            else:
                out += _record(0x203, struct.pack("<HHHd", r, c, style, number))
    return out + _record(0x0A, b"")


# Compound files


def ole(tree: Tree) -> bytes:
    """Return a compound file ([MS-CFB], version 3) of streams, and of storages as mappings."""
    entries: list[list[object]] = [["Root Entry", 5, _FREE, _END, b""]]
    _add(entries, 0, tree)
    small, large = bytearray(), bytearray()
    minis: list[int] = []
    fat: list[int] = []
    for entry in entries[1:]:
        body = entry[4]
        assert isinstance(body, bytes)
        if entry[1] != 2 or not body:
            continue
        if len(body) < _CUTOFF:
            entry[3] = len(minis)
            _chain(minis, -(-len(body) // _MINI))
            small += body.ljust(-(-len(body) // _MINI) * _MINI, b"\0")
        else:
            entry[3] = len(fat)
            _chain(fat, -(-len(body) // _SECTOR))
            large += body.ljust(-(-len(body) // _SECTOR) * _SECTOR, b"\0")
    if small:
        entries[0][3:] = [len(fat), bytes(small)]
    large += _sectors(bytes(small), fat)
    minifat = len(fat) if minis else _END
    large += _sectors(struct.pack(f"<{len(minis)}I", *minis), fat, fill=b"\xff")
    directory = len(fat)
    large += _sectors(b"".join(map(_entry, entries)), fat)
    count = 1
    while (len(fat) + count) * 4 > count * _SECTOR:
        count += 1
    first = len(fat)
    fat.extend([_FAT] * count)
    table = struct.pack(f"<{len(fat)}I", *fat).ljust(count * _SECTOR, b"\xff")
    mini_sectors = -(-len(minis) * 4 // _SECTOR)
    head = struct.pack(
        "<8s16xHHHHH6xIIIIIIIIII", bytes.fromhex("d0cf11e0a1b11ae1"), 0x3E, 3, 0xFFFE, 9, 6, 0, count,
        directory, 0, _CUTOFF, minifat, mini_sectors, _END, 0, first,
    )  # fmt: skip
    places = [first + n for n in range(1, count)]
    head += struct.pack(f"<{len(places)}I", *places)
    return head.ljust(_SECTOR, b"\xff") + bytes(large) + table


def _add(entries: list[list[object]], parent: int, tree: Tree) -> None:
    """Append the entries of a storage, the siblings as a chain to the right."""
    before = None
    for name, body in tree.items():
        stream = isinstance(body, bytes)
        number = len(entries)
        entries.append([name, 2 if stream else 1, _FREE, 0, body if stream else b"", _FREE])
        if before is None:
            entries[parent][2] = number
        else:
            entries[before][5] = number
        before = number
        if not isinstance(body, bytes):
            _add(entries, number, body)


def _entry(entry: list[object]) -> bytes:
    """Return an entry of the directory."""
    name = str(entry[0]).encode("utf-16-le")
    body = entry[4]
    assert isinstance(body, bytes)
    right = entry[5] if len(entry) > 5 else _FREE
    return struct.pack(
        "<64sHBBIII36xIQ",
        name,
        len(name) + 2,
        entry[1],
        1,
        _FREE,
        right,
        entry[2],
        entry[3],
        len(body),
    )


def _chain(table: list[int], count: int) -> None:
    """Append a chain of *count* sectors."""
    first = len(table)
    table.extend([*range(first + 1, first + count), _END] if count else [])


def _sectors(body: bytes, fat: list[int], fill: bytes = b"\0") -> bytes:
    """Return *body* as whole sectors, chained."""
    count = -(-len(body) // _SECTOR)
    _chain(fat, count)
    return body.ljust(count * _SECTOR, fill)
