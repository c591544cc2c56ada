"""Mail as RFC 5322 and MIME have it: single messages, mailboxes, and saved web pages (MHTML)."""

import re
from collections.abc import Callable
from dataclasses import replace
from email.message import Message

from adapters.parsing.mail.letters import (
    Attachment,
    Letter,
    add_letter,
    better,
    letter_document,
    unflowed,
)
from adapters.parsing.mail.mail_parts import (
    bare,
    file_name,
    header,
    opened,
    parameter,
    part_bytes,
    part_text,
    parts,
)
from adapters.parsing.mail.web_archive import saved_page
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.plain_text.plain_text import parse_plain
from adapters.parsing.shared.assembly import Assembly, cleaned
from adapters.parsing.shared.nesting import Nest
from adapters.parsing.shared.packages import reading
from rag.documents import ParsedDocument

_WHAT = "a mail file"
_LINES = ("From", "To", "Cc", "Date")
_MOST_DEPTH = 30  # of parts within parts
_MOST_PARTS = 2000
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


def parse_mail(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return a message: who, when, the best alternative of its words, and its attachments.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT):
        return letter_document(_letter(opened(data)), nest)


def parse_mbox(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return the messages of a mailbox in their order, each below its subject.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT):
        out = Assembly()
        data = bare(data)
        starts = [match.start() for match in _BEGIN.finditer(data) if _parted(data, match.start())]
        ends = [*starts[1:], len(data)]
        for number, (start, end) in enumerate(zip(starts, ends, strict=True), start=1):
            if number > _MOST_MESSAGES:
                out.note(f"Of the mailbox the first {_MOST_MESSAGES:,} messages are read.")
                break
            body = data[data.index(b"\n", start) + 1 : end]
            if body.startswith(b">From "):  # from the mailbox that it lay in before
                body = body[body.index(b"\n") + 1 :]
            letter = _letter(opened(_STUFFED.sub(rb"\1", body)))
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
        message = opened(data)
        page = saved_page(message)
        return page if page is not None else letter_document(_letter(message), nest)


def _parted(data: bytes, start: int) -> bool:
    """Return True if a line that may begin a message stands at the start or after an empty line."""
    return start == 0 or data[max(start - 3, 0) : start].endswith((b"\n\n", b"\n\r\n"))


def _letter(message: Message, depth: int = 0) -> Letter:
    """Return a message as a letter."""
    letter = Letter(subject=" ".join(header(message, "Subject").split()))
    letter.lines = [(name, header(message, name)) for name in _LINES]
    _collect(message, letter, depth)
    return letter


def _collect(part: Message, letter: Letter, depth: int) -> None:
    """Sort a part, and the parts within it, into words and attachments."""
    kind = part.get_content_type()
    if depth > _MOST_DEPTH or len(letter.attachments) + len(letter.bodies) > _MOST_PARTS:
        letter.notes.append("Parts of the message that lie too deep or are too many were left out.")
        return
    if kind in _LOCKED and "signed" not in parameter(part, "smime-type"):
        letter.attachments.append(
            Attachment(file_name(part) or "The message's text", why="it is encrypted")
        )
    elif kind == "multipart/alternative":
        _alternative(part, letter, depth)
    elif kind == "message/rfc822":
        inner = next(iter(parts(part)), None)
        if inner is not None:
            name = file_name(part) or header(inner, "Subject") or "An attached message"
            letter.attachments.append(Attachment(name, letter=_letter(inner, depth + 1)))
    elif kind in _BODIES and not _is_attached(part):
        letter.bodies.append(_BODIES[kind](part))
    elif part.is_multipart():
        for child in parts(part):
            _collect(child, letter, depth + 1)
    elif kind not in _TRANSPORT and kind not in _SIGNATURES:
        _attach(part, letter, kind)


def _report(part: Message) -> ParsedDocument:
    """
    Return what a delivery report says of each recipient, a paragraph each.

    The library holds a block of the report as a message of headers without a body.
    """
    told = []
    for block in parts(part):
        lines = [f"{name}: {value}" for name in _FATE if (value := header(block, name).strip())]
        if block.get("Final-Recipient"):
            told.append("\n".join(lines))
    return parse_plain("\n\n".join(told), "text")


def _attach(part: Message, letter: Letter, kind: str) -> None:
    """Keep a file that came with a message; pictures within its page are a part of its looks."""
    name = file_name(part)
    inside = bool(part.get("Content-ID")) and kind.startswith("image/")
    if inside and "attachment" not in header(part, "Content-Disposition").lower():
        return
    letter.attachments.append(Attachment(name or f"an attachment ({kind})", part_bytes(part)))


def _alternative(part: Message, letter: Letter, depth: int) -> None:
    """Take the best of several forms of the same words."""
    plain: ParsedDocument | None = None
    page: ParsedDocument | None = None
    chosen: Letter | None = None
    for child in parts(part):
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


def _page(part: Message) -> ParsedDocument:
    """Return the words of an HTML part."""
    return parse_html(part_text(part))


def _plain(part: Message) -> ParsedDocument:
    """Return a text part; lines that were broken for their length alone are joined."""
    text = part_text(part)
    if parameter(part, "format").lower() == "flowed":
        text = unflowed(cleaned(text), delete_space=parameter(part, "delsp").lower() == "yes")
    return parse_plain(text, "text")


#: Readers of the parts that are the message's own words.
_BODIES: dict[str, Callable[[Message], ParsedDocument]] = {
    "text/plain": _plain,
    "text/html": _page,
    "message/delivery-status": _report,
}


def _is_attached(part: Message) -> bool:
    """Return True if a text part is a file of its own."""
    return part.get_content_disposition() == "attachment" or bool(file_name(part))
