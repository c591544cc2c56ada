"""What a file is, told from its bytes: its kind and, of text, its encoding; names only hint."""

import re
from pathlib import PurePath

from adapters.parsing.containers import OLE, ZIP_NAMES, compound, is_tar, mail, zipped
from adapters.parsing.encodings.encodings import decoded
from adapters.parsing.markup.xml_text import looks_like_xml
from adapters.parsing.plain_text.json_text import looks_like_json
from adapters.parsing.plain_text.plain_text import has_header, looks_like_log
from adapters.parsing.plain_text.separated_text import looks_separated
from adapters.parsing.shared.refusals import binary, unsupported
from rag.errors import Unreadable

_HEAD = 1024  # bytes that tell a kind
_SAMPLE = 65_536  # bytes that tell an encoding
# (first bytes, the kind); gzip, bzip2 and xz pack a file
_READ: tuple[tuple[bytes, str], ...] = (
    (b"{\\rtf", "rtf"),
    (b"\x1f\x8b", "packed"),
    (b"BZh", "packed"),
    (b"\xfd7zXZ\x00", "packed"),
)

# (first bytes, what it is); only what people really upload
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a RIFF media file"),
    (b"OggS", "an Ogg media file"),
    (b"ID3", "an MP3 file"),
    (b"fLaC", "a FLAC file"),
    (b"\x1aE\xdf\xa3", "a Matroska video"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\x7fELF", "a program"),
    (b"\xca\xfe\xba\xbe", "a program"),
    (b"\xcf\xfa\xed\xfe", "a program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"PAR1", "a Parquet file"),
    (b"%!PS", "a PostScript file"),
    (b"wOFF", "a font"),
    (b"wOF2", "a font"),
)
_MARKDOWN_NAMES = frozenset({".md", ".markdown", ".mdown", ".mkd"})
_TABLE_NAMES = frozenset({".csv", ".tsv", ".tab", ".psv"})
_PROSE_NAMES = frozenset({"", ".txt", ".text", ".rst", ".log", ".org", ".adoc", ".tex"})
_HTML_NAMES = frozenset({".html", ".htm", ".xhtml", ".xht", ".shtml"})
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--(?:(?!-->).)*-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HTML_FRAGMENT = re.compile(
    r"\s*(?:<!--(?:(?!-->).)*-->\s*)*<(?:div|p|table|h[1-6]|ul|ol|dl|article|section|main|header|meta|title|"
    r"link|style|span|form|pre|blockquote)\b[^<>]*>",
    re.IGNORECASE | re.DOTALL,
)
_FEW_TAGS = 3  # of a text that shows some HTML and is none
_TAG = re.compile(r"<(?:[a-z][a-z0-9]*)\b[^<>]*>", re.IGNORECASE)
_XML_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)\b")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_MOST_CONTROL = 0.05  # share of characters above which bytes are no text


def detect(data: bytes, *, filename: str) -> str:  # noqa: C901 - a list of rules
    """
    Return the kind of a file that is not empty, for which `formats` has a reader.

    Text of all kinds is `text`; a file that gzip, bzip2 or xz has packed is `packed`.

    Raises:
        Unreadable: `unsupported`, `encrypted` or `corrupt`; the sentence names what it is.
    """
    suffix = PurePath(filename).suffix.lower()
    head = data[:_HEAD].lstrip()
    if head.startswith(b"%PDF-") or (suffix == ".pdf" and b"%PDF-" in head):
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return zipped(data, suffix)
    if head.startswith(OLE):
        return compound(data)
    for signature, kind in _READ:
        if head.startswith(signature):
            return kind
    if is_tar(data):
        return "tar"
    for signature, name in _SIGNATURES:
        if data.startswith(signature):
            raise unsupported(name)
    if data[4:8] == b"ftyp":
        raise unsupported("a media file")
    if suffix == ".pdf":
        raise Unreadable("corrupt", "The file is named .pdf but does not hold a PDF.")
    return mail(data, suffix) or "text"


def text_kind(text: str, *, filename: str) -> str:
    """
    Return the kind of decoded text.

    It is `json`, `html`, `xml`, `markdown`, `table`, `log`, `code` or `text`.
    What begins as JSON or XML may turn out to be neither; `named_kind` then tells what it is.

    Raises:
        Unreadable: `unsafe`, XML that declares a document type: its entities may be bombs;
            `corrupt`, text under the name of an office file.
    """
    suffix = PurePath(filename).suffix.lower()
    head = text[: 4 * _HEAD]
    if looks_like_json(text):
        return "json"
    if _HTML_START.match(head) or (suffix in _HTML_NAMES and _TAG.search(head)):
        return "html"
    if (
        suffix in _PROSE_NAMES
        and _HTML_FRAGMENT.match(head)
        and len(_TAG.findall(head)) > _FEW_TAGS
    ):
        return "html"
    if head.lstrip().startswith("<?xml") and _XML_DOCTYPE.search(text[:_SAMPLE]):
        raise Unreadable("unsafe", "The XML declares a document type or entities; remove them.")
    if suffix in ZIP_NAMES:
        raise Unreadable("corrupt", f"The file is named {suffix} but is not {ZIP_NAMES[suffix]}.")
    if (
        suffix not in _MARKDOWN_NAMES
        and looks_like_xml(text)
        and not _XML_DOCTYPE.search(text[:_SAMPLE])
    ):
        return "xml"
    return named_kind(text, filename=filename)


def named_kind(text: str, *, filename: str) -> str:
    """Return the kind of text that nothing in its beginning tells: by its name, then its lines."""
    suffix = PurePath(filename).suffix.lower()
    if suffix in _MARKDOWN_NAMES:
        return "markdown"
    if suffix in _TABLE_NAMES:
        return "table"
    if suffix in _PROSE_NAMES or len(suffix) > 6:  # noqa: PLR2004 - no such extension
        separated = looks_separated(text)
        if looks_like_log(text) and not (separated and has_header(text)):
            return "log"
        return "table" if separated else "text"
    # What many programs write under the name of a workbook: a table of tabs, however small.
    tabbed = suffix == ".xls" and ("\t" in text.partition("\n")[0] or looks_separated(text))
    return "table" if tabbed else "code"


def decode(data: bytes) -> str:
    """
    Decode text of unknown encoding.

    Raises:
        Unreadable: `binary` where the bytes are no text; `unsupported` where no guess is likely.
    """
    return decode_named(data)[0]


def readable(data: bytes) -> str:
    """Return the text that *data* holds; empty where it is no text at all."""
    try:
        return decode(data) if data else ""
    except Unreadable:
        return ""


def decode_named(data: bytes) -> tuple[str, str]:
    """
    Decode text of unknown encoding; return it with the encoding's IANA name in lower case.

    Raises:
        Unreadable: as `decode`.
    """
    text, encoding = decoded(data)
    if len(_CONTROL.findall(text)) > _MOST_CONTROL * max(len(text.strip("\0 \t\r\n")), 1):
        raise binary()
    return text, encoding
