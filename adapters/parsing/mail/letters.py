"""A message as text, whatever file it lay in: subject, who and when, its words, its attachments."""

from dataclasses import dataclass, field

from adapters.parsing.shared.assembly import Assembly, sane_title
from adapters.parsing.shared.nesting import Nest, embed, shown
from rag.documents import ParsedDocument

_MOST_ADDRESSES = 2000  # characters of a line of addresses
_HALF = 0.5


@dataclass(slots=True)
class Attachment:
    """A file that came with a message; *why* is the reason if it cannot be read."""

    name: str
    data: bytes = b""
    letter: "Letter | None" = None
    why: str = ""


@dataclass(slots=True)
class Letter:
    """One message; *lines* are pairs such as `From` and an address."""

    subject: str = ""
    lines: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[ParsedDocument] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def add_letter(out: Assembly, letter: Letter, nest: Nest, *, level: int) -> None:
    """Append a message below its subject, then each attachment below its name."""
    subject = shown(letter.subject) if letter.subject.strip() else ""
    if subject:
        out.add("heading", subject, level=level)
    lines = [f"{name}: {_short(value)}" for name, value in letter.lines if value.strip()]
    out.add("paragraph", "\n".join(lines))
    for body in letter.bodies:
        embed(out, body, deeper=level)
    for note in letter.notes:
        out.note(note)
    for attachment in letter.attachments:
        if attachment.why:
            nest.tell(out, attachment.name, attachment.why)
        elif attachment.letter is not None:
            _add_inner(out, attachment, nest, level=level + 1)
        else:
            nest.add(out, attachment.name, attachment.data, level=level + 1)


def _add_inner(out: Assembly, attachment: Attachment, nest: Nest, *, level: int) -> None:
    """Append a message that came with another."""
    inner = attachment.letter
    name = shown((inner.subject if inner else "") or attachment.name)
    if inner is None or not nest.enter(out, name):
        return
    if not inner.subject.strip():
        out.add("heading", name, level=level)
    add_letter(out, inner, nest.deeper(), level=level)


def letter_document(letter: Letter, nest: Nest) -> ParsedDocument:
    """Return a message as a document, its subject as the title."""
    out = Assembly()
    add_letter(out, letter, nest, level=1)
    return out.document("mail", title=sane_title(letter.subject))


def better(plain: str, page: ParsedDocument) -> bool:
    """
    Return True if the plain words of a message serve better than its page.

    They do unless they are a mere hint at the page, or the page has tables, which they flatten.
    """
    tables = any(block.kind == "table" for block in page.blocks)
    return not tables and len(plain.split()) >= _HALF * len(page.text.split())


def unflowed(text: str, *, delete_space: bool) -> str:
    """Return text of `format=flowed` (RFC 3676) with its soft line ends joined."""
    pieces: list[str] = []
    soft, before = False, ""
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        mark = ">" * depth + " " if depth else ""
        joins = soft and mark == before and bare != ""  # an empty line parts all the same
        soft, before = bare.endswith(" ") and bare != "-- ", mark
        pieces.extend(["" if joins else "\n" + mark, bare[:-1] if soft and delete_space else bare])
    return "".join(pieces)[1:]


def _short(value: str) -> str:
    """Return a header on one line of a bearable length."""
    line = " ".join(value.split())
    return line if len(line) <= _MOST_ADDRESSES else line[:_MOST_ADDRESSES] + " …"
