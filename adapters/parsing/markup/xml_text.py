"""XML: data as records with the names of its elements, documents as their paragraphs."""

import re
from typing import Any, Final

from lxml import etree

from adapters.parsing.markup.records import Records
from rag.documents import ParsedDocument

_DECLARATION = re.compile(r"\s*<\?xml[^>]*\?>")
_STARTS = re.compile(r"\s*(?:<\?xml\b|<!--|<[A-Za-z_][\w.:-]*(?:\s[^<>]*)?/?>)")
_HEADINGS: Final = frozenset({"title", "head", "heading", "h1", "h2", "h3", "subtitle"})
_MIXED: Final = 0.05  # share of elements with words beside elements that tells a document
_PROSE: Final = frozenset({"p", "para", "simpara", "paragraph"})
_SENTENCE: Final = 40  # characters of an element that is a paragraph and no datum
_UNSEEN: Final = frozenset({"style", "script"})
_INLINE_DEPTH = 200  # of elements inside each other that are written


def looks_like_xml(text: str) -> bool:
    """Return True for text that begins as XML does, and ends with a tag."""
    return bool(_STARTS.match(text)) and text.rstrip().endswith(">")


def parse_xml(text: str) -> ParsedDocument | None:
    """Return what a well-formed XML text says; None where it is not. Nothing outside is read."""
    parser = etree.XMLParser(
        encoding="utf-8",
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        remove_comments=True,
        remove_pis=True,
        huge_tree=False,
    )
    declared = _DECLARATION.match(text)
    body = text[declared.end() :] if declared else text
    try:
        root = etree.fromstring(body.strip().encode("utf-8", "replace"), parser)
    except (etree.XMLSyntaxError, ValueError):
        return None
    records = Records()
    if _is_document(root):
        _write_document(root, records)
    else:
        records.write(_value(root))
    records.out.note(*records.noise.notes())
    return records.out.document("xml")


def _name(element: Any) -> str:
    """Return an element's or attribute's name without its namespace."""
    tag = element if isinstance(element, str) else element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _is_document(root: Any) -> bool:
    """Return True for running text, whose elements stand inside sentences."""
    mixed = elements = 0
    for element in root.iter(etree.Element):
        elements += 1
        if _name(element) in _PROSE and len(" ".join((element.text or "").split())) > _SENTENCE:
            return True
        mixed += len(element) > 0 and _holds_words(element)
    return mixed > _MIXED * elements


def _value(element: Any) -> Any:
    """
    Return an element as JSON would hold it: text, or an object of attributes and elements.

    Elements of one name become a list. libxml2 allows 256 levels, so recursion ends.
    """
    text = " ".join((element.text or "").split()) if len(element) else (element.text or "").strip()
    found: dict[str, Any] = {
        _name(name): value for name, value in element.attrib.items() if value.strip()
    }
    if not len(element) and not found:
        return text
    if text:
        found[""] = text
    lists: set[str] = set()
    for child in element.iterchildren(etree.Element):
        name, value = _name(child), "" if _name(child) in _UNSEEN else _value(child)
        if name in lists:
            found[name].append(value)
        elif name in found:
            found[name] = [found[name], value]
            lists.add(name)
        else:
            found[name] = value
    return found


def _write_document(root: Any, records: Records) -> None:
    """Write each innermost element that holds words as a paragraph, titles as headings."""
    stack: list[tuple[Any, int]] = [(root, 0)]
    while stack:
        element, depth = stack.pop()
        name = _name(element)
        if name in _UNSEEN:
            continue
        if not _holds_words(element) and depth < _INLINE_DEPTH:
            stack.extend((child, depth + 1) for child in reversed(element))
            continue
        text = records.scalar("".join(element.itertext()))
        if name in _HEADINGS:
            records.out.add("heading", text, level=min(max(depth, 1), 6))
        else:
            records.out.add("paragraph", text)


def _holds_words(element: Any) -> bool:
    """Return True if words stand directly in an element or between its elements."""
    if element.text and element.text.strip():
        return True
    return any(child.tail and child.tail.strip() for child in element)
