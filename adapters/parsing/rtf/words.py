"""RTF taken apart: groups, control words and text in its code page (RTF 1.9.1)."""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?"  # 1, 2: a control word and its number
    rb"|\\'([0-9a-fA-F]{2})"  # 3: a byte
    rb"|\\([^a-zA-Z])"  # 4: a control symbol
    rb"|([{}])"  # 5
    rb"|([^\\{}\r\n]+)"  # 6: text
    rb"|[\r\n]+|\\",
    re.DOTALL,
)
_PAGES = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 130: "johab", 134: "gbk", 136: "cp950",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250", 254: "cp437", 255: "cp850",
}  # fmt: skip
_UNICODE = 0x10000
#: Control words and symbols that stand for text.
SIGNS: Final = {
    "tab": "\t", "line": "\n", "emdash": "\u2014", "endash": "\u2013", "bullet": "\u2022",
    "lquote": "\u2018", "rquote": "\u2019", "ldblquote": "\u201c", "rdblquote": "\u201d",
    "~": "\xa0", "_": "\u2011", "emspace": " ", "enspace": " ", "qmspace": " ", "{": "{", "}": "}",
    "\\": "\\", "zwj": "\u200d", "zwnj": "\u200c",
}  # fmt: skip
#: Destinations whose text is not read in the place where they stand, or at all.
SKIPPED: Final = frozenset(
    {"colortbl", "pict", "objdata", "header", "headerl", "headerr", "headerf", "footer", "footerl"}
    | {
        "footerr",
        "footerf",
        "fldinst",
        "bkmkstart",
        "bkmkend",
        "themedata",
        "datastore",
        "sn",
        "sp",
    }
    | {"listtable", "listoverridetable", "rsidtbl", "generator", "xmlnstbl", "nonshppict", "revtbl"}
    | {"ftnsep", "ftnsepc", "ftncn", "aftnsep", "aftnsepc", "aftncn", "colorschememapping", "xe"}
    | {
        "latentstyles",
        "pgptbl",
        "atnid",
        "atrfstart",
        "atrfend",
        "atndate",
        "annotdate",
        "tc",
        "do",
    }
    | {"template", "operator", "company", "author", "keywords", "comment", "doccomm", "filetbl"}
    | {
        "private",
        "falt",
        "panose",
        "objclass",
        "objname",
        "mmathPr",
        "wgrffmtfilter",
        "passwordhash",
    }
    | {
        "subject",
        "category",
        "manager",
        "hlinkbase",
        "userprops",
        "docvar",
        "background",
        "blipuid",
        "shprslt",
    }
)
#: Destinations behind `\*` that are read; all others behind it are passed over.
STARRED: Final = frozenset(
    {"shpinst", "shptxt", "footnote", "annotation", "atnauthor", "pntext", "listtext"}
)


class Token(NamedTuple):
    """
    A piece of RTF.

    *kind* is `{`, `}`, `word` (a control word or symbol, with its number), or `bytes`.
    """

    kind: str
    word: str = ""
    number: int | None = None
    data: bytes = b""


def tokens(data: bytes) -> Iterator[Token]:
    """Yield the pieces of *data* in order; binary data is passed over."""
    at, end = 0, len(data)
    match = _TOKEN.match
    while at < end:
        found = match(data, at)
        if found is None:
            at += 1
            continue
        at = found.end()
        if found[1] is not None:
            word = found[1].decode("ascii")
            number = int(found[2]) if found[2] is not None else None
            if word == "bin":
                at += max(number or 0, 0)
            else:
                yield Token("word", word, number)
        elif found[3] is not None:
            yield Token("bytes", "'", data=bytes((int(found[3], 16),)))
        elif found[4] is not None:
            yield Token("word", found[4].decode("latin-1"))
        elif found[5] is not None:
            yield Token(found[5].decode("ascii"))
        elif found[6] is not None:
            yield Token("bytes", data=found[6])


def code_page(charset: int) -> str | None:
    """Return the encoding of a font's character set, None where the document's own holds."""
    return _PAGES.get(charset)


def page_by_number(number: int) -> str:
    """Return the encoding of a Windows code page."""
    name = {
        932: "cp932",
        936: "gbk",
        949: "cp949",
        950: "cp950",
        10000: "mac_roman",
        65001: "utf-8",
    }
    try:
        return name.get(number) or (b"".decode(f"cp{number}") or f"cp{number}")
    except LookupError:
        return "cp1252"


def character(number: int) -> str:
    """Return the character of a number; those past 32,767 are written as negative ones."""
    return chr(number % _UNICODE)
