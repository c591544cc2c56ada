"""Documents whose every part says which revision it is of."""

import random
import re
from collections.abc import Iterable
from typing import Any, Final

PARTS: Final = 3
SENTENCES: Final = 12
#: A document has fewer.
MOST_CHUNKS: Final = 20
#: What each sentence says: the document and its revision.
REVISION: Final = re.compile(r"\b(record-\d+-\d+) stands at revision (\d+)\b")

_THINGS: Final = ("valve", "gate", "lamp", "rope", "ledger", "anchor", "basin", "chart", "funnel")
_PLACES: Final = ("north", "south", "upper", "lower", "inner", "outer", "old", "new", "long")
_DOES: Final = ("holds", "keeps", "turns", "feeds", "drains", "warms", "cools", "lifts", "guards")


def revision_text(document: str, revision: int) -> str:
    """Return the text of a revision, equal for equal arguments: some chunks of plain sentences."""
    dice = random.Random(f"{document}:{revision}")
    parts = []
    for part in range(PARTS):
        sentences = [
            f"{document} stands at revision {revision}: the {dice.choice(_PLACES)} "
            f"{dice.choice(_THINGS)} {dice.choice(_DOES)} {dice.randint(2, 999)} of the "
            f"{dice.choice(_PLACES)} {dice.choice(_THINGS)}s."
            for _ in range(SENTENCES)
        ]
        parts.append(f"Part {part + 1} of {PARTS}. " + " ".join(sentences))
    return "\n\n".join(parts)


def revisions_of(document: str, texts: Iterable[str]) -> tuple[int, ...]:
    """Return the revisions of a document that some texts are of, each once, in order."""
    found = {
        int(number) for text in texts for name, number in REVISION.findall(text) if name == document
    }
    return tuple(sorted(found))


def every_chunk_of(document: str, collection: str) -> dict[str, Any]:
    """Return a search for every chunk of a document, whose metadata name it as `record`."""
    return {
        "query": f"{document} revision",
        "collection": collection,
        "top_k": MOST_CHUNKS,
        "filters": {"record": document},
    }
