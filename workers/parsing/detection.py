"""What a file is, told from its bytes: its kind and, of text, its encoding; names only hint."""

import codecs
import re
from pathlib import PurePath

from charset_normalizer import from_bytes

from rag.errors import Unreadable
from workers.parsing.alphabets import latin_code_page
from workers.parsing.containers import OLE, ZIP_NAMES, compound, is_tar, mail, zipped
from workers.parsing.refusals import READS, unsupported

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
_HTML_NAMES = frozenset({".html", ".htm", ".xhtml", ".xht", ".shtml"})
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?(?:<!--.*?-->\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_TAG = re.compile(r"<(?:[a-z][a-z0-9]*)\b[^<>]*>", re.IGNORECASE)
_XML_DOCTYPE = re.compile(r"<!(?:DOCTYPE|ENTITY)\b")
_DECLARED = re.compile(
    rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w.:-]{1,40})|<\?xml[^>]{0,200}encoding=[\"']([\w.-]{1,40})",
    re.IGNORECASE,
)
_BOMS: tuple[tuple[bytes, str], ...] = (  # UTF-32 first: its mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f\ufffd]")
_MOST_CONTROL = 0.05  # share of characters above which bytes are no text
_ODD_NULS = 0.25  # share of zero bytes in one place of each pair that tells UTF-16
_MOSTLY_UTF8 = 0.9  # share of lines that have to be UTF-8 for the rest to be strays in it


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
    Return the kind of decoded text: `html`, `markdown`, `table`, `code` or `text`.

    Raises:
        Unreadable: `unsafe`, XML that declares a document type: its entities may be bombs;
            `corrupt`, text under the name of an office file.
    """
    suffix = PurePath(filename).suffix.lower()
    head = text[: 4 * _HEAD]
    if _HTML_START.match(head) or (suffix in _HTML_NAMES and _TAG.search(head)):
        return "html"
    if head.lstrip().startswith("<?xml") and _XML_DOCTYPE.search(text[:_SAMPLE]):
        raise Unreadable("unsafe", "The XML declares a document type or entities; remove them.")
    if suffix in ZIP_NAMES:
        raise Unreadable("corrupt", f"The file is named {suffix} but is not {ZIP_NAMES[suffix]}.")
    if suffix in _MARKDOWN_NAMES:
        return "markdown"
    if suffix in (".csv", ".tsv", ".xls"):  # the last: what many programs call a table of tabs
        return "table"
    prose = suffix in ("", ".txt", ".text", ".rst", ".log", ".org", ".adoc", ".tex")
    return "text" if prose or len(suffix) > 6 else "code"  # noqa: PLR2004 - no such extension


def decode(data: bytes) -> str:
    """
    Decode text of unknown encoding.

    A byte order mark decides, then UTF-8, the zero bytes of UTF-16 and UTF-32, an encoding
    declared in HTML or XML, UTF-8 with stray lines of another encoding, and last statistics.

    Raises:
        Unreadable: `binary` where the bytes are no text.
    """
    text = _decoded(data)
    if len(_CONTROL.findall(text)) > _MOST_CONTROL * max(len(text.strip("\0 \t\r\n")), 1):
        raise Unreadable("binary", f"The file holds binary data and no text; {READS}.")
    return text


def _decoded(data: bytes) -> str:
    """Decode by the first rule that fits."""
    for mark, encoding in _BOMS:
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    wide = _wide(data)
    if wide and (text := _strict(data, wide)) is not None:
        return text
    if (text := _strict(data, "utf-8")) is not None:
        return text
    declared = _DECLARED.search(data, 0, 4 * _HEAD)
    if declared:
        name = (declared[1] or declared[2]).decode("ascii")
        if not name.lower().startswith("utf") and (text := _strict(data, name)) is not None:
            return text
    lines = data.split(b"\n")
    read = [_strict(line, "utf-8") for line in lines]
    beyond = [line for line, got in zip(lines, read, strict=True) if got and not got.isascii()]
    good = sum(got is not None for got in read)
    if beyond and good >= _MOSTLY_UTF8 * len(lines):
        pairs = zip(lines, read, strict=True)
        return "\n".join(
            line.decode("cp1252", "replace") if got is None else got for line, got in pairs
        )
    return data.decode(_guessed(data), errors="replace")


def _strict(data: bytes, encoding: str) -> str | None:
    """Decode without any error, or return None."""
    try:
        return data.decode(encoding)
    except (UnicodeDecodeError, LookupError):
        return None


def _wide(data: bytes) -> str | None:
    """Tell UTF-16 and UTF-32 without a mark by where their zero bytes are."""
    sample = data[: _SAMPLE - _SAMPLE % 4]
    pairs = len(sample) // 2
    if pairs == 0:
        return None
    high = sample[0::2].count(0) / pairs
    low = sample[1::2].count(0) / pairs
    if max(high, low) < _ODD_NULS:
        return None
    if len(data) % 4 == 0 and high >= _ODD_NULS and low >= _ODD_NULS:
        return "utf-32-be" if data[0] == 0 else "utf-32-le"
    if len(data) % 2 or min(high, low) > _ODD_NULS / 4:
        return None
    return "utf-16-be" if high > low else "utf-16-le"


def _guessed(data: bytes) -> str:
    """Guess a one-byte or East Asian encoding by statistics; western if there is too little."""
    beyond = [line for line in data[: 16 * _SAMPLE].split(b"\n") if not line.isascii()]
    sample = b"\n".join(beyond)[:_SAMPLE]
    if sum(byte > 127 for byte in sample) < 4:  # noqa: PLR2004 - nothing to count
        return "cp1252"
    # Statistics cannot tell Latin code pages apart; the letters of languages can.
    if page := latin_code_page(sample):
        return page
    guesses = from_bytes(sample)
    best = min(guesses, key=lambda guess: (round(guess.chaos, 2), -guess.coherence), default=None)
    if best is None or "cp1252" in best.could_be_from_charset:
        return "cp1252"  # of encodings that read alike the most usual, and never latin-1
    return best.encoding
