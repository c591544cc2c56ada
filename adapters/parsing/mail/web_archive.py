"""Saved web pages (MHTML, RFC 2557): the page among its parts, or the pages of its frames."""

from dataclasses import replace
from email.message import Message

from adapters.parsing.mail.mail_parts import header, leaves, parameter, part_text
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.plain_text.plain_text import parse_plain
from adapters.parsing.shared.assembly import Assembly, sane_title
from adapters.parsing.shared.nesting import embed
from rag.documents import ParsedDocument

_PAGES = frozenset({"text/html", "application/xhtml+xml"})


def saved_page(message: Message) -> ParsedDocument | None:
    """
    Return the page of a web archive as `parse_html` does, None where it has none.

    The page is the part that `start` names (RFC 2387, 3.2), else the first; pictures are left out,
    and of a page that only arranges others, these are read.
    """
    pages = [part for part in leaves(message) if part.get_content_type() in _PAGES]
    if not pages:
        return None
    top = part_text(_root(message, pages))
    document = parse_html(top)
    framed = "<frameset" in top.lower() or not document.text.strip()
    if framed and len(pages) > 1:
        out = Assembly()
        for page in pages[1:]:
            embed(out, parse_html(part_text(page)))
        document = out.document("html", title=document.title)
    return replace(document, title=document.title or sane_title(header(message, "Subject")))


def saved_text(message: Message) -> ParsedDocument | None:
    """Return the page of a web archive, or else its first text; None where it has neither."""
    if (page := saved_page(message)) is not None:
        return page
    texts = (part for part in leaves(message) if part.get_content_type() == "text/plain")
    part = next(texts, None)
    return parse_plain(part_text(part), "text") if part is not None else None


def _root(message: Message, pages: list[Message]) -> Message:
    """Return the page that the others belong to."""
    ids = {_id(header(page, "Content-ID")): page for page in reversed(pages)}
    for part in message.walk():
        if part.get_content_type() == "multipart/related":
            start = _id(parameter(part, "start"))
            if start and start in ids:
                return ids[start]
    return pages[0]


def _id(text: str) -> str:
    """Return the id of a part without what stands around it."""
    return text.strip().removeprefix("cid:").strip("<> \"'")
