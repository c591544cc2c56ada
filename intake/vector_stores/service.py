"""Everything that is done with vector stores, for those who ask for it."""

from dataclasses import dataclass

from intake.vector_stores.attaching import Attaching
from intake.vector_stores.polling import Polling
from intake.vector_stores.reading import StoreReading
from intake.vector_stores.searching import StoreSearching
from intake.vector_stores.stores import VectorStores


@dataclass(frozen=True, slots=True)
class StoreService:
    """The parts of the intake that know vector stores."""

    stores: VectorStores
    attaching: Attaching
    reading: StoreReading
    searching: StoreSearching
    polling: Polling
