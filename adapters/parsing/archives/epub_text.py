"""EPUB: the chapters of a book in the order in which they are read, with title and author."""

import posixpath

from lxml import etree

from adapters.parsing.detection import readable
from adapters.parsing.markup.html_text import parse_html
from adapters.parsing.shared.assembly import Assembly, sane_title
from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.nesting import embed
from adapters.parsing.shared.packages import (
    DAMAGED,
    Package,
    attribute,
    below,
    joined,
    local,
    reading,
)
from rag.documents import ParsedDocument
from rag.errors import Unreadable

_WHAT = "an EPUB book"
_PAGES = frozenset({"application/xhtml+xml", "text/html", "application/x-dtbook+xml", "text/xml"})
_MOST_TOLD = 20


def parse_epub(data: bytes) -> ParsedDocument:
    """
    Return the chapters; the navigation is left out, what is missing is named in a note.

    Raises:
        Unreadable: `corrupt`, `encrypted` (also by digital rights management), `too_large` (a zip
            bomb), or `unsafe` (entities).
    """
    with reading(_WHAT):
        return _book(Package(data, what=_WHAT))


def _book(package: Package) -> ParsedDocument:
    """Read a book by its package document."""
    name = _root_file(package)
    root = package.xml(name)
    out = Assembly()
    title = sane_title(_said(root, "title"))
    authors = [one_line("".join(map(str, who.itertext()))) for who in below(root, "creator")]
    if title:
        out.add("heading", title, level=1)
    if any(authors):
        out.add("paragraph", f"Author: {'; '.join(filter(None, authors))}")
    locked = _locked(package)
    missing = []
    chapters = _chapters(root, posixpath.dirname(name))
    for part in chapters:
        if part in locked:
            raise Unreadable("encrypted", "The book is protected against copying; it is not read.")
        try:
            body = package.read(part)
        except DAMAGED:
            body = b""
        text = readable(body)
        if text:
            embed(out, parse_html(text), deeper=1 if title else 0)
        else:
            missing.append(part)
    for part in missing[:_MOST_TOLD]:
        out.note(f"A part of the book ({part}) is missing or damaged.")
    if len(missing) > _MOST_TOLD:
        out.note(f"{len(missing) - _MOST_TOLD:,} more parts of the book are missing or damaged.")
    if len(missing) == len(chapters):
        raise Unreadable("corrupt", "The book has no chapter that can be read.")
    return out.document("epub", title=title)


def _root_file(package: Package) -> str:
    """Return the name of the package document."""
    container = package.xml("META-INF/container.xml")
    for entry in below(container, "rootfile"):
        name = joined("", entry.get("full-path", ""))
        if name in package:
            return name
    raise ValueError("the book has no package document")


def _said(root: etree._Element, name: str) -> str:
    """Return the first element of a name among the metadata."""
    found = (one_line("".join(map(str, one.itertext()))) for one in below(root, name))
    return next(filter(None, found), "")


def _chapters(root: etree._Element, folder: str) -> list[str]:
    """Return the parts to read, in the order of the spine; all pages where there is no spine."""
    items = {}
    for item in below(root, "item"):
        navigation = "nav" in item.get("properties", "").split()
        if item.get("media-type", "") in _PAGES and not navigation:
            items[item.get("id", "")] = joined(folder, item.get("href", ""))
    spine = [attribute(entry, "idref") for entry in below(root, "itemref")]
    named = [items[one] for one in dict.fromkeys(spine) if one in items]
    return named or list(dict.fromkeys(items.values()))


def _locked(package: Package) -> frozenset[str]:
    """Return the parts that are encrypted; fonts often are, in books that anybody may read."""
    root = package.optional("META-INF/encryption.xml")
    if root is None:
        return frozenset()
    return frozenset(
        joined("", attribute(one, "URI"))
        for one in root.iter("{*}*")
        if local(one) == "CipherReference"
    )
