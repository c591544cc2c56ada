"""Archives: zip, tar, and what is packed by gzip, bzip2 or xz; each member below its path."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from dataclasses import replace
from pathlib import PurePosixPath

from adapters.parsing.containers import is_tar
from adapters.parsing.detection import decode
from adapters.parsing.shared.assembly import Assembly
from adapters.parsing.shared.nesting import Nest
from adapters.parsing.shared.packages import DAMAGED, reading
from rag.documents import ParsedDocument
from rag.errors import Unreadable

_WHAT = "an archive"
_MOST_ENTRIES = 10_000
_MOST_BYTES = 256 * 2**20  # unpacked
_FREE_BYTES = 16 * 2**20
_MOST_RATIO = 200  # unpacked to packed, past what is free
_STEP = 2**20
_UTF8_NAME = 0x800
_ENCRYPTED = 0x1
_LITTER = frozenset({".ds_store", "thumbs.db", "desktop.ini"})
_SUFFIXES = {".tgz": ".tar", ".tbz": ".tar", ".tbz2": ".tar", ".txz": ".tar"}


def parse_zip(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return the members that can be read, each below its path, in the order of their paths.

    Raises:
        Unreadable: `too_large` (too many members, or a bomb), `encrypted` (all of them) or
            `corrupt`.
    """
    with reading(_WHAT), zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check(len(entries), sum(entry.file_size for entry in entries), len(data))
        if entries and all(entry.flag_bits & _ENCRYPTED for entry in entries):
            raise Unreadable(
                "encrypted", "The archive is protected by a password; unpack it first."
            )
        out = Assembly()
        for name, entry in sorted(((_zip_name(entry), entry) for entry in entries), key=_by_name):
            if _is_litter(name):
                continue
            if entry.flag_bits & _ENCRYPTED:
                nest.tell(out, name, "it is protected by a password")
                continue
            try:
                body = archive.read(entry)
            except (*DAMAGED, RuntimeError):
                nest.tell(out, name, "it is damaged or packed in a way that is not known")
                continue
            nest.add(out, name, body, level=1)
        return _document(out)


def parse_packed(data: bytes, nest: Nest, filename: str) -> ParsedDocument:
    """
    Return what a file packed by gzip, bzip2 or xz holds: an archive's members, or the one file.

    Raises:
        Unreadable: `too_large` (a bomb), `corrupt`, or whatever the one file ends in.
    """
    with reading(_WHAT):
        body = _unpacked(data)
    if is_tar(body):
        return parse_tar(body, nest)
    inner = nest.deeper()
    path = PurePosixPath(filename)
    if not nest.may_go_deeper():
        raise Unreadable("too_large", "The file is packed too many times over.")
    return nest.read(body, path.stem + _SUFFIXES.get(path.suffix.lower(), ""), inner)


def parse_tar(data: bytes, nest: Nest) -> ParsedDocument:
    """
    Return the members that can be read, each below its path, in the order of their paths.

    Raises:
        Unreadable: `too_large` (too many members) or `corrupt`.
    """
    with reading(_WHAT):
        try:
            archive = tarfile.TarFile(fileobj=io.BytesIO(data))
        except tarfile.TarError as error:
            raise ValueError(str(error)) from error
        with archive:
            members = _tar_members(archive)
            _check(len(members), sum(member.size for member in members), len(data))
            out = Assembly()
            for name, member in sorted(((m.name, m) for m in members), key=_by_name):
                if _is_litter(name) or member.isdir():
                    continue
                if not member.isfile():
                    nest.tell(out, name, "it is a link or a device, not a file")
                    continue
                try:
                    source = archive.extractfile(member)
                    body = source.read() if source else b""
                except (tarfile.TarError, *DAMAGED):
                    nest.tell(out, name, "it is damaged")
                    continue
                nest.add(out, name, body, level=1)
            return _document(out)


def _tar_members(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    """Return the members; what follows a damaged one is lost."""
    members: list[tarfile.TarInfo] = []
    try:
        for member in archive:
            members.append(member)
            if len(members) > _MOST_ENTRIES:
                _check(len(members), 0, 0)
    except tarfile.TarError as error:
        if not members:
            raise ValueError(str(error)) from error
    return members


def _check(entries: int, size: int, packed: int) -> None:
    """Refuse an archive of too many members, or one that unpacks to too much."""
    if entries > _MOST_ENTRIES:
        raise Unreadable("too_large", f"The archive has more than {_MOST_ENTRIES:,} members.")
    most = _most(packed)
    if size > most:
        raise Unreadable("too_large", f"The archive unpacks to more than {most // 2**20:,} MiB.")


def _most(packed: int) -> int:
    """Return how many bytes so many packed bytes may unpack to."""
    return min(_MOST_BYTES, _FREE_BYTES + _MOST_RATIO * packed)


def _document(out: Assembly) -> ParsedDocument:
    """Return what was read of an archive, which has no title but its name."""
    return replace(out.document("archive"), title=None)


def _unpacked(data: bytes) -> bytes:
    """Unpack all of a gzip, bzip2 or xz file, its further streams included, within limits."""
    most = _most(len(data))
    packed = io.BytesIO(data)
    source: gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile
    if data.startswith(b"\x1f"):
        source = gzip.GzipFile(fileobj=packed)
    else:
        bzip2 = data.startswith(b"B")
        source = bz2.BZ2File(packed) if bzip2 else lzma.LZMAFile(packed)  # noqa: SIM115
    out = bytearray()
    with source:
        try:
            while piece := source.read(_STEP):
                out += piece
                if len(out) > most:
                    raise Unreadable(
                        "too_large", f"The archive unpacks to more than {most // 2**20:,} MiB."
                    )
        except lzma.LZMAError as error:
            raise ValueError(str(error)) from error
    return bytes(out)


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Return a member's path; older programs write it in whatever code page they run in."""
    name = entry.filename
    if not entry.flag_bits & _UTF8_NAME and not name.isascii():
        try:
            name = decode(name.encode("cp437"))
        except (UnicodeEncodeError, Unreadable):
            return entry.filename
    return name.replace("\\", "/")


def _by_name(pair: tuple[str, object]) -> str:
    """Order members by their paths alone."""
    return pair[0]


def _is_litter(name: str) -> bool:
    """Return True for members that an operating system adds by itself."""
    parts = name.lower().split("/")
    return "__macosx" in parts or parts[-1] in _LITTER or parts[-1].startswith("._")
