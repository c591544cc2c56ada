"""The package of a Word file: its parts, checked before they are parsed, and their relations."""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.shared.packages import (
    DAMAGED,
    Relation,
    part_key,
    relations_of,
    relations_part,
    tree,
)
from rag.errors import Unreadable

W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_CORE = (
    "{http://schemas.openxmlformats.org/package/2006/metadata/core-properties}coreProperties",
    "{http://purl.org/dc/elements/1.1/}title",
)

_MOST_BYTES = 256 * 1024 * 1024  # of an archive, unpacked
_MOST_PARTS = 10_000
_MOST_RATIO = 200  # unpacked to packed, past the first MiB: text seldom shrinks below a hundredth
_STEP = 1024 * 1024
_FORBIDDEN = tuple(
    word.encode(encoding)
    for word in ("<!DOCTYPE", "<!ENTITY")
    for encoding in ("utf-8", "utf-16-le", "utf-16-be")
)
# The strict form of the format (ISO 29500-1) has namespaces of its own, and else the same elements.
_STRICT = re.compile(rb"(=\s*[\"'])http://purl\.oclc\.org/ooxml/(\w+)/")
_DAMAGED = (*DAMAGED, RuntimeError)  # the second: a part of an unknown packing or password


@dataclass(slots=True)
class Package:
    """
    The parts of a Word file by their names, which are compared without regard to case.

    Only what is asked for is unpacked, within limits, and no part is parsed that declares entities
    or a document type. XML nests 256 deep at most: the parser refuses more, so that its readers may
    recurse.
    """

    archive: zipfile.ZipFile
    names: dict[str, zipfile.ZipInfo]
    most: int  # bytes that all parts that are read may have, unpacked
    _read: int = 0
    _known: set[str] = field(default_factory=set)  # parts that were read before
    _relations: dict[str, dict[str, Relation]] = field(default_factory=dict)
    _types: dict[str, str] | None = None

    def data(self, name: str) -> bytes | None:
        """
        Return the bytes of a part, None if there is none of that name.

        Raises:
            Unreadable: `too_large`, all parts that were read together.
        """
        part = self.names.get(part_key(name))
        if part is None:
            return None
        if part.filename not in self._known:
            self._known.add(part.filename)
            self._read += part.file_size
        if self._read > self.most:  # zipfile never yields more than the size that a part declares
            raise _too_large(self.most)
        return self.archive.read(part)

    def xml(self, name: str) -> etree._Element | None:
        """
        Return the root of a part, None if there is none.

        Raises:
            Unreadable: `unsafe`, a document type or entities; `too_large`.

            lxml.etree.XMLSyntaxError: It is no XML.
        """
        data = self.data(name)
        if data is None:
            return None
        if any(word in data for word in _FORBIDDEN):
            raise Unreadable(
                "unsafe", "The Word file declares XML entities, which Word never does."
            )
        if b"purl.oclc.org/ooxml" in data:
            data = _STRICT.sub(rb"\1http://schemas.openxmlformats.org/\2/2006/", data)
        return tree(data)

    def relations(self, name: str) -> dict[str, Relation]:
        """Return what the part *name* refers to, by id; the package itself is the empty name."""
        if name not in self._relations:
            self._relations[name] = self._read_relations(name)
        return self._relations[name]

    def related(self, name: str, kind: str) -> str | None:
        """Return the name of the first part of *kind* that part *name* refers to."""
        for relation in self.relations(name).values():
            if relation.kind == kind and not relation.external:
                return relation.target
        return None

    def content_type(self, name: str) -> str:
        """Return the declared type of a part, in small letters; empty if there is none."""
        if self._types is None:
            self._types = self._read_types()
        extension = posixpath.splitext(name)[1].lower()
        return self._types.get(part_key(name)) or self._types.get(extension, "")

    @property
    def main(self) -> str:
        """The name of the part that holds the body."""
        return self.related("", "officeDocument") or "word/document.xml"

    @property
    def title(self) -> str | None:
        """The title among the core properties."""
        name = self.related("", "core-properties") or "docProps/core.xml"
        try:
            root = self.xml(name)
        except etree.LxmlError:
            return None
        return root.findtext(_CORE[1]) if root is not None and root.tag == _CORE[0] else None

    def _read_relations(self, name: str) -> dict[str, Relation]:
        """Read the relationships part that belongs to *name*; a damaged one is empty."""
        try:
            root = self.xml(relations_part(name))
        except etree.LxmlError:
            root = None
        return relations_of(name, root)

    def _read_types(self) -> dict[str, str]:
        """Read the declared types, by the names of parts and by extensions with their dot."""
        try:
            root = self.xml("[Content_Types].xml")
        except etree.LxmlError:
            root = None
        types = {}
        for one in root if root is not None else ():
            key = part_key(one.get("PartName", "")) or f".{one.get('Extension', '')}".lower()
            types[key] = one.get("ContentType", "").lower()
        return types


@contextmanager
def opened(data: bytes) -> Iterator[Package]:
    """
    Open a package, and turn whatever damage shows up into one error.

    Raises:
        Unreadable: `corrupt`, `encrypted`, `too_large` (a zip bomb), or `unsafe` (a DTD).
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
            if len(parts) > _MOST_PARTS:
                raise Unreadable("too_large", f"The Word file has more than {_MOST_PARTS:,} parts.")
            if any(part.flag_bits & 1 for part in parts):
                raise Unreadable("encrypted", "The Word file is protected by a password.")
            most = min(_MOST_BYTES, _STEP + _MOST_RATIO * len(data))
            yield Package(archive, {part_key(part.filename): part for part in parts}, most)
    except _DAMAGED as error:
        raise Unreadable("corrupt", f"The Word file is damaged ({error}).") from error


def _too_large(most: int) -> Unreadable:
    """Return the error for an archive that unpacks to too much."""
    return Unreadable("too_large", f"The Word file unpacks to more than {most // _STEP:,} MiB.")
