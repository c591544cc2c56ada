"""What lies beside or over the cells of an Excel sheet: comments, and the words of boxes."""

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lxml import etree

from adapters.parsing.drawings.slide_paragraphs import paragraph_text
from adapters.parsing.shared.comments import authors, told
from adapters.parsing.shared.packages import Package, below, whole

_MOST = 20_000


class _Comment(NamedTuple):
    """A comment on a cell."""

    place: str
    text: str
    author: str


def beside_cells(package: Package, part: str) -> list[str]:
    """Return the comments on a sheet's cells, then the words of its boxes."""
    roots: dict[str, list[etree._Element]] = {}
    for relation in package.relations(part).values():
        if relation.kind in ("comments", "threadedComment", "drawing"):
            root = package.optional(relation.target)
            if root is not None:
                roots.setdefault(relation.kind, []).append(root)
    who = authors(package, package.main_part("xl/workbook.xml")) if roots else {}
    threads = [c for root in roots.get("threadedComment", []) for c in _threaded(root, who)]
    # What older programs are shown in place of a thread only says that there is one.
    replaced = {thread.place for thread in threads}
    notes = [c for root in roots.get("comments", []) for c in _noted(root)]
    kept = [*(c for c in notes if c.place not in replaced), *threads]
    said = [told(c.text, author=c.author, place=c.place) for c in kept]
    boxes = [text for root in roots.get("drawing", []) for text in _boxed(root)]
    return [*filter(None, said), *boxes][:_MOST]


def _noted(root: etree._Element) -> Iterator[_Comment]:
    """Yield each comment of the older kind."""
    names = [author.text or "" for author in root.iterfind("{*}authors/{*}author")]
    for comment in below(root, "comment"):
        text = "".join(piece.text or "" for piece in below(comment, "t"))
        number = whole(comment.get("authorId"), len(names))
        yield _Comment(comment.get("ref", ""), text, names[number] if number < len(names) else "")


def _threaded(root: etree._Element, who: Mapping[str, str]) -> Iterator[_Comment]:
    """Yield each comment and reply of the newer kind."""
    for comment in below(root, "threadedComment"):
        text = "".join(piece.text or "" for piece in below(comment, "text"))
        yield _Comment(comment.get("ref", ""), text, who.get(comment.get("personId", ""), ""))


def _boxed(root: etree._Element) -> Iterator[str]:
    """Yield the paragraphs of the boxes and shapes that lie over the cells."""
    for shape in below(root, "sp"):
        for paragraph in below(shape, "p"):
            text = paragraph_text(paragraph)
            if text.strip():
                yield text
