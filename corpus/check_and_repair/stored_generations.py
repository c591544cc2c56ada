"""What the vector store holds beside current documents: which chunks of which generations."""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import Final

from corpus.check_and_repair.scope import Scope
from rag.documents import chunk_id, split_chunk_id

#: Ids asked for at once, and of garbage and of what is on its way at most.
ASKED: Final = 1_000
MOST_ASKED: Final = 100_000


@dataclass(slots=True)
class Held:
    """The chunks of a generation that are there: a bit for each, and how many there should be."""

    bits: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether no chunk is missing."""
        return self.has_first(self.of)

    @property
    def chunks(self) -> int:
        """How many ids have to be deleted to be rid of it."""
        return max(self.of, self.bits.bit_length())

    def has_first(self, chunks: int) -> bool:
        """Return True if the first *chunks* are there, and no other."""
        return self.bits == (1 << chunks) - 1


#: By document and generation.
StoredGenerations = dict[tuple[str, int], Held]


class StoredElsewhere:
    """
    Find the chunks of generations that are not current.

    After the current documents were looked at: their chunks are counted in the report.
    """

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._inc = scope.collection_id
        self.held: StoredGenerations = {}
        self.more = False  # whether there is more than is accounted for

    def are_there(self) -> Generator[int, None, bool]:
        """Return True if there is more than current documents, garbage and what is on its way."""
        catalogue = self._scope.catalogue
        known = chain(catalogue.garbage.members(self._inc), catalogue.generations.logged(self._inc))
        ids = islice(
            (chunk_id(doc, gen, n) for doc, gen, chunks in known for n in range(chunks)), MOST_ASKED
        )
        while some := list(dict.fromkeys(islice(ids, ASKED))):
            self._scope.report.passages += len(self._scope.vectors.present(self._inc, some))
            yield 0
        self.more = self._scope.vectors.count(self._inc) > self._scope.report.passages
        return self.more

    def list_them(self) -> Iterator[int]:
        """List the whole vector store, and hold what is of no current generation."""
        for page in self._scope.vectors.ids(self._inc):
            yield 0
            for first in range(0, len(page), ASKED):
                yield from self._take(page[first : first + ASKED])

    def _take(self, names: Iterable[str]) -> Iterator[int]:
        """Hold those of some chunks that are of no current generation."""
        found = [split_chunk_id(name) for name in names]
        documents = list(dict.fromkeys(document for document, _, _ in found))
        current = self._scope.catalogue.generations.current(self._inc, documents)
        others = [
            (document, generation, n)
            for document, generation, n in found
            if document not in current
            or (current[document].generation, current[document].chunks > 0) != (generation, True)
        ]
        fresh = {(doc, gen): n for doc, gen, n in others if (doc, gen) not in self.held}
        firsts = {chunk_id(doc, gen, n): (doc, gen) for (doc, gen), n in fresh.items()}
        told = self._scope.vectors.get(self._inc, list(firsts)) if firsts else {}
        for name, generation in firsts.items():
            self.held[generation] = Held(0, told[name].of if name in told else 0)
        for document, number, n in others:
            self.held[document, number].bits |= 1 << n
        yield 0
