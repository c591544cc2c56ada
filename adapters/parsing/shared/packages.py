"""Zip packages of XML parts: what office files and books are made of, read without trust."""

import io
import posixpath
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote

from lxml import etree

from rag.errors import Unreadable

_MOST_PARTS = 20_000
_MOST_BYTES = 256 * 2**20  # unpacked, of all parts that are read
_MOST_RATIO = 200  # unpacked to packed, past what is free: text seldom shrinks below a hundredth
_FREE_BYTES = 8 * 2**20
_ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")
_ENTITY = tuple("<!ENTITY".encode(encoding) for encoding in _ENCODINGS)
#: What a damaged file raises inside its readers.
DAMAGED: Final = (
    zipfile.BadZipFile, zlib.error, etree.LxmlError, LookupError, ValueError, AttributeError,
    TypeError, struct.error, ArithmeticError, EOFError, OSError, NotImplementedError,
    RecursionError,
)  # fmt: skip


@contextmanager
def reading(what: str) -> Iterator[None]:
    """
    Turn what a damaged file raises inside a reader into a refusal of *what*, such as `a book`.

    Raises:
        Unreadable: `corrupt`.
    """
    try:
        yield
    except DAMAGED as error:  # a damaged part shows up as any of these inside a library
        raise Unreadable(
            "corrupt", f"The file is {what} but is cut off or damaged; save it again."
        ) from error


def local(element: etree._Element) -> str:
    """Return an element's name without its namespace; empty for comments and instructions."""
    tag = element.tag
    return tag[tag.find("}") + 1 :] if isinstance(tag, str) else ""


def attribute(element: etree._Element, name: str) -> str:
    """Return the attribute of the local *name*, whatever its namespace; empty if it has none."""
    for key, value in element.attrib.items():
        if str(key).rpartition("}")[2] == name:
            return str(value)
    return ""


def whole(text: str | None, otherwise: int = 0, *, most: int = 1_000_000) -> int:
    """Return the number that *text* writes, if it is one from 0 to *most*."""
    text = text or ""
    plain = text.isascii() and text.isdigit() and len(text) < 10  # noqa: PLR2004 - no such number
    return int(text) if plain and int(text) <= most else otherwise


def below(element: etree._Element, *names: str) -> Iterator[etree._Element]:
    """Yield all descendants of these local names, in document order."""
    return element.iterfind(".//{*}" + names[0]) if len(names) == 1 else _any(element, names)


def _any(element: etree._Element, names: tuple[str, ...]) -> Iterator[etree._Element]:
    """Yield descendants of any of several names."""
    return element.iter(*(f"{{*}}{name}" for name in names))


def parsed(data: bytes, *, what: str) -> etree._Element:
    """
    Parse XML without entities, network and bombs.

    Raises:
        Unreadable: `unsafe`, it declares entities.
        lxml.etree.LxmlError: It is no XML.
    """
    _without_entities(data, what)
    return tree(data)


def tree(data: bytes) -> etree._Element:
    """
    Parse XML whose entities are refused before: nothing is resolved, and nothing outside is read.

    Raises:
        lxml.etree.LxmlError: It is no XML.
    """
    # A parser of its own: one that is shared between calls would be shared between threads.
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    return etree.fromstring(data, parser)


@dataclass(frozen=True, slots=True)
class Relation:
    """What one part of an Office package says of another."""

    kind: str  # the last word of its type, such as `slide`
    target: str  # a part's name, or an address where *external*
    external: bool


class Package:
    """
    The parts of a zip package; only what is asked for is unpacked, within limits.

    Args:
        data: The whole file.

        what: What it is, for refusals, such as `a PowerPoint file`.

    Raises:
        Unreadable: `too_large` or `encrypted`.
        zipfile.BadZipFile: It is no zip archive, or a damaged one.
    """

    def __init__(self, data: bytes, *, what: str) -> None:
        self._what = what
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        parts = self._archive.infolist()
        if len(parts) > _MOST_PARTS:
            raise Unreadable("too_large", f"The file is {what} of more than {_MOST_PARTS:,} parts.")
        self._parts = {part_key(part.filename): part for part in parts}
        self._relations: dict[str, dict[str, Relation]] = {}
        self._left = min(_MOST_BYTES, _FREE_BYTES + _MOST_RATIO * len(data))
        self._most = self._left

    def __contains__(self, name: str) -> bool:
        return part_key(name) in self._parts

    def read(self, name: str) -> bytes:
        """
        Return a part.

        Raises:
            Unreadable: `too_large`, all parts together, or `encrypted`.
            KeyError: There is no such part.
        """
        part = self._parts[part_key(name)]
        if part.flag_bits & 1:
            raise Unreadable("encrypted", f"The file is {self._what} protected by a password.")
        self._left -= part.file_size
        if self._left < 0:  # zipfile never yields more than the size that a part declares
            raise Unreadable(
                "too_large",
                f"The file is {self._what} that unpacks to more than {self._most // 2**20:,} MiB.",
            )
        return self._archive.read(part)

    def xml(self, name: str) -> etree._Element:
        """Return the root of a part; raises as `read` and `parsed` do."""
        return parsed(self.read(name), what=self._what)

    def optional(self, name: str) -> etree._Element | None:
        """Return the root of a part, None where it is absent or damaged."""
        try:
            return self.xml(name)
        except (KeyError, etree.LxmlError, zipfile.BadZipFile, zlib.error):
            return None

    def relations(self, part: str) -> dict[str, Relation]:
        """Return what *part* points to, by id; an empty name means the package itself."""
        if part not in self._relations:
            self._relations[part] = relations_of(part, self.optional(relations_part(part)))
        return self._relations[part]

    def main_part(self, usual: str) -> str:
        """Return the name of the part that a reader of an Office file begins with."""
        for relation in self.relations("").values():
            if relation.kind == "officeDocument" and relation.target in self:
                return relation.target
        return usual

    def core_title(self) -> str:
        """Return the title among an Office file's properties; empty where there is none."""
        for relation in self.relations("").values():
            if relation.kind == "core-properties":
                root = self.optional(relation.target)
                titles = below(root, "title") if root is not None else iter(())
                return next(("".join(map(str, t.itertext())) for t in titles), "")
        return ""


def joined(folder: str, target: str) -> str:
    """Return the part that *target*, a relative address without fragment, names from *folder*."""
    path = unquote(target.split("#", maxsplit=1)[0])
    return posixpath.normpath(posixpath.join("/", folder, path)).lstrip("/")


def part_key(name: str) -> str:
    """Return a part's name as Office compares it: without case, and with either slash."""
    return name.replace("\\", "/").lstrip("/").lower()


def relations_part(part: str) -> str:
    """Return the name of the part that says what *part* points to."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def relations_of(part: str, root: etree._Element | None) -> dict[str, Relation]:
    """Return what *part* points to by the *root* of its relations; None is a part without any."""
    folder = posixpath.dirname(part)
    found = {}
    for one in below(root, "Relationship") if root is not None else ():
        external = one.get("TargetMode") == "External"
        target = one.get("Target", "")
        if not external:
            target = joined(folder, target)
        kind = one.get("Type", "").rpartition("/")[2]
        found[one.get("Id", "")] = Relation(kind, target, external)
    return found


def streamed(data: bytes, tags: tuple[str, ...], *, what: str) -> Iterator[etree._Element]:
    """
    Yield the elements of these tags as they end, each to be read before the next is asked for.

    Raises:
        Unreadable: `unsafe`, the XML declares entities.
        lxml.etree.LxmlError: It is no XML.
    """
    _without_entities(data, what)
    found = etree.iterparse(
        io.BytesIO(data), tag=tags, resolve_entities=False, no_network=True, load_dtd=False,
        remove_comments=True, remove_pis=True,
    )  # fmt: skip
    for _, element in found:
        yield element
        element.clear()
        # What was read still hangs on its parent, empty.
        while element.getprevious() is not None and element.getparent() is not None:
            del element.getparent()[0]


def _without_entities(data: bytes, what: str) -> None:
    """Refuse XML that declares entities: they may be bombs, and no program writes them."""
    if any(word in data for word in _ENTITY):
        raise Unreadable("unsafe", f"The file is {what} that declares XML entities; remove them.")
