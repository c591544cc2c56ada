"""Everything that is done with vector stores, for those who ask for it."""

from dataclasses import dataclass

from corpus.vector_stores.records import StoreRecord
from intake.vector_stores.asked import NewStore
from intake.vector_stores.attaching import Attaching
from intake.vector_stores.polling import Polling
from intake.vector_stores.reading import StoreReading
from intake.vector_stores.searching import StoreSearching
from intake.vector_stores.stores import VectorStores
from rag.errors import QuernError


@dataclass(frozen=True, slots=True)
class StoreService:
    """The parts of the intake that know vector stores."""

    stores: VectorStores
    attaching: Attaching
    reading: StoreReading
    searching: StoreSearching
    polling: Polling

    def make(self, new: NewStore) -> tuple[StoreRecord, str | None]:
        """
        Make a store and attach its files; returns the job that does so too, None without files.

        Of a store whose files are refused nothing stays.

        Raises:
            ScopeMissing: The caller is held to collections that there are.

            Full, MemoryFull, StoreUnavailable: As their names say.
        """
        documents = self.attaching.read_several(new.files)
        record = self.stores.create(new)
        if not documents:
            return record, None
        try:
            return record, self.attaching.attach(record, documents, priority="batch")
        except QuernError:
            self.stores.take_back(record)
            raise
