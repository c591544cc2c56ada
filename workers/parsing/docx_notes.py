"""Footnotes, endnotes and comments of a Word file, by their ids, with the marks of the notes."""

from dataclasses import dataclass, field

from lxml import etree

from workers.parsing.docx_inline import DELETED
from workers.parsing.docx_package import Package, W

_REFERENCES = {"footnote": f"{W}footnoteReference", "endnote": f"{W}endnoteReference"}
_COMMENTED_CHARACTERS = 100  # words of a text that a comment repeats


@dataclass(slots=True)
class Notes:
    """
    The notes and comments that a part refers to.

    Footnotes are counted as they come, endnotes on from the last footnote, so that a mark is one
    note's alone. *first* is the number before the first.
    """

    found: dict[tuple[str, str], etree._Element] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)  # kinds whose part cannot be read
    first: int = 0
    _footnotes: int = 0
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def mark(self, kind: str, name: str) -> str:
        """Return the mark of a note, empty if there is no such note."""
        key = kind, name
        if key not in self.found:
            return ""
        if key not in self._numbers:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            before = self._footnotes if kind == "endnote" else 0
            self._numbers[key] = self.first + before + count
        return f"[note {self._numbers[key]}]"

    @property
    def last(self) -> int:
        """The greatest number of a note, or the number before the first."""
        return max(self._numbers.values(), default=self.first)


def read_notes(package: Package, name: str, root: etree._Element, *, first: int = 0) -> Notes:
    """Read the notes and comments of part *name*, whose root is *root*."""
    notes = Notes(first=first)
    for kind in ("footnote", "endnote", "comment"):
        target = package.related(name, f"{kind}s")
        try:
            part = package.xml(target) if target else None
        except etree.LxmlError:
            notes.damaged.append(kind)
            continue
        for note in part.iterfind(f"{W}{kind}") if part is not None else ():
            if note.get(f"{W}type", "normal") == "normal":  # others are separators
                notes.found[kind, note.get(f"{W}id", "")] = note
    notes._footnotes = _references(root, "footnote", notes)  # noqa: SLF001 - its own maker
    return notes


def _references(root: etree._Element, kind: str, notes: Notes) -> int:
    """Return how many notes of *kind* a text refers to."""
    if not any(of == kind for of, _ in notes.found):
        return 0
    names = {
        mark.get(f"{W}id", "")
        for mark in root.iter(_REFERENCES[kind])
        if not any(above.tag in DELETED for above in mark.iterancestors())
    }
    return sum((kind, name) in notes.found for name in names)


def comment_lead(comment: etree._Element, commented: str) -> str:
    """Return what stands before the words of a comment: who says it, and on what."""
    author = " ".join(comment.get(f"{W}author", "").split())
    words = " ".join(commented.split())
    if len(words) > _COMMENTED_CHARACTERS:
        words = words[:_COMMENTED_CHARACTERS].rsplit(" ", 1)[0] + " …"
    return f"Comment{f' by {author}' if author else ''}{f' on “{words}”' if words else ''}:"
