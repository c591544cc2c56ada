"""Passages as JSON: what a question's row keeps of them, and what its result shows as sources."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from rag.documents import RARE, Part, Passage

if TYPE_CHECKING:  # the front end shows results without all that makes them
    from rag.answers.citations import Citation

#: What a citation says of the chunk that it quotes.
_OF_PAGE: Final = ("page", "page_label", "page_kind")
_OF_PASSAGE: Final = frozenset(one.name for one in fields(Passage))
_OF_PART: Final = frozenset(one.name for one in fields(Part))


def source_of(passage: Passage) -> dict[str, Any]:
    """Show a passage as a source."""
    told = asdict(passage) | {"metadata": dict(passage.metadata)}
    if passage.relevance is None:
        del told["relevance"]
    for name in ("collection_id", "filename"):
        if not told[name]:
            del told[name]
    parts = [_without_empty(part, but=(*RARE, "page")) for part in told["parts"]]
    return _without_empty(told) | {"parts": parts}


def passage_of(source: dict[str, Any]) -> Passage:
    """Read a source back; what a later build tells of it, and this one does not know, is left."""
    parts = tuple(Part(**_known(part, _OF_PART)) for part in source.get("parts") or ())
    return Passage(**_known(source, _OF_PASSAGE) | {"parts": parts})


def cited(citation: "Citation", passage: Passage) -> dict[str, Any]:
    """Show a citation of a passage, with the chunk and the page that it quotes."""
    part = passage.chunk_at(citation.start)
    place = {name: getattr(part, name) for name in _OF_PAGE}
    told = {"document_id": passage.document_id, "chunk_id": part.chunk_id}
    return asdict(citation) | told | _without_empty(place)


def _known(told: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    """Return what is told under names that this build knows."""
    return {name: value for name, value in told.items() if name in names}


def _without_empty(told: dict[str, Any], *, but: Sequence[str] = RARE) -> dict[str, Any]:
    """Leave out what most have none of where it is empty: it takes room in every row."""
    return {name: value for name, value in told.items() if value or name not in but}
