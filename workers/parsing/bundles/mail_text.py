"""Mail as RFC 5322 and MIME have it: single messages, mailboxes, and saved web pages (MHTML)."""

import codecs
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from email import message_from_bytes
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.policy import compat32
from email.utils import collapse_rfc2231_value

from rag.documents import ParsedDocument
from workers.parsing.assembly import Assembly, cleaned, sane_title
from workers.parsing.bundles.letters import (
    Attachment,
    Letter,
    add_letter,
    better,
    letter_document,
    unflowed,
)
from workers.parsing.bundles.nesting import Nest, embed
from workers.parsing.detection import readable
from workers.parsing.lines.plain_text import parse_plain
from workers.parsing.markup.html_text import parse_html
from workers.parsing.office.packages import reading

_WHAT = "a mail file"
_LINES = ("From", "To", "Cc", "Date")
_MOST_DEPTH = 30  # of parts within parts
_MOST_PARTS = 2000
_MOST_HEADER = 20_000  # characters
_MOST_MESSAGES = 20_000
_TRANSPORT = frozenset({"text/rfc822-headers", "message/external-body"})
_FATE = ("Final-Recipient", "Action", "Status", "Diagnostic-Code")  # RFC 3464, section 2.3
_LOCKED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"})
_SIGNATURES = frozenset(
    {"application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"}
)
_BEGIN = re.compile(
    rb"^From [^\r\n]*\d{2}:\d{2}[^\r\n]*\r?\n(?=(?:>From [^\r\n]*\r?\n)?[!-9;-~]+:)", re.MULTILINE
)
_STUFFED = re.compile(rb"^>(>*From )", re.MULTILINE)

_Mail = Message


def parse_mail(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return a message: who, when, the best alternative of its words, and its attachments.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT):
        return letter_document(_letter(_opened(data)), nest)


def parse_mbox(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return the messages of a mailbox in their order, each below its subject.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT):
        out = Assembly()
        data = _bare(data)
        starts = [match.start() for match in _BEGIN.finditer(data) if _parted(data, match.start())]
        ends = [*starts[1:], len(data)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
            if number > _MOST_MESSAGES:
                out.note(f"Of the mailbox the first {_MOST_MESSAGES:,} messages are read.")
                break
            body = data[data.index(b"\n", start) + 1 : end]
            if body.startswith(b">From "):  # from the mailbox that it lay in before
                body = body[body.index(b"\n") + 1 :]
            letter = _letter(_opened(_STUFFED.sub(rb"\1", body)))
            letter.subject = letter.subject.strip() or f"Message {number}"
            add_letter(out, letter, nest, level=1)
        return replace(out.document("mail"), title=None)


def parse_mhtml(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return the page of a web archive as `parse_html` does; its frames and pictures are left out.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading("a saved web page"):
        message = _opened(data)
        pages = [part for part in _leaves(message) if part.get_content_type() == "text/html"]
        if not pages:
            return letter_document(_letter(message), nest)
        start = _parameter(message, "start").strip("<> ")
        first = [
            page for page in pages if start and _header(page, "Content-ID").strip("<> ") == start
        ]
        top = _text(first[0] if first else pages[0])
        document = parse_html(top)
        framed = "<frameset" in top.lower() or not document.text.strip()
        if framed and len(pages) > 1:  # it only arranges the others
            out = Assembly()
            for page in pages[1:]:
                embed(out, parse_html(_text(page)))
            document = out.document("html", title=document.title)
        return replace(document, title=document.title or sane_title(_header(message, "Subject")))


def _opened(data: bytes) -> _Mail:
    """Parse a message; the newer policies of the library fail on some broken headers."""
    return _trimmed(message_from_bytes(_bare(data), policy=compat32))


def _bare(data: bytes) -> bytes:
    """Return a message without what stands before its first header."""
    return data.removeprefix(codecs.BOM_UTF8).lstrip()


def _parted(data: bytes, start: int) -> bool:
    """Tell whether a line that may begin a message stands at the start or after an empty line."""
    return start == 0 or data[max(start - 3, 0) : start].endswith((b"\n\n", b"\n\r\n"))


def _letter(message: _Mail, depth: int = 0) -> Letter:
    """Return a message as a letter."""
    letter = Letter(subject=" ".join(_header(message, "Subject").split()))
    letter.lines = [(name, _header(message, name)) for name in _LINES]
    _collect(message, letter, depth)
    return letter


def _collect(part: _Mail, letter: Letter, depth: int) -> None:
    """Sort a part, and the parts within it, into words and attachments."""
    kind = part.get_content_type()
    if depth > _MOST_DEPTH or len(letter.attachments) + len(letter.bodies) > _MOST_PARTS:
        letter.notes.append("Parts of the message that lie too deep or are too many were left out.")
        return
    if kind in _LOCKED and "signed" not in _parameter(part, "smime-type"):
        letter.attachments.append(
            Attachment(_name(part) or "The message's text", why="it is encrypted")
        )
    elif kind == "multipart/alternative":
        _alternative(part, letter, depth)
    elif kind == "message/rfc822":
        inner = next(iter(_parts(part)), None)
        if inner is not None:
            name = _name(part) or _header(inner, "Subject") or "An attached message"
            letter.attachments.append(Attachment(name, letter=_letter(inner, depth + 1)))
    elif kind in _BODIES and not _is_attached(part):
        letter.bodies.append(_BODIES[kind](part))
    elif part.is_multipart():
        for child in _parts(part):
            _collect(child, letter, depth + 1)
    elif kind not in _TRANSPORT and kind not in _SIGNATURES:
        _attach(part, letter, kind)


def _report(part: _Mail) -> ParsedDocument:
    """
    Return what a delivery report says of each recipient, a paragraph each.

    The library holds a block of the report as a message of headers without a body.
    """
    told = []
    for block in _parts(part):
        lines = [f"{name}: {value}" for name in _FATE if (value := _header(block, name).strip())]
        if block.get("Final-Recipient"):
            told.append("\n".join(lines))
    return parse_plain("\n\n".join(told), "text")


def _attach(part: _Mail, letter: Letter, kind: str) -> None:
    """Keep a file that came with a message; pictures within its page are a part of its looks."""
    name = _name(part)
    inside = bool(part.get("Content-ID")) and kind.startswith("image/")
    if inside and "attachment" not in _header(part, "Content-Disposition").lower():
        return
    letter.attachments.append(Attachment(name or f"an attachment ({kind})", _bytes(part)))


def _alternative(part: _Mail, letter: Letter, depth: int) -> None:
    """Take the best of several forms of the same words."""
    plain: ParsedDocument | None = None
    page: ParsedDocument | None = None
    chosen: Letter | None = None
    for child in _parts(part):
        inner = Letter()
        _collect(child, inner, depth + 1)
        letter.attachments.extend(inner.attachments)
        letter.notes.extend(inner.notes)
        if child.get_content_type() == "text/plain":
            plain = next(iter(inner.bodies), plain)
        elif any(body.kind == "html" for body in inner.bodies):
            page, chosen = inner.bodies[0], inner
        elif chosen is None and inner.bodies:
            chosen = inner
    if plain and plain.text.strip() and (page is None or better(plain.text, page)):
        letter.bodies.append(plain)
    elif chosen is not None:
        letter.bodies.extend(chosen.bodies)


def _page(part: _Mail) -> ParsedDocument:
    """Return the words of an HTML part."""
    return parse_html(_text(part))


def _plain(part: _Mail) -> ParsedDocument:
    """Return a text part; lines that were broken for their length alone are joined."""
    text = _text(part)
    if _parameter(part, "format").lower() == "flowed":
        text = unflowed(cleaned(text), delete_space=_parameter(part, "delsp").lower() == "yes")
    return parse_plain(text, "text")


#: Readers of the parts that are the message's own words.
_BODIES: dict[str, Callable[[_Mail], ParsedDocument]] = {
    "text/plain": _plain,
    "text/html": _page,
    "message/delivery-status": _report,
}


def _parts(part: _Mail) -> list[_Mail]:
    """Return the parts of a part."""
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _leaves(message: _Mail) -> Iterator[_Mail]:
    """Yield all parts that hold no others."""
    return (part for part in message.walk() if not part.is_multipart())


def _is_attached(part: _Mail) -> bool:
    """Tell whether a text part is a file of its own."""
    return part.get_content_disposition() == "attachment" or bool(_name(part))


def _bytes(part: _Mail) -> bytes:
    """Return a part's decoded bytes."""
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _text(part: _Mail) -> str:
    """Return a part's text by the character set it names, or else by the bytes themselves."""
    data = _bytes(part)
    named = _parameter(part, "charset").strip("\"' ").lower()
    if named and named not in ("us-ascii", "ascii", "unknown-8bit"):
        try:
            return data.decode("cp1252" if named in ("iso-8859-1", "latin1") else named)
        except (LookupError, UnicodeDecodeError):
            pass
    return readable(data)


def _parameter(part: _Mail, name: str) -> str:
    """Return a parameter of a part's content type; empty where there is none."""
    value = part.get_param(name)
    return collapse_rfc2231_value(value) if isinstance(value, (str, tuple)) else ""


def _name(part: _Mail) -> str:
    """Return the name of the file that a part holds; empty where it has none."""
    name = part.get_filename()
    return _words(name).replace("\\", "/").rpartition("/")[2] if name else ""


def _header(part: _Mail, name: str) -> str:
    """Return a header, its encoded words decoded; empty where there is none."""
    # As it lies in the file: the library replaces bytes beyond ASCII when asked by name.
    wanted = name.lower()
    return _words(next((str(v) for n, v in part.raw_items() if n.lower() == wanted), ""))


def _trimmed(message: _Mail) -> _Mail:
    """Return a message without headers of no bearable length, which take long to take apart."""
    for part in message.walk():
        for name in {name for name, value in part.raw_items() if len(value) > _MOST_HEADER}:
            del part[name]
    return message


def _words(value: str) -> str:
    """Decode the encoded words of a header (RFC 2047), and bytes that should not be there."""
    try:
        value.encode("ascii")
    except UnicodeEncodeError:
        data = value.encode("utf-8", "surrogateescape")
        value = readable(data) or value
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    parts = []
    for piece, charset in pieces:
        if isinstance(piece, str):
            parts.append(piece)
        else:
            parts.append(_decoded(piece, charset or "latin-1"))
    return "".join(parts)


def _decoded(data: bytes, charset: str) -> str:
    """Decode the bytes of an encoded word."""
    try:
        return data.decode(charset)
    except (LookupError, UnicodeDecodeError):
        return readable(data)
