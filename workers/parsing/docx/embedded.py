"""What a Word file embeds: pages and texts (altChunk), diagrams and charts as words."""

import email
import email.errors
import email.message
import re
from typing import Literal

from lxml import etree

from rag.documents import ParsedDocument
from rag.errors import Unreadable
from workers.parsing.detection import decode
from workers.parsing.docx.flat import packaged
from workers.parsing.docx.inline import DGM, A, C
from workers.parsing.docx.styles import whole
from workers.parsing.lines.plain_text import parse_plain
from workers.parsing.markup.html_text import parse_html
from workers.parsing.rtf.text import parse_rtf

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
_MOST_POINTS = 10_000  # of a chart
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
    """Tell what an embedded part is: by its first bytes, then by its declared type and its name."""
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
            return _mail_page(data)
        if form == "rtf":
            return parse_rtf(data)
        text = decode(data)
    except (Unreadable, RecursionError, email.errors.MessageError, LookupError, ValueError):
        return None
    if form == "html" or (form == "unknown" and _HTML.match(text)):
        return parse_html(text)
    return parse_plain(text, "text") if form == "text" else None


def _mail_page(data: bytes) -> ParsedDocument | None:
    """Return the page of an MHT archive: its first HTML part, else its first text."""
    parts = [p for p in email.message_from_bytes(data).walk() if not p.is_multipart()]
    for wanted in ("text/html", "application/xhtml+xml", "text/plain"):
        for part in parts:
            if part.get_content_type() == wanted:
                text = _body(part)
                return parse_plain(text, "text") if wanted == "text/plain" else parse_html(text)
    return None


def _body(part: email.message.Message) -> str:
    """Decode a part by its declared encoding, and where that does not fit by guessing."""
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    try:
        return data.decode(part.get_content_charset() or "")
    except (UnicodeDecodeError, LookupError):
        return decode(data)


def diagram_words(root: etree._Element) -> list[str]:
    """Return the words of a SmartArt drawing, a string for each of its points."""
    points = []
    for point in root.iter(f"{DGM}pt"):
        lines = ("".join(t.text or "" for t in p.iter(f"{A}t")) for p in point.iter(f"{A}p"))
        if words := " ".join(" ".join(lines).split()):
            points.append(words)
    return points


def chart_rows(root: etree._Element) -> tuple[str, list[str]]:
    """
    Return the title of a chart and the rows of its data, names first: `Year | Sales | Costs`.

    The data are what Word keeps of the sheet behind the chart; without them there are no rows.
    """
    title = root.find(f"{C}chart/{C}title")
    words = "".join(t.text or "" for t in title.iter(f"{A}t")) if title is not None else ""
    series = [_series(one) for one in root.iter(f"{C}ser")]
    names: dict[int, str] = {}
    for _, categories, values in series:
        names.update((n, categories.get(n, "")) for n in sorted(values) if n not in names)
    if not names or len(names) * len(series) > _MOST_POINTS:
        return " ".join(words.split()), []
    rows = [[name, *(values.get(n, "") for _, _, values in series)] for n, name in names.items()]
    header = ["", *(name for name, _, _ in series)]
    return " ".join(words.split()), [" | ".join(row).strip() for row in (header, *rows)]


def _series(element: etree._Element) -> tuple[str, dict[int, str], dict[int, str]]:
    """Return the name of a series, its categories and its values by their places."""
    name = " ".join(_points(element, "tx").values())
    return (
        name,
        _points(element, "cat") or _points(element, "xVal"),
        _points(element, "val") or _points(element, "yVal"),
    )


def _points(series: etree._Element, name: str) -> dict[int, str]:
    """Return the values that a series keeps of its cells, by their places."""
    found = {}
    holder = series.find(f"{C}{name}")
    for n, point in enumerate(holder.iter(f"{C}pt") if holder is not None else ()):
        text = " ".join((point.findtext(f"{C}v") or "").split())
        found[whole(point.get("idx"), n)] = text
    if not found and holder is not None and (bare := holder.findtext(f"{C}v")):
        found[0] = " ".join(bare.split())
    return found


def program(name: str) -> str:
    """Return what an embedded object is, by the name of the program that made it."""
    small = name.lower()
    return next((words for part, words in _PROGRAMS if part in small), "object")
