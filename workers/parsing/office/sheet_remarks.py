"""What lies beside or over the cells of an Excel sheet: comments, and the words of boxes."""

from collections.abc import Iterator

from lxml import etree

from workers.parsing.grids import one_line
from workers.parsing.office.packages import Package, below
from workers.parsing.office.slide_paragraphs import paragraph_text

_MOST = 20_000


def beside_cells(package: Package, part: str) -> list[str]:
    """Return the comments on a sheet's cells, then the words of its boxes."""
    roots: dict[str, list[etree._Element]] = {}
    for relation in package.relations(part).values():
        if relation.kind in ("comments", "threadedComment", "drawing"):
            root = package.optional(relation.target)
            if root is not None:
                roots.setdefault(relation.kind, []).append(root)
    threads = [c for root in roots.get("threadedComment", []) for c in _threaded(root)]
    # What older programs are shown in place of a thread only says that there is one.
    replaced = {place for place, _ in threads}
    notes = [c for root in roots.get("comments", []) for c in _noted(root) if c[0] not in replaced]
    said = [f"Comment on {place}: {text}" for place, text in (*notes, *threads) if text]
    boxes = [text for root in roots.get("drawing", []) for text in _boxed(root)]
    return [*said, *boxes][:_MOST]


def _noted(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each comment of the older kind."""
    for comment in below(root, "comment"):
        text = "".join(piece.text or "" for piece in below(comment, "t"))
        yield comment.get("ref", ""), one_line(text)


def _threaded(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Yield the place and text of each comment and reply of the newer kind."""
    for comment in below(root, "threadedComment"):
        text = "".join(piece.text or "" for piece in below(comment, "text"))
        yield comment.get("ref", ""), one_line(text)


def _boxed(root: etree._Element) -> Iterator[str]:
    """Yield the paragraphs of the boxes and shapes that lie over the cells."""
    for shape in below(root, "sp"):
        for paragraph in below(shape, "p"):
            text = paragraph_text(paragraph)
            if text.strip():
                yield text
