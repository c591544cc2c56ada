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

from rag.answers.citations import MARKED, MARKER, claim_at, markers, numbers_in, supports
from rag.answers.withheld import WITHHELD, Quoted, quote_ends

Json = dict[str, Any]
#: As a result has it.
Citation = Mapping[str, Any]

#: Who answers with quotes: their brackets are the documents' own, but for the marker behind each.
_QUOTING: Final = "extractive"
#: Code and markers of a text that goes on: what is open at its end may yet become either.
_GROWING: Final = re.compile(
    r"(?P<code>```.*?```)|(?P<open>```.*\Z|``?\Z)|(?P<inline>`[^`\n]*`)|(?P<begun>`[^`\n]*\Z)"
    rf"|{MARKER}|(?P<tail>(?<![ \t])[ \t]*+(?:\[[\d\s,;\u2013-]{{0,200}}+)?\Z)",
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
        found = MARKED.finditer(self._held) if self.cites else ()
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


#: Markers that are made by leaving out others, one in the other: each takes a look at all.
_MOST_NESTED: Final = 8


def rest_of(answer: str, said: str) -> str | None:
    """
    Return what of an answer follows on what was *said* of it; None where that is something else.

    Markers and white space make no difference: while a text is written nobody knows yet which of
    its markers will stay.
    """
    if answer.startswith(said):
        return answer[len(said) :]
    if said.startswith(answer):
        return ""
    (told, ends), (words, places) = _words(said), _words(answer)
    if not words.startswith(told):
        return None
    at = places[len(told) - 1] + 1 if told else 0
    behind = said[ends[-1] + 1 :] if told else said
    return answer[at:].removeprefix(behind)


def _words(text: str) -> tuple[str, list[int]]:
    """Return a text without markers and white space, and where each of its characters stood."""
    places = list(range(len(text)))
    whole = text
    for _ in range(_MOST_NESTED):  # to leave one out may make another
        gone = [one.span() for one in MARKED.finditer(text) if not one["code"]]
        if not gone:
            break
        inside = {n for span in gone for n in range(*span)}
        places = [place for n, place in enumerate(places) if n not in inside]
        text = "".join(whole[place] for place in places)
    places = [place for place in places if not whole[place].isspace()]
    return "".join(whole[place] for place in places), places


@dataclass(frozen=True, slots=True)
class CitedText:
    """
    An answer without its markers.

    Attributes:
        text: Its words.

        cited: Each citation, and where the words end that it stands behind, in order.
    """

    text: str
    cited: Sequence[tuple[int, Citation]] = ()


def cited_text(result: Mapping[str, Any], *, grounded: bool) -> CitedText:
    """
    Return the answer of a result without its markers.

    What was asked of no documents has none. Where a model wrote none, what its sentences rest on is
    told.
    """
    if not grounded:
        return CitedText(result["answer"].strip())
    quotes = _of_quotes(result) if result.get("generator") == _QUOTING else None
    return quotes or _of_model(result)


def _of_quotes(result: Mapping[str, Any]) -> CitedText | None:
    """Return an answer of quotes without the marker behind each; None where one is not found."""
    answer, citations = result["answer"].strip(), _each_note_once(result["citations"])
    before = [None, *citations]
    quotes = [_quoted(*pair) for pair in zip(citations, before, strict=False)]
    ends = quote_ends(answer, quotes)
    if len(ends) < len(quotes):
        return None
    text, at = "", 0
    cited: list[tuple[int, Citation]] = []
    for citation, quote, end in zip(citations, quotes, ends, strict=True):
        text += answer[at : end - len(f" [{quote.source}]")]
        cited.append((len(text), citation))
        at = end
    return CitedText(text + answer[at:], cited)


def _each_note_once(citations: Sequence[Citation]) -> list[Citation]:
    """Return citations without those of deleted documents whose marker another one has, too."""
    kept: list[Citation] = []
    noted: set[int] = set()  # behind the note that stands for all that follow each other
    for citation in citations:
        if not citation.get("deleted"):
            noted.clear()
        elif citation["marker"] in noted:
            continue
        else:
            noted.add(citation["marker"])
        kept.append(citation)
    return kept


def _quoted(citation: Citation, before: Citation | None) -> Quoted:
    """Return the words that the marker of a citation follows: of the deleted, a note for all."""
    words = citation.get("shown") or citation["quote"]
    if citation.get("deleted"):
        words = "" if before is not None and before.get("deleted") else WITHHELD
    return Quoted(words, citation["marker"])


def _of_model(result: Mapping[str, Any]) -> CitedText:
    """Return what a model wrote without its markers."""
    written = MarkerFilter()
    written.feed(result["answer"])
    written.end()
    if not result["citations"]:
        end = len(written.text)
        told = [(min(one["at"], end), one) for one in result.get("attributions", ())]
        return CitedText(written.text, told)
    own: dict[int, list[Citation]] = {}
    for citation in result["citations"]:
        own.setdefault(citation["marker"], []).append(citation)
    stood = zip(written.markers, markers(result["answer"]), strict=False)
    return CitedText(
        written.text,
        [
            (offset, _cited_at(result, own[number], at))
            for (number, offset), (_, at) in stood
            if number in own
        ],
    )


def _cited_at(result: Mapping[str, Any], own: Sequence[Citation], at: int) -> Citation:
    """
    Return which of the citations of one source the marker at *at* of an answer stands for.

    A result has each citation once, however often it is cited: it is the one with most terms of the
    sentence before the marker, by which it was found.
    """
    first, *others = own
    if not others:
        return first
    sources, source = result.get("sources", ()), first["source"]
    language = sources[source].get("language", "") if source < len(sources) else ""
    shared = supports(claim_at(result["answer"], at), language)
    return max(own, key=lambda one: (shared(one["quote"]), -one["start"]))


def annotations(cited: CitedText, sources: Sequence[Mapping[str, Any]]) -> list[Json]:
    """
    Return the annotations of a text: one for each of its citations whose source is known.

    Beside what OpenAI names each says which words of the document it quotes.
    """
    notes = [_annotation(at, citation, sources) for at, citation in cited.cited]
    return [one for one in notes if one is not None]


def filename(source: Mapping[str, Any]) -> str:
    """Return what the file of a passage is called, or its document where it came as none."""
    return str(source.get("filename") or source["title"] or source["document_id"])


def _annotation(at: int, citation: Citation, sources: Sequence[Mapping[str, Any]]) -> Json | None:
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
