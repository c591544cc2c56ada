"""Questions and searches: a valid request becomes a recorded job."""

from typing import Final

import orjson

from corpus.catalogue.catalogue import Catalogue
from intake.admission import Admission, Kind
from intake.idempotency import Idempotency
from intake.lookup.collections import collection_of
from jobs.ledger.submissions import Submissions
from jobs.requests import QueryRequest, SearchRequest
from protocol.ids import new_id
from protocol.messages import PRIORITY_OF
from runtime.settings import Settings

SEARCH_DEADLINE_S: Final = 10


class Queries:
    """Record questions and searches."""

    def __init__(
        self,
        *,
        settings: Settings,
        submissions: Submissions,
        catalogue: Catalogue,
        admission: Admission,
    ) -> None:
        self._submissions = submissions
        self._catalogue = catalogue
        self._admission = admission
        self._limits = {
            "interactive": settings.max_interactive_jobs,
            "batch": settings.max_batch_jobs,
        }

    def submit_query(
        self,
        request: QueryRequest,
        *,
        idempotency: Idempotency | None = None,
        retry_of: str = "",
    ) -> str:
        """
        Record a question and return its job's id.

        Raises:
            NotFound: There is no such collection.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        fields = self._fields("query", request, request.priority)
        if retry_of:
            fields["retry_of"] = retry_of
        if request.webhook_url:
            fields["webhook_url"] = request.webhook_url
        with self._admission.admitting(_kind(request.priority)) as bound:
            return self._submissions.submit(
                new_id(),
                stage="retrieve" if request.top_k else "generate",
                fields=fields,
                limit=self._limits[request.priority],
                deadline_s=request.deadline_s,
                idempotency=idempotency,
                memory_bound=bound,
            )

    def submit_search(self, request: SearchRequest) -> str:
        """
        Record a search and return its id; it is not listed among the jobs.

        Raises:
            NotFound: There is no such collection.

            Full, MemoryFull: As their names say.
        """
        fields = self._fields("search", request, "interactive")
        with self._admission.admitting("interactive") as bound:
            return self._submissions.submit(
                new_id(),
                stage="retrieve",
                fields=fields,
                limit=self._limits["interactive"],
                deadline_s=SEARCH_DEADLINE_S,
                memory_bound=bound,
            )

    def _fields(
        self, kind: str, request: QueryRequest | SearchRequest, priority: str
    ) -> dict[str, str | int]:
        """Return a row's fields; *priority* is its class and the owner of its lane."""
        return {
            "kind": kind,
            "class": priority,
            "owner": priority,
            "priority": PRIORITY_OF[priority],
            "collection": request.collection,
            "incarnation": collection_of(self._catalogue, request.collection),
            "request": orjson.dumps(request.as_json()).decode(),
        }


def _kind(priority: str) -> Kind:
    """Return what a question is to the admission."""
    return "batch" if priority == "batch" else "interactive"
