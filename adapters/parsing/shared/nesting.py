"""Files within files: attachments and members of archives, read by the same readers, bounded."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from adapters.parsing.shared.assembly import Assembly, cleaned, header_lines
from rag.documents import ParsedDocument
from rag.errors import Unreadable

_MOST_DEPTH = 4  # a file in an archive in a mail in a mailbox
_MOST_FILES = 2000
_MOST_BYTES = 256 * 2**20
_MOST_TOLD = 50  # files that are named because they could not be read
_NAME_CHARACTERS = 300
_DEEPEST_HEADING = 6


@dataclass(slots=True)
class _Purse:
    """What is left for all files within one file, however deep they lie."""

    files: int = _MOST_FILES
    room: int = _MOST_BYTES
    told: int = 0


@dataclass(frozen=True, slots=True)
class Nest:
    """
    How deep a reader is in files within files, and what it may still open.

    Args:
        read: Reads one file from its bytes and its name; `formats.parse` in all but tests.

        depth: 0 in the file that was handed over.
    """

    read: Callable[[bytes, str, "Nest"], ParsedDocument]
    depth: int = 0
    purse: _Purse = field(default_factory=_Purse)

    def deeper(self) -> Self:
        """Return the nest of the files within a file of this one."""
        return type(self)(self.read, self.depth + 1, self.purse)

    def may_go_deeper(self) -> bool:
        """Return True if a file within this one may be opened at all."""
        return self.depth < _MOST_DEPTH

    def enter(self, out: Assembly, name: str, size: int = 0) -> bool:
        """Take room for one more file of *size* bytes; where there is none, say so in a note."""
        if not self.may_go_deeper():
            self.tell(out, name, "it lies too deep in files within files")
        elif self.purse.files <= 0:
            self.tell(out, name, f"{_MOST_FILES:,} files within one file are read at most")
        elif self.purse.room < size:
            self.tell(out, name, f"files within one file may have {_MOST_BYTES >> 20} MiB in all")
        else:
            self.purse.files -= 1
            self.purse.room -= size
            return True
        return False

    def add(self, out: Assembly, name: str, data: bytes, *, level: int) -> None:
        """
        Append the text of a file within a file below a heading with its name.

        What cannot be read is named in a note with the reason; nothing is raised for it.
        """
        name = shown(name)
        if not data:
            self.tell(out, name, "it is empty")
        elif self.enter(out, name, len(data)):
            try:
                document = self.read(data, name.rpartition("/")[2], self.deeper())
            except Unreadable as error:
                self.tell(out, name, error.detail[:1].lower() + error.detail[1:].rstrip("."))
            else:
                out.add("heading", name, level=level)
                embed(out, document, deeper=level, told=f"{name}: ")

    def tell(self, out: Assembly, name: str, why: str) -> None:
        """Name a file within the file that is not read, and why; only so many are named."""
        self.purse.told += 1
        if self.purse.told <= _MOST_TOLD:
            out.note(f"{shown(name)} is not read: {why}.")
        else:
            out.note("More files within the file are not read.")


def shown(name: str) -> str:
    """Return a name as a heading shows it: one line, of a bearable length."""
    return " ".join(cleaned(name).split())[-_NAME_CHARACTERS:] or "a file without a name"


def embed(out: Assembly, document: ParsedDocument, *, deeper: int = 0, told: str = "") -> None:
    """
    Append the blocks of a *document* that is a part of another.

    *deeper* is added to the levels of its headings, *told* goes before its notes.
    """
    text = document.text
    for block in document.blocks:
        level = min(block.level + deeper, _DEEPEST_HEADING) if block.kind == "heading" else 0
        header = header_lines(text, block)
        out.add(block.kind, text[block.start : block.end], level=level, header=header)
    for note in document.notes:
        out.note(f"{told}{note}")
