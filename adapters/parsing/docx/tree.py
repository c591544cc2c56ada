"""The structure of a Word part: what a container holds, whatever is wrapped around it."""

from collections.abc import Iterator

from lxml import etree

from adapters.parsing.docx.inline import DELETED, MC
from adapters.parsing.docx.package import W

_WRAPPERS = frozenset(
    {f"{W}{name}" for name in ("sdt", "sdtContent", "ins", "moveTo", "customXml", "smartTag")}
    | {f"{MC}Choice", f"{MC}Fallback"}
)


def drop_cap(frame: etree._Element | None) -> bool:
    """Return True if the paragraph in a frame is the large first letter of the next one."""
    return frame is not None and frame.get(f"{W}dropCap", "none") != "none"


def children(container: etree._Element) -> Iterator[etree._Element]:
    """Yield the paragraphs, tables, rows or cells of a container, through content controls."""
    for child in container:
        if child.tag in _WRAPPERS:
            yield from children(child)
        elif child.tag == f"{MC}AlternateContent":
            yield from children(child[0] if len(child) else child)
        elif child.tag not in DELETED:
            yield child


def rows_of(table: etree._Element) -> Iterator[etree._Element]:
    """Yield the rows of a table."""
    return (child for child in children(table) if child.tag == f"{W}tr")


def cells_of(row: etree._Element) -> Iterator[etree._Element]:
    """Yield the cells of a row; those that are merged to the left are part of their neighbour."""
    for child in children(row):
        if child.tag == f"{W}tc":
            merge = child.find(f"{W}tcPr/{W}hMerge")
            if merge is None or merge.get(f"{W}val") == "restart":
                yield child
