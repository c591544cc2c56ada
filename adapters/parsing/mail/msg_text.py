"""MSG: a message as Outlook saves it, a compound file of properties ([MS-OXMSG])."""

import io
import re
import struct
from datetime import UTC, datetime, timedelta

import olefile

from adapters.parsing.detection import readable
from adapters.parsing.mail.letters import Attachment, Letter, better, letter_document
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.plain_text.plain_text import parse_plain
from adapters.parsing.rtf.packing import unpacked
from adapters.parsing.rtf.text import parse_rtf
from adapters.parsing.rtf.words import page_by_number
from adapters.parsing.shared.assembly import cleaned
from adapters.parsing.shared.compound_streams import stream
from adapters.parsing.shared.nesting import Nest
from adapters.parsing.shared.packages import reading
from rag.documents import ParsedDocument

_WHAT = "an Outlook message"
_SUBJECT, _SENDER, _SENDER_MAIL, _SENDER_SMTP = 0x0037, 0x0C1A, 0x0C1F, 0x5D01
_TO, _CC, _BODY, _HTML, _RTF = 0x0E04, 0x0E03, 0x1000, 0x1013, 0x1009
_DATES = (0x0039, 0x0E06)  # sent, delivered
_CODE_PAGES = (0x3FFD, 0x3FDE)  # of the message's strings, of its page
_NAME, _LONG_NAME, _SHOWN_NAME, _DATA, _METHOD = 0x3704, 0x3707, 0x3001, 0x3701, 0x3705
_HIDDEN, _CONTENT_ID = 0x7FFE, 0x3712
_EMBEDDED, _OLE = 5, 6  # how a file is attached: as a message, as an object of another program
_TEXT, _TEXT_8, _BINARY, _OBJECT = "001F", "001E", "0102", "000D"
_ENTRY = struct.Struct("<HHI8s")
_TOP, _INNER, _WITHIN = 32, 24, 8  # bytes before the entries of properties
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_ATTACHED = re.compile(r"__attach_version1\.0_#[0-9A-Fa-f]{8}", re.IGNORECASE)
_MOST_DEPTH = 4
_MOST_ATTACHED = 2000


def parse_msg(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return a message: who, when, its words, and its attachments.

    Raises:
        Unreadable: `corrupt`.
    """
    with reading(_WHAT), olefile.OleFileIO(io.BytesIO(data)) as ole:
        return letter_document(_Store(ole, [], _TOP).letter(0), nest)


class _Store:
    """The properties below one storage of the file: of a message, or of an attachment."""

    def __init__(self, ole: olefile.OleFileIO, path: list[str], skip: int) -> None:
        self._ole = ole
        self._path = path
        self._fixed: dict[int, bytes] = {}
        entries = self._stream("__properties_version1.0")[skip:]
        for at in range(0, len(entries) - _ENTRY.size + 1, _ENTRY.size):
            _, tag, _, value = _ENTRY.unpack_from(entries, at)
            self._fixed[tag] = value
        pages = [
            struct.unpack_from("<I", self._fixed[page])[0]
            for page in _CODE_PAGES
            if page in self._fixed
        ]
        self._page = page_by_number(pages[0]) if pages else ""

    def letter(self, depth: int) -> Letter:
        """Return the message."""
        letter = Letter(subject=" ".join(self._text(_SUBJECT).split()))
        name = self._text(_SENDER)
        address = self._text(_SENDER_SMTP) or self._text(_SENDER_MAIL)
        if "@" in address and address != name:
            name = f"{name} <{address}>" if name else address
        people = [("From", name), ("To", self._text(_TO)), ("Cc", self._text(_CC))]
        letter.lines = [*people, ("Date", self._date())]
        body = self._body()
        if body is not None:
            letter.bodies.append(body)
        for name in self._attached()[:_MOST_ATTACHED]:
            attachment = _Store(self._ole, [*self._path, name], _WITHIN).attachment(depth)
            if attachment is not None:
                letter.attachments.append(attachment)
        return letter

    def attachment(self, depth: int) -> Attachment | None:
        """Return an attached file; None for pictures within the page of the message."""
        name = self._text(_LONG_NAME) or self._text(_NAME) or self._text(_SHOWN_NAME)
        name = name or "an attachment"
        method = int.from_bytes(self._fixed.get(_METHOD, b"\0")[:4], "little")
        if method == _EMBEDDED:
            if depth >= _MOST_DEPTH:
                return Attachment(name, why="it lies too deep in messages within messages")
            inner = _Store(self._ole, [*self._path, f"__substg1.0_{_DATA:04X}{_OBJECT}"], _INNER)
            return Attachment(name, letter=inner.letter(depth + 1))
        if method == _OLE:
            return Attachment(name, why="it is an object of another program")
        picture = name.lower().endswith((".png", ".gif", ".jpg", ".jpeg", ".bmp"))
        if picture and (self._fixed.get(_HIDDEN, b"\0")[0] or self._text(_CONTENT_ID)):
            return None
        return Attachment(name, self._stream(f"__substg1.0_{_DATA:04X}{_BINARY}"))

    def _attached(self) -> list[str]:
        """Return the names of the storages of attachments, in order."""
        depth = len(self._path)
        found = {
            entry[depth]
            for entry in self._ole.listdir(streams=True, storages=False)
            if len(entry) > depth + 1
            and entry[:depth] == self._path
            and _ATTACHED.fullmatch(entry[depth])
        }
        return sorted(found)

    def _body(self) -> ParsedDocument | None:
        """Return the best form of the message's words."""
        plain = cleaned(self._text(_BODY))
        html = self._stream(f"__substg1.0_{_HTML:04X}{_BINARY}")
        page = parse_html(readable(html) if html else self._text(_HTML))
        if page.text.strip() and not (plain.strip() and better(plain, page)):
            return page
        if plain.strip():
            return parse_plain(plain, "text")
        packed = self._stream(f"__substg1.0_{_RTF:04X}{_BINARY}")
        return parse_rtf(unpacked(packed)) if packed else None

    def _date(self) -> str:
        """Return when the message was sent, in coordinated universal time."""
        for tag in _DATES:
            ticks = int.from_bytes(self._fixed.get(tag, b""), "little")
            if ticks:
                try:
                    moment = _EPOCH + timedelta(microseconds=ticks // 10)
                except OverflowError:
                    continue
                return f"{moment:%Y-%m-%d %H:%M} UTC"
        return ""

    def _text(self, tag: int) -> str:
        """Return a property that is text; empty where there is none."""
        wide = self._stream(f"__substg1.0_{tag:04X}{_TEXT}")
        if wide:
            return wide.decode("utf-16-le", "replace").rstrip("\0")
        narrow = self._stream(f"__substg1.0_{tag:04X}{_TEXT_8}").rstrip(b"\0")
        if not narrow:
            return ""
        return narrow.decode(self._page, "replace") if self._page else readable(narrow)

    def _stream(self, name: str) -> bytes:
        """Return a stream; empty where there is none."""
        return stream(self._ole, [*self._path, name])
