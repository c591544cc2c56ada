"""What zip packages, compound files, mail and archives are, told from their bytes."""

import io
import re
import zipfile
from typing import Final

import olefile

from adapters.parsing.shared.packages import DAMAGED
from adapters.parsing.shared.refusals import locked, unsupported
from rag.errors import Unreadable

OLE: Final = bytes.fromhex("d0cf11e0a1b11ae1")
#: Names of packages, for what is no package at all.
ZIP_NAMES: Final = {
    ".docx": "a Word file", ".docm": "a Word file", ".pptx": "a PowerPoint file",
    ".pptm": "a PowerPoint file", ".ppsx": "a PowerPoint file", ".xlsx": "an Excel file",
    ".xlsm": "an Excel file", ".odt": "an OpenDocument text", ".ods": "an OpenDocument spreadsheet",
    ".odp": "an OpenDocument presentation", ".epub": "an EPUB book", ".zip": "a zip archive",
}  # fmt: skip

_HEAD = 65_536  # bytes of a message that hold its headers, mostly
_MIMETYPE_BYTES = 200
_TAR_MARK = slice(257, 262)
_TYPES = "[Content_Types].xml"
_MAIN_PARTS = (
    ("word/document.xml", "docx"), ("ppt/presentation.xml", "pptx"), ("xl/workbook.xml", "xlsx"),
    ("META-INF/container.xml", "epub"),
)  # fmt: skip
_MAIN_TYPES = (
    (b"wordprocessingml.document.main+xml", "docx"), (b"wordprocessingml.template.main", "docx"),
    (b"ms-word.document.macroEnabled.main", "docx"), (b"presentationml.presentation.main", "pptx"),
    (b"presentationml.slideshow.main", "pptx"), (b"presentationml.template.main", "pptx"),
    (b"ms-powerpoint.", "pptx"), (b"spreadsheetml.sheet.main", "xlsx"),
    (b"spreadsheetml.template.main", "xlsx"), (b"ms-excel.sheet.macroEnabled", "xlsx"),
)  # fmt: skip
_MIMETYPES = (
    (b"application/epub+zip", "epub"),
    (b"application/vnd.oasis.opendocument.text", "odt"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"application/vnd.oasis.opendocument.presentation", "odp"),
    (b"application/vnd.oasis.opendocument.graphics", "odp"),
)
_BY_NAME = {
    ".odt": "odt",
    ".ods": "ods",
    ".odp": "odp",
}  # of packages that do not say what they are
_UNREAD_ZIPS = (
    ("xl/workbook.bin", "an Excel binary workbook", "save it as .xlsx"),
    ("visio/document.xml", "a Visio file", "save it as PDF"),
    ("Index/Document.iwa", "an Apple iWork file", "export it as PDF"),
    ("META-INF/MANIFEST.MF", "a Java archive", ""),
    ("AndroidManifest.xml", "an Android package", ""),
)
_OLE_STREAMS = (
    ("EncryptedPackage", "encrypted", ""),
    ("__properties_version1.0", "msg", ""),
    ("WordDocument", "a Word 97-2003 file", "save it as .docx or PDF"),
    ("PowerPoint Document", "a PowerPoint 97-2003 file", "save it as .pptx or PDF"),
    ("Workbook", "xls", ""),
    ("Book", "xls", ""),
    ("VisioDocument", "a Visio file", "save it as PDF"),
)
_MAIL_NAMES = frozenset({".eml", ".mht", ".mhtml", ".mbox", ".mbx", ".nws"})
_NO_MAIL = frozenset({".patch", ".diff"})
_FIELD = re.compile(rb"([!-9;-~]{1,80}):")
_MBOX = re.compile(
    rb"From [^\r\n]{1,300}\d{2}:\d{2}[^\r\n]{0,80}\r?\n(?:>From [^\r\n]*\r?\n)?[!-9;-~]{1,80}:"
)
_PEOPLE = frozenset({b"from", b"to", b"subject", b"date", b"cc", b"sender", b"reply-to"})
#: What programs write and people do not.
_MACHINE = frozenset(
    {b"received", b"message-id", b"mime-version", b"return-path", b"delivered-to", b"x-mailer"}
    | {
        b"content-transfer-encoding",
        b"dkim-signature",
        b"user-agent",
        b"in-reply-to",
        b"references",
    }
)
_ENOUGH = 3  # names of mail's headers
_ENOUGH_NAMED = 2  # of a file that is named as mail


def zipped(data: bytes, suffix: str) -> str:
    """
    Return what a zip archive holds; one of any files is `zip`.

    Raises:
        Unreadable: `unsupported` or `corrupt`.
    """
    name = ZIP_NAMES.get(suffix, "an archive")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = {entry.replace("\\", "/") for entry in archive.namelist()}
            mimetype = _start(archive, "mimetype", _MIMETYPE_BYTES)
            types = _start(archive, _TYPES, _HEAD)
    except (RuntimeError, *DAMAGED) as error:
        raise Unreadable(
            "corrupt", f"The file looks like {name} but is cut off or damaged; save it again."
        ) from error
    for part, found, remedy in _UNREAD_ZIPS:
        if part in names and not names.intersection(one for one, _ in _MAIN_PARTS):
            raise unsupported(found, remedy)
    told = [found for kind, found in _MIMETYPES if mimetype.startswith(kind)]
    told += [found for part, found in _MAIN_PARTS if part in names]
    told += [found for kind, found in _MAIN_TYPES if kind in types]
    told += ["docx"] if suffix == ".docx" and types else []
    told += [_BY_NAME[suffix]] if suffix in _BY_NAME and "content.xml" in names else []
    return told[0] if told else "zip"


def _start(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    """Return the start of a member; empty where there is none."""
    try:
        with archive.open(name) as member:
            return member.read(most).strip()
    except (KeyError, RuntimeError):  # the second: it is encrypted
        return b""


def is_tar(data: bytes) -> bool:
    """Return True for a tar archive, by its mark."""
    return data[_TAR_MARK] == b"ustar"


def compound(data: bytes) -> str:
    """
    Return what an OLE compound file holds, by the names of its streams: `xls` or `msg`.

    Raises:
        Unreadable: `unsupported` or `encrypted`.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            names = {entry[0] for entry in ole.listdir(streams=True, storages=True)}
    except DAMAGED:  # what cannot be opened may still show what it was
        names = {n for n, _, _ in _OLE_STREAMS if len(n) > 4 and n.encode("utf-16-le") in data}  # noqa: PLR2004
    for name, kind, remedy in _OLE_STREAMS:
        if name not in names:
            continue
        if kind == "encrypted":
            raise locked()
        if kind in ("xls", "msg"):
            return kind
        raise unsupported(kind, remedy)
    raise unsupported("an old Office file")


def mail(data: bytes, suffix: str) -> str | None:
    """Return the kind of mail by its headers: `mail`, `mbox` or `mhtml`; else None."""
    head = data[:_HEAD].removeprefix(b"\xef\xbb\xbf").lstrip()
    if suffix in _NO_MAIL:
        return None
    if _MBOX.match(head):
        return "mbox"
    names, kind = _fields(head)
    people, machine = names & _PEOPLE, names & _MACHINE
    if suffix in _MAIL_NAMES:
        known = len(people | machine) + (b"content-type" in names) >= _ENOUGH_NAMED
    else:
        known = bool(machine) and len(people | machine) >= _ENOUGH and b"from" in people
        known = known or (b"mime-version" in names and kind.startswith(b"multipart/related"))
    if not known:
        return None
    saved = b"snapshot-content-location" in names or not names & {b"to", b"received", b"message-id"}
    page = suffix in (".mht", ".mhtml") or (saved and kind.startswith(b"multipart/related"))
    return "mhtml" if page else "mail"


def _fields(head: bytes) -> tuple[set[bytes], bytes]:
    """Return the names of the headers that *head* begins with, and the content's type."""
    names: set[bytes] = set()
    kind = b""
    for line in head.split(b"\n"):
        if not line.strip():
            return names, kind
        if line[:1] in (b" ", b"\t"):
            if not names:
                return set(), b""
            continue
        field = _FIELD.match(line)
        if field is None:
            return set(), b""
        name = field[1].lower()
        names.add(name)
        if name == b"content-type":
            kind = line[field.end() :].strip().lower()
    return names, kind
