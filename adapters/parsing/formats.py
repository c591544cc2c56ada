"""The one entry to the parsers: bytes of any file in, its text and structure out."""

import re
from collections.abc import Callable

from adapters.parsing.archives.archive_text import parse_packed, parse_tar, parse_zip
from adapters.parsing.archives.epub_text import parse_epub
from adapters.parsing.detection import detect
from adapters.parsing.docx.flat import is_flat, packaged
from adapters.parsing.docx.text import parse_docx
from adapters.parsing.mail.mail_text import parse_mail, parse_mbox, parse_mhtml
from adapters.parsing.mail.msg_text import parse_msg
from adapters.parsing.opendocument.odf_text import parse_odt
from adapters.parsing.pdf.text import parse_pdf
from adapters.parsing.rtf.text import parse_rtf
from adapters.parsing.shared.nesting import Nest
from adapters.parsing.shared.plainness import NotPlain
from adapters.parsing.slides.odp_text import parse_odp
from adapters.parsing.slides.pptx_text import parse_pptx
from adapters.parsing.spreadsheets.ods_text import parse_ods
from adapters.parsing.spreadsheets.xls_text import parse_xls
from adapters.parsing.spreadsheets.xlsx_text import parse_xlsx
from adapters.parsing.text_formats import parse_text
from rag.documents import ParsedDocument
from rag.errors import NoText

_FROM_BYTES: dict[str, Callable[[bytes], ParsedDocument]] = {
    "pdf": parse_pdf,
    "docx": parse_docx,
    "pptx": parse_pptx,
    "xlsx": parse_xlsx,
    "xls": parse_xls,
    "ods": parse_ods,
    "odt": parse_odt,
    "odp": parse_odp,
    "epub": parse_epub,
    "rtf": parse_rtf,
}
_WITH_FILES: dict[str, Callable[[bytes, Nest], ParsedDocument]] = {
    "mail": parse_mail,
    "mbox": parse_mbox,
    "mhtml": parse_mhtml,
    "msg": parse_msg,
    "zip": parse_zip,
    "tar": parse_tar,
}
_NOTHING = {
    "pdf": "The PDF holds no text layer; if it is scanned, run text recognition on it.",
    "docx": "The Word file holds no text.",
    "pptx": "The presentation holds no text.",
    "xlsx": "The workbook holds no cell with a value.",
    "xls": "The workbook holds no cell with a value.",
    "ods": "The spreadsheet holds no cell with a value.",
    "html": "The page holds no visible text.",
    "zip": "The archive holds no file that can be read.",
    "tar": "The archive holds no file that can be read.",
    "json": "The JSON holds no values.",
    "xml": "The XML holds no text.",
    "notebook": "The notebook holds no text.",
}
_MOST_NOTES = 3  # that a refusal repeats
_HEAD = 1024  # bytes: a zero in them, and a file is no plain text
_WRITTEN = re.compile(r"\S")


def parse(data: bytes, *, filename: str, plain_only: bool = False) -> ParsedDocument:
    """
    Return the text of a file; its kind is told by its bytes, *filename* is a hint.

    Not for the process that must live on: run it in a `ParserPool`.

    Raises:
        NoText: The file is readable but holds nothing to index.
        Unreadable: `unsupported`, `encrypted`, `corrupt`, `binary`, `unsafe` or `too_large`.
        NotPlain: *plain_only*, and it would take a library of formats to read it.
    """
    return _read(data, filename, Nest(_read), plain_only=plain_only)


def _read(data: bytes, filename: str, nest: Nest, *, plain_only: bool = False) -> ParsedDocument:
    """Read a file, or a file within one; *nest* bounds what lies within it."""
    if not data:
        raise NoText("The file is empty (0 bytes).")
    if plain_only and (b"\0" in data[:_HEAD] or is_flat(data)):
        raise NotPlain
    data = packaged(data) or data
    kind = detect(data, filename=filename)
    if plain_only and kind != "text":
        raise NotPlain
    if kind == "packed":
        return parse_packed(data, nest, filename)
    if kind == "text":
        document = parse_text(data, filename=filename, plain_only=plain_only)
    elif kind in _WITH_FILES:
        document = _WITH_FILES[kind](data, nest)
    else:
        document = _FROM_BYTES[kind](data)
    if not _WRITTEN.search(document.text):
        nothing = _NOTHING.get(document.kind, "The file holds nothing but white space.")
        raise NoText(" ".join([nothing, *document.notes[:_MOST_NOTES]]))
    return document
