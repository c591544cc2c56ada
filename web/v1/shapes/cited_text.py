"""
Answers without their markers, and where in them each citation stands.

OpenAI's annotations say by an offset what a client would have to read out of `[1]`: so the markers
go, and each becomes an annotation at the end of the words that it stood behind. What a model writes
and what its answer is in the end differ in their markers alone, see `rag.answers.citations`, and in
the white space around them: so the text is the same for who reads it while it is written.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from rag.answers.citations import numbers_in

_PART: Final = r"\d{1,3}(?:\s*+[\u2013-]\s*+\d{1,3})?"
# Possessive, and begun only where a run of blanks begins: else a long run takes the square of it.
_SPACE: Final = r"(?<![ \t])(?P<space>[ \t]*+)"
_MARKER: Final = rf"{_SPACE}\[(?P<numbers>{_PART}(?:\s*+[,;]\s*+{_PART})*+)\]"
#: Code and markers of a whole text, as `rag.answers.citations` finds them.
_WHOLE: Final = re.compile(rf"(?P<code>```.*?(?:```|\Z)|`[^`\n]*`)|{_MARKER}", re.DOTALL)
#: The same of a text that goes on: what is open at its end may yet become either.
_GROWING: Final = re.compile(
    r"(?P<code>```.*?```)|(?P<open>```.*\Z|``?\Z)|(?P<inline>`[^`\n]*`)|(?P<begun>`[^`\n]*\Z)"
    rf"|{_MARKER}|(?P<tail>(?<![ \t])[ \t]*+(?:\[[\d\s,;\u2013-]{{0,200}}+)?\Z)",
    re.DOTALL,
)


@dataclass(slots=True)
class MarkerFilter:
    """
    Take the markers out of a text that comes in pieces, and the white space around the whole.

    Args:
        cites: Whether it has markers at all; what was asked of no documents has none.

        kept: How many sources there are whose markers stay, written apart: `[1, 3]` as `[1][3]`.

    Attributes:
        text: All that is settled, in Unicode code points the text of the answer.

        markers: The number of each marker, and the offset at which it stood.
    """

    cites: bool = True
    kept: int = 0
    text: str = ""
    markers: list[tuple[int, int]] = field(default_factory=list)
    #: Not settled yet; and white space, which is the text's own if more follows.
    _held: str = ""
    _space: str = ""

    def feed(self, piece: str) -> None:
        """Take a piece."""
        self._held += piece
        if not self.cites:
            self._settle(len(self._held), ())
            return
        open_at, found = len(self._held), []
        for match in _GROWING.finditer(self._held):
            if match["open"] or match["begun"] or match["tail"] is not None:
                open_at = match.start()
                break
            found.append(match)
        self._settle(open_at, found)

    def end(self) -> None:
        """Settle what was held back, as nothing follows it."""
        found = _WHOLE.finditer(self._held) if self.cites else ()
        self._settle(len(self._held), list(found))
        self.markers = [(number, min(at, len(self.text))) for number, at in self.markers]

    def _settle(self, end: int, found: Sequence[re.Match[str]]) -> None:
        """Hand on the held text up to *end*, in which code and markers were *found*."""
        at = 0
        for match in found:
            self._hand_on(self._held[at : match.start()])
            at = match.end()
            if match["numbers"] is None:
                self._hand_on(match[0])
                continue
            here, numbers = len(self.text), numbers_in(match["numbers"])
            self.markers += [(one, here) for one in numbers]
            if known := [one for one in numbers if 1 <= one <= self.kept]:
                self._hand_on(match["space"] + "".join(f"[{one}]" for one in known))
        self._hand_on(self._held[at:end])
        self._held = self._held[end:]

    def _hand_on(self, settled: str) -> None:
        """Take in a part without markers; white space waits for what follows."""
        words = settled.rstrip()
        if not words:
            self._space += settled
            return
        whole = self._space + settled[: len(words)]
        self.text += whole if self.text else whole.lstrip()
        self._space = settled[len(words) :]


#: Characters of a piece of a text: one that ends with a word, and the longest.
_LEAST_PIECE: Final = 12
_MOST_PIECE: Final = 48
_WORD_END: Final = re.compile(r"\s(?=\S)")


def pieces(text: str, at: int) -> Iterator[str]:
    """
    Yield the pieces of a growing text that begin at *at* and whose ends are there.

    They are cut by the text alone, however it came: so its pieces are the same each time.
    """
    while True:
        found = _WORD_END.search(text, at + _LEAST_PIECE - 1, at + _MOST_PIECE + 1)
        if found is not None:
            end = found.end()
        elif len(text) > at + _MOST_PIECE:
            end = at + _MOST_PIECE
        else:
            return
        yield text[at:end]
        at = end


def annotations(
    markers: Sequence[tuple[int, int]],
    result: Mapping[str, Any],
    sources: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """
    Return the annotations of a text: one for each of its markers that a citation resolves.

    The citations of one marker come in the order in which it stands in the text. Where the result
    has no citations, what its sentences rest on is told. Beside what OpenAI names each annotation
    says which words of the document it quotes.
    """
    if not result["citations"]:
        told = result.get("attributions", ())
        found = [_annotation(one["at"], one, sources) for one in told]
        return [one for one in found if one is not None]
    left: dict[int, list[Mapping[str, Any]]] = {}
    for citation in result["citations"]:
        left.setdefault(citation["marker"], []).append(citation)
    notes = []
    for number, offset in markers:
        own = left.get(number)
        if own:
            notes.append(_annotation(offset, own.pop(0) if len(own) > 1 else own[0], sources))
    return [one for one in notes if one is not None]


def filename(source: Mapping[str, Any]) -> str:
    """Return what the file of a passage is called, or its document where it came as none."""
    return str(source.get("filename") or source["title"] or source["document_id"])


def _annotation(
    at: int, citation: Mapping[str, Any], sources: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    """Show what stands behind the words that end *at*; None where its source is not known."""
    if citation["source"] >= len(sources):
        return None
    source = sources[citation["source"]]
    return {
        "type": "file_citation",
        "file_id": source["document_id"],
        "filename": filename(source),
        "index": at,
        "quote": citation["quote"],
        "start": citation["start"],
        "end": citation["end"],
        "page": citation.get("page"),
    }
