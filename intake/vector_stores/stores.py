"""Vector stores: made, listed, changed and deleted; each is a collection."""

import re
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from ulid import ULID

from access.errors import NoSuchCollection
from access.grants import collection_named, current
from corpus.catalogue.catalogue import Catalogue
from corpus.vector_stores.attachments import Attachments, Counts
from corpus.vector_stores.records import StoreRecord, StoreRecords, store_row
from intake.errors import NotFound
from intake.maintenance import Maintenance
from intake.vector_stores.asked import NewStore, StoreChange
from protocol.names import shown_name, stored_name
from rag.errors import InvalidRequest

_ID: Final = re.compile(r"vs_([0-9a-hjkmnp-tv-z]{26})")
#: What the collection of a store is called that was made as one, before its id.
_OWN: Final = "vs-"
_SECOND_US: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Store:
    """
    A vector store, and how many files of each state it has.

    Of a collection that was made as one, each document is a file that is completed.
    """

    record: StoreRecord
    counts: Counts

    @property
    def store_id(self) -> str:
        """What clients call it."""
        return id_of(self.record)

    @property
    def label(self) -> str:
        """What its maker calls it."""
        label = self.record.label
        return shown_name(self.record.name) if label is None else label

    @property
    def has_expired(self) -> bool:
        """Whether it was unused for as long as it lasts."""
        return has_expired(self.record)


class VectorStores:
    """Make, find, change and delete vector stores; each caller sees the collections it may use."""

    def __init__(
        self,
        *,
        catalogue: Catalogue,
        records: StoreRecords,
        attachments: Attachments,
        maintenance: Maintenance,
    ) -> None:
        self._catalogue = catalogue
        self._records = records
        self._attachments = attachments
        self._maintenance = maintenance

    def create(self, new: NewStore) -> StoreRecord:
        """
        Make a store, without its files.

        Raises:
            ScopeMissing: The caller is held to collections that there are.
        """
        grant = current()
        grant.require_whole_tenant()
        collection_id = str(ULID())
        row = store_row(
            label=new.label,
            description=new.description or None,
            metadata=new.metadata,
            expires_days=new.expires_days,
        )
        name = stored_name(grant.tenant, _OWN + collection_id.lower())
        self._catalogue.collections.create(name, collection_id=collection_id, store=row)
        return self._found(f"vs_{collection_id.lower()}", collection_id)

    def take_back(self, record: StoreRecord) -> None:
        """Delete a store that was made a moment ago; there is always room for that."""
        self._catalogue.collections.drop(record.name)

    def record(self, store_id: str) -> StoreRecord:
        """
        Return the record of a store; the name of a collection is as good as its id.

        Raises:
            NotFound: There is no such store, or it is not the caller's.
        """
        if match := _ID.fullmatch(store_id):
            return self._found(store_id, match[1].upper())
        collection_id = None
        with suppress(NoSuchCollection):
            collection_id = self._catalogue.collections.collection_id(collection_named(store_id))
        return self._found(store_id, collection_id)

    def usable(self, store_id: str) -> StoreRecord:
        """
        Return the record of a store that is to be searched or to get files, and note its use.

        Raises:
            NotFound: As of `record`.

            InvalidRequest: It has expired.
        """
        record = self.record(store_id)
        if has_expired(record):
            raise InvalidRequest(
                "vector_store_id", f"{store_id} has expired; any change of it wakes it"
            )
        # It is told in seconds when a store was used last: once in each is enough.
        was_used_now = 0 <= time.time_ns() // 1_000 - (record.active_us or 0) < _SECOND_US
        if not was_used_now and not self._records.use(record.collection_id):
            raise _missing(store_id)
        return record

    def find(self, store_id: str) -> Store:
        """Return a store with its counts; raises NotFound."""
        return self._counted([self.record(store_id)])[0]

    def page(
        self, *, after: str | None, before: str | None, newest_first: bool, limit: int
    ) -> tuple[list[Store], bool]:
        """
        Return up to *limit* stores by when they were made, and whether more follow.

        They are those behind the store *after*, or the last ones in front of *before*. From one
        that is not there any more a list goes on where it stood.

        Raises:
            NotFound: There can be no such store to go on from.
        """
        may_use = current().may_use
        names = self._catalogue.collections.collection_ids()
        mine = [collection_id for name, collection_id in names.items() if may_use(name)]
        found = [record for record in self._records.several(mine) if record is not None]
        found.sort(key=lambda one: (one.created_us, one.collection_id), reverse=newest_first)
        first = 0
        if (edge := after or before) is not None:
            last, first = self._place(edge, found, newest_first=newest_first)
            if after is None:
                first = max(0, last - limit)
                return self._counted(found[first:last]), first > 0
        return self._counted(found[first : first + limit]), len(found) > first + limit

    def update(self, store_id: str, change: StoreChange) -> Store:
        """Change a store, which counts as a use of it; raises NotFound."""
        record = self.record(store_id)
        put = {name: value for name, value in change.fields.items() if value is not None}
        gone = [name for name, value in change.fields.items() if value is None]
        if not record.is_own:
            put.pop("label", None)  # a collection is called by its name
        if not self._records.use(record.collection_id, put, gone):
            raise _missing(store_id)
        return self.find(store_id)

    def delete(self, store_id: str) -> str:
        """
        Delete a store with what is in it; files stay. Returns the id of the store.

        Raises:
            NotFound: There is no such store.

            ScopeMissing: It was made as a collection, and the caller may delete none.

            Full, MemoryFull: As their names say.
        """
        record = self.record(store_id)
        if not record.is_own:
            current().require("admin")
        try:
            self._maintenance.delete_collection(record.name)
        except NoSuchCollection:
            raise _missing(store_id) from None
        return id_of(record)

    def _place(
        self, store_id: str, listed: Sequence[StoreRecord], *, newest_first: bool
    ) -> tuple[int, int]:
        """
        Return how many of a list stand before a store, and with it; raises NotFound.

        An id begins with the time at which it was made, which is where one stood that is deleted;
        one that is another's is answered in the same way.
        """
        match = _ID.fullmatch(store_id)
        collection_id = match[1].upper() if match else self.record(store_id).collection_id
        ids = [one.collection_id for one in listed]
        if collection_id in ids:
            at = ids.index(collection_id)
            return at, at + 1
        before = sum((one > collection_id) == newest_first for one in ids)
        return before, before

    def _found(self, store_id: str, collection_id: str | None) -> StoreRecord:
        """Return the record of a collection that the caller may use."""
        record = None if collection_id is None else self._records.find(collection_id)
        if record is None or not current().may_use(record.name):
            raise _missing(store_id)
        return record

    def _counted(self, records: Sequence[StoreRecord]) -> list[Store]:
        """Return stores with their counts."""
        counts = self._attachments.counts([record.collection_id for record in records])
        return [
            Store(record, told if record.is_own else self._with_documents(record, told))
            for record, told in zip(records, counts, strict=True)
        ]

    def _with_documents(self, record: StoreRecord, counts: Counts) -> Counts:
        """Count every document of a collection as a file, each in one state."""
        documents = self._catalogue.documents.count_after(record.collection_id, "")
        if counts.total > counts.completed:
            documents -= self._attachments.documents_of_other_states(record.collection_id)
        return counts._replace(completed=max(0, documents))


def id_of(record: StoreRecord) -> str:
    """Return what clients call a store."""
    return f"vs_{record.collection_id.lower()}"


def is_own_name(name: str) -> bool:
    """Return True if a collection is called as one that was made as a store."""
    return _ID.fullmatch(name.replace(_OWN, "vs_", 1)) is not None


def has_expired(record: StoreRecord) -> bool:
    """Return True if a store was unused for as long as it lasts."""
    return record.expires_us is not None and record.expires_us < time.time_ns() // 1_000


def _missing(store_id: str) -> NotFound:
    """Return why there is no store; whether others have it is not told."""
    return NotFound(f"there is no vector store {store_id!r}")
