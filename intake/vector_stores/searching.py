"""Searching vector stores: one list of passages, best first, with scores from 0 to 1."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from corpus.catalogue.catalogue import Catalogue
from corpus.vector_stores.attachments import Attachments
from corpus.vector_stores.records import StoreRecord
from intake.queries import Queries
from intake.vector_stores.asked import StoreSearch
from intake.vector_stores.files import scalars
from jobs.ledger.submissions import Submissions
from jobs.requests import SearchRequest
from rag.errors import QuernError
from runtime.settings import Settings

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """
    A passage that was found.

    Attributes:
        source: The passage as the API shows it.
    """

    file_id: str
    filename: str
    score: float
    attributes: Mapping[str, Any]
    text: str
    source: Mapping[str, Any]


class StoreSearching:
    """Record searches of stores, and read what they found."""

    def __init__(
        self,
        *,
        settings: Settings,
        queries: Queries,
        submissions: Submissions,
        attachments: Attachments,
        catalogue: Catalogue,
    ) -> None:
        self._most = settings.max_top_k
        self._queries = queries
        self._submissions = submissions
        self._attachments = attachments
        self._catalogue = catalogue

    def submit(self, store: StoreRecord, asked: StoreSearch) -> list[str]:
        """
        Record a search for each query, and return their ids; all or none of them are done.

        Raises:
            NoSuchCollection, Full, MemoryFull: As their names say.
        """
        jobs: list[str] = []
        try:
            for query in asked.queries:
                job_id = self._queries.submit_search(self._request(store, asked, query))
                jobs.append(job_id)
        except QuernError:
            for job_id in jobs:
                self._submissions.cancel(job_id)
            raise
        return jobs

    def _request(self, store: StoreRecord, asked: StoreSearch, query: str) -> SearchRequest:
        """Return one search of several."""
        return SearchRequest(
            query=query,
            collection=store.name,
            top_k=min(asked.most, self._most),
            filters=asked.filters,
            mode=asked.mode,
            calibrated=True,
            least_score=asked.least_score,
        )

    def hits(self, store: StoreRecord, rows: Iterable[Mapping[str, str]], most: int) -> list[Hit]:
        """
        Return what searches found together, best first, each passage once.

        *rows* are those of searches that succeeded. What is of a file that was detached meanwhile
        is left out.
        """
        best: dict[str, Json] = {}
        for row in rows:
            for source in orjson.loads(row["result"])["results"]:
                known = best.get(source["chunk_id"])
                if known is None or _order(source) > _order(known):
                    best[source["chunk_id"]] = source
        found = sorted(best.values(), key=_order, reverse=True)
        names = self._names(store, sorted({source["document_id"] for source in found}))
        return [
            Hit(
                file_id=source["document_id"],
                filename=names[source["document_id"]],
                score=source.get("relevance", 0.0),
                attributes=scalars(source.get("metadata") or {}),
                text=source["text"],
                source=source,
            )
            for source in found
            if source["document_id"] in names
        ][:most]

    def _names(self, store: StoreRecord, file_ids: Sequence[str]) -> dict[str, str]:
        """Return the names of files; one that is none of the store's has none."""
        attached = self._attachments.several(store.collection_id, file_ids)
        names = {file_id: one.told.filename for file_id, one in attached.items()}
        others = [] if store.is_own else [one for one in file_ids if one not in names]
        for record in self._catalogue.documents.records(store.collection_id, others):
            if record is not None:
                file = record.get("file") or record["document_id"]
                names[record["document_id"]] = file.rsplit("/", 1)[-1]
        return names


def _order(source: Mapping[str, Any]) -> tuple[float, float]:
    """Return what passages are ordered by: relevance, then the score that ranked them."""
    return source.get("relevance", 0.0), source["score"]
