"""What a Word file embeds: pages and texts (altChunk), and what other objects are."""

import email.errors
import re
from typing import Literal

from adapters.parsing.detection import decode
from adapters.parsing.docx.flat import packaged
from adapters.parsing.mail.mail_parts import opened
from adapters.parsing.mail.web_archive import saved_text
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.plain_text.plain_text import parse_plain
from adapters.parsing.rtf.text import parse_rtf
from rag.documents import ParsedDocument
from rag.errors import Unreadable

Form = Literal["word", "rtf", "mail", "html", "text", "unknown"]

_MAIL = re.compile(rb"(?:MIME-Version|Content-Type|From|Subject|Date)[ \t]*:", re.IGNORECASE)
_HTML = re.compile(
    r"\s*(?:<\?xml[^>]*>\s*)?<(?:!doctype\s+html|!--|[a-z][a-z\d]*[\s/>])", re.IGNORECASE
)
_NAMED: tuple[tuple[str, Form], ...] = (
    ("html", "html"),
    (".htm", "html"),
    ("rfc822", "mail"),
    ("multipart", "mail"),
    (".mht", "mail"),
    (".eml", "mail"),
    ("text/plain", "text"),
    (".txt", "text"),
)
_PROGRAMS = (
    ("excel", "Excel sheet"), ("word", "Word document"), ("powerpoint", "PowerPoint presentation"),
    ("visio", "Visio drawing"), ("acro", "PDF"), ("equation", "equation"), ("msgraph", "chart"),
    ("package", "file"), ("outlook", "message"),
)  # fmt: skip


def word_package(data: bytes) -> bytes:
    """Return the package of a Word file that is embedded as one XML file, all else as it is."""
    try:
        return packaged(data) or data
    except Unreadable:
        return data


def form_of(data: bytes, *, name: str, content_type: str) -> Form:
    """Return what an embedded part is: by its first bytes, then by declared type and name."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"PK\x03\x04"):
        return "word"
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if _MAIL.match(head):
        return "mail"
    said = f"{content_type} {name}".lower()
    return next((form for word, form in _NAMED if word in said), "unknown")


def read_page(data: bytes, form: Form) -> ParsedDocument | None:
    """
    Return an embedded text or page, None where it cannot be read.

    Args:
        data: The part's bytes.

        form: `mail` is an MHT archive, of which the page is read; a part of `unknown` form is read
            if it begins like a page.
    """
    try:
        if form == "mail":
            return saved_text(opened(data))
        if form == "rtf":
            return parse_rtf(data)
        text = decode(data)
    except (Unreadable, RecursionError, email.errors.MessageError, LookupError, ValueError):
        return None
    if form == "html" or (form == "unknown" and _HTML.match(text)):
        return parse_html(text)
    return parse_plain(text, "text") if form == "text" else None


def program(name: str) -> str:
    """Return what an embedded object is, by the name of the program that made it."""
    small = name.lower()
    return next((words for part, words in _PROGRAMS if part in small), "object")
