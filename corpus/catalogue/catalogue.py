"""The parts of the catalogue, wired for one Redis."""

from dataclasses import dataclass

from corpus.catalogue.collections import Collections
from corpus.catalogue.documents import Documents
from corpus.catalogue.garbage import Garbage
from corpus.catalogue.generations import Generations
from corpus.catalogue.repairs import Repairs
from corpus.catalogue.tombstones import Tombstones
from corpus.catalogue.vector_indexes import VectorIndexes
from jobs.ledger.ledger import Ledger
from rag.ports import HnswSettings


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The parts of the catalogue, for callers that need two or more of them."""

    collections: Collections
    vector_indexes: VectorIndexes
    generations: Generations
    documents: Documents
    garbage: Garbage
    repairs: Repairs
    tombstones: Tombstones

    @classmethod
    def of(cls, ledger: Ledger, *, hnsw: HnswSettings | None = None) -> "Catalogue":
        """Wire the parts on a ledger's Redis; *hnsw* is for the collections made from now on."""
        redis, scripts = ledger.redis, ledger.scripts
        return cls(
            collections=Collections(redis, scripts, hnsw=hnsw),
            vector_indexes=VectorIndexes(ledger),
            generations=Generations(redis, scripts),
            documents=Documents(redis),
            garbage=Garbage(redis, scripts),
            repairs=Repairs(redis, scripts),
            tombstones=Tombstones(redis, scripts),
        )
