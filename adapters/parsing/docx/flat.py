"""Word files that are one XML file: the flat form becomes a package, the form of 2003 is named."""

import base64
import binascii
import io
import zipfile

from lxml import etree

from adapters.parsing.shared.packages import tree
from adapters.parsing.shared.refusals import unsupported
from rag.errors import Unreadable

_PKG = "{http://schemas.microsoft.com/office/2006/xmlPackage}"
_HEAD = 4096  # bytes in which the root stands
_FLAT = b"http://schemas.microsoft.com/office/2006/xmlPackage"
_WORD = (b'progid="Word.Document"', b"/word/document", b"officeDocument/2006/relationships")
_OLD = b"http://schemas.microsoft.com/office/word/2003/wordml"


def is_flat(data: bytes) -> bool:
    """Return True if a file begins as the flat form of a Word file."""
    head = data[:_HEAD]
    return _FLAT in head and any(word in head for word in _WORD)


def packaged(data: bytes) -> bytes | None:
    """
    Return the package that a flat Word file stands for, None for any other file.

    The flat form (`pkg:package`, Open Packaging Conventions) has every part of a Word file as an
    element; Word saves it as "Word XML Document", and other programs hand it over in that form.

    Raises:
        Unreadable: `unsupported`, XML of Word 2003; `corrupt`; `unsafe`, a document type.
    """
    head = data[:_HEAD]
    if _OLD in head and b"wordDocument" in head:
        raise unsupported("a Word 2003 XML file")
    if not is_flat(data):
        return None
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise Unreadable("unsafe", "The XML declares a document type or entities; remove them.")
    try:
        return _zipped(tree(data))
    except (etree.LxmlError, ValueError, binascii.Error) as error:
        raise Unreadable("corrupt", f"The Word file is damaged ({error}).") from error


def _zipped(root: etree._Element) -> bytes:
    """Return the parts of a flat file as an archive, not compressed: it is read at once."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for part in root.iterfind(f"{_PKG}part"):
            name = part.get(f"{_PKG}name", "").lstrip("/")
            written, binary = part.find(f"{_PKG}xmlData"), part.find(f"{_PKG}binaryData")
            if written is not None and len(written):
                archive.writestr(name, etree.tostring(written[0]))
            elif binary is not None:
                archive.writestr(name, base64.b64decode(binary.text or ""))
    return out.getvalue()
