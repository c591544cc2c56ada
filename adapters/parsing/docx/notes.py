"""Footnotes, endnotes and comments of a Word file, by their ids, with the marks of the notes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from adapters.parsing.docx.inline import DELETED, Line
from adapters.parsing.docx.package import Package, W
from rag.text.sentences import sentence_spans

_SHOWN_CHARACTERS = 120  # of the words that a note or comment is on
_MARK = re.compile(r"\[note \d+\]")
_STOPS = " .,;:"


@dataclass(slots=True)
class Notes:
    """
    The notes and comments that a part refers to, each told once.

    Footnotes are counted as they come, endnotes on from the last footnote, so that a mark is one
    note's alone. *first* is the number before the first, *footnotes* how many have a mark. A note
    begins with the words it is on, so that it can be found and understood where it stands alone.
    """

    found: dict[tuple[str, str], etree._Element] = field(default_factory=dict)
    damaged: list[str] = field(default_factory=list)  # kinds whose part cannot be read
    first: int = 0
    footnotes: int = 0
    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[str, str, str]] = field(default_factory=list)  # kind, id, words it is on
    _told: set[tuple[str, str]] = field(default_factory=set)

    def mark(self, kind: str, name: str) -> str:
        """Return the mark of a note, empty if there is no such note."""
        key = kind, name
        if key not in self.found:
            return ""
        if key not in self._numbers:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            before = self.footnotes if kind == "endnote" else 0
            self._numbers[key] = self.first + before + count
        return f"[note {self._numbers[key]}]"

    def wait(self, line: Line) -> None:
        """Remember the notes and comments of a line that were not told yet."""
        if line.bare:
            return
        comments = [("comment", name, words) for name, words in line.comments.items()]
        for kind, name, words in line.notes + comments:
            if (kind, name) in self.found and (kind, name) not in self._told:
                self._told.add((kind, name))
                self._waiting.append((kind, name, words))

    def due(self) -> list[tuple[str, etree._Element]]:
        """Hand out what waits: what stands before the words of each note, and the note."""
        if not self._waiting:
            return []
        waiting, self._waiting = self._waiting, []
        return [(self._lead(*one), self.found[one[0], one[1]]) for one in waiting]

    def _lead(self, kind: str, name: str, words: str) -> str:
        """Return what stands before the words of a note or comment."""
        if kind == "comment":
            return _comment_lead(self.found[kind, name], words)
        return _note_lead(self.mark(kind, name), words)

    @staticmethod
    def only_marks(text: str) -> bool:
        """Return True if a text is nothing but marks of notes."""
        return not _MARK.sub("", text).strip()

    @property
    def last(self) -> int:
        """The greatest number that a note can get."""
        return self.first + sum(kind != "comment" for kind, _ in self.found)


def read_notes(package: Package, name: str, root: etree._Element, *, first: int = 0) -> Notes:
    """Read the notes and comments of part *name*, whose root is *root*."""
    found: dict[tuple[str, str], etree._Element] = {}
    damaged = []
    for kind in ("footnote", "endnote", "comment"):
        target = package.related(name, f"{kind}s")
        try:
            part = package.xml(target) if target else None
        except etree.LxmlError:
            damaged.append(kind)
            continue
        for note in part.iterfind(f"{W}{kind}") if part is not None else ():
            if note.get(f"{W}type", "normal") == "normal":  # others are separators
                found[kind, note.get(f"{W}id", "")] = note
    return Notes(found, damaged, first, _footnotes(root, found))


def _footnotes(root: etree._Element, found: Mapping[tuple[str, str], object]) -> int:
    """Return how many of the footnotes that were *found* a text refers to."""
    if not any(kind == "footnote" for kind, _ in found):
        return 0
    names = {
        mark.get(f"{W}id", "")
        for mark in root.iter(f"{W}footnoteReference")
        if not any(above.tag in DELETED for above in mark.iterancestors())
    }
    return sum(("footnote", name) in found for name in names)


def _note_lead(mark: str, before: str) -> str:
    """Return what stands before the words of a note: its mark, and the sentence it explains."""
    text = " ".join(_MARK.sub("", before).split())
    spans = sentence_spans(text)
    words = text[slice(*spans[-1])].rstrip(_STOPS) if spans else ""
    if len(words) > _SHOWN_CHARACTERS:
        words = "… " + words[-_SHOWN_CHARACTERS:].split(" ", 1)[-1]
    return f"{mark} “{words}”:" if words else mark


def _comment_lead(comment: etree._Element, commented: str) -> str:
    """Return what stands before the words of a comment: who says it, and on what."""
    author = " ".join(comment.get(f"{W}author", "").split())
    words = " ".join(_MARK.sub("", commented).split())
    if len(words) > _SHOWN_CHARACTERS:
        words = words[:_SHOWN_CHARACTERS].rsplit(" ", 1)[0] + " …"
    return f"Comment{f' by {author}' if author else ''}{f' on “{words}”' if words else ''}:"
