"""
Answers without their markers, and where in them each citation stands.

OpenAI's annotations say by an offset what a client would have to read out of `[1]`: so the markers
go, and each becomes an annotation at the end of the words that it stood behind.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

_MARKER: Final = re.compile(r"[ \t]*\[(\d{1,3})\]")
#: What may yet become a marker, at the end of what has come so far.
_BEGUN: Final = re.compile(r"[ \t]*(?:\[\d{0,3})?\Z")


@dataclass(slots=True)
class MarkerFilter:
    """
    Take the markers out of a text that comes in pieces.

    Attributes:
        text: All that was handed on, in Unicode code points the text of the answer.

        markers: The number of each marker, and the offset at which it stood.
    """

    text: str = ""
    markers: list[tuple[int, int]] = field(default_factory=list)
    _held: str = ""

    def feed(self, piece: str) -> str:
        """Take a piece; returns what of the text is settled by it."""
        self._held += piece
        begun = _BEGUN.search(self._held)
        settled = self._held[: begun.start()] if begun else self._held
        self._held = self._held[len(settled) :]
        return self._handed_on(settled)

    def end(self) -> str:
        """Return what was held back, as nothing follows it."""
        settled, self._held = self._held, ""
        return self._handed_on(settled)

    def _handed_on(self, settled: str) -> str:
        """Return a settled part without its markers."""
        out, at = "", 0
        for marker in _MARKER.finditer(settled):
            out += settled[at : marker.start()]
            self.markers.append((int(marker[1]), len(self.text) + len(out)))
            at = marker.end()
        out += settled[at:]
        self.text += out
        return out


def annotations(
    markers: Sequence[tuple[int, int]],
    citations: Sequence[Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """
    Return the annotations of a text: one for each of its markers that a citation resolves.

    The citations of one marker come in the order in which it stands in the text. Beside what OpenAI
    names each annotation says which words of the document it quotes.
    """
    left: dict[int, list[Mapping[str, Any]]] = {}
    for citation in citations:
        left.setdefault(citation["marker"], []).append(citation)
    found = []
    for number, offset in markers:
        own = left.get(number)
        if not own:
            continue
        citation = own.pop(0) if len(own) > 1 else own[0]
        if citation["source"] >= len(sources):
            continue
        source = sources[citation["source"]]
        found.append(
            {
                "type": "file_citation",
                "file_id": source["document_id"],
                "filename": source["title"] or source["document_id"],
                "index": offset,
                "quote": citation["quote"],
                "start": citation["start"],
                "end": citation["end"],
                "page": citation.get("page"),
            }
        )
    return found
