"""Questions and searches: a valid request becomes a recorded job."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

import orjson

from access.errors import NoSuchCollection
from corpus.catalogue.catalogue import Catalogue
from intake.admission import Admission, Kind
from intake.idempotency import Idempotency
from jobs.errors import NoCollection
from jobs.ledger.submissions import Submissions, Submitted
from jobs.requests import EmbeddingRequest, QueryRequest, SearchRequest
from protocol.ids import new_id
from protocol.messages import PRIORITY_OF, Stage
from protocol.names import shown_name
from runtime.settings import Settings

__all__ = ["SEARCH_DEADLINE_S", "Queries", "SearchRequest", "Submitted"]

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
        self._embedding_deadline_s = settings.interactive_deadline_s
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
        response: str = "",
        brief: bool = False,
        beside: Iterable[str] = (),
    ) -> Submitted:
        """
        Record a question and return what is shown of its job.

        *response* is what the row keeps of a response of `/v1`; of a *brief* one nothing is kept
        once the call that waits for it has read what became of it. Who reads it must be allowed to
        use the collections *beside* too, from which it has words.

        Raises:
            NoSuchCollection: As its name says.

            Full, MemoryFull, IdempotencyConflict: As their names say.
        """
        fields = self._fields("query", request, request.priority)
        if retry_of:
            fields["retry_of"] = retry_of
        others = dict.fromkeys((*request.also, *beside))
        others.pop(request.collection, None)
        if others:
            fields["also"] = " ".join(others)
        if response:
            fields["response"] = response
        if brief:
            fields["brief"] = "1"
        if request.webhook_url:
            fields["webhook_url"] = request.webhook_url
        return self._take_in(
            fields,
            kind=_kind(request.priority),
            stage="retrieve" if request.top_k else "generate",
            limit=self._limits[request.priority],
            deadline_s=request.deadline_s,
            idempotency=idempotency,
        )

    def submit_search(self, request: SearchRequest) -> str:
        """
        Record a search and return its id; it is not listed among the jobs.

        Raises:
            NoSuchCollection: As its name says.

            Full, MemoryFull: As their names say.
        """
        return self._take_in(
            self._fields("search", request, "interactive"),
            kind="interactive",
            stage="retrieve",
            limit=self._limits["interactive"],
            deadline_s=SEARCH_DEADLINE_S,
        ).id

    def submit_embedding(self, request: EmbeddingRequest) -> str:
        """
        Record texts that are to be embedded, and return the id; it is not listed among the jobs.

        Raises:
            Full, MemoryFull: As their names say.
        """
        return self._take_in(
            self._fields("embedding", request, "interactive"),
            kind="interactive",
            stage="retrieve",
            limit=self._limits["interactive"],
            deadline_s=self._embedding_deadline_s,
        ).id

    def give_up(self, job_id: str) -> None:
        """
        Stop a question, search or list of texts for whose end its caller has waited too long.

        It asks for no scope: who may begin it may give it up.
        """
        self._submissions.cancel(job_id)

    def _take_in(
        self,
        fields: Mapping[str, str | int],
        *,
        kind: Kind,
        stage: Stage,
        limit: int,
        deadline_s: float,
        idempotency: Idempotency | None = None,
    ) -> Submitted:
        """Record a question or search; the collection `default` is made when first asked for."""
        take_in = partial(
            self._submissions.take_in, new_id(), stage=stage, fields=fields, limit=limit,
            deadline_s=deadline_s, idempotency=idempotency,
        )  # fmt: skip
        name = str(fields["collection"])
        with self._admission.admitting(kind) as bound:
            try:
                return take_in(memory_bound=bound)
            except NoCollection as error:
                if shown_name(name) != "default":
                    raise NoSuchCollection(name) from error
            self._catalogue.collections.create(name)
            return take_in(memory_bound=bound)

    def _fields(
        self, kind: str, request: QueryRequest | SearchRequest | EmbeddingRequest, priority: str
    ) -> dict[str, str | int]:
        """Return a row's fields; *priority* is its class and the owner of its lane."""
        return {
            "kind": kind,
            "class": priority,
            "owner": priority,
            "priority": PRIORITY_OF[priority],
            "collection": request.collection,
            "request": orjson.dumps(request.as_json()).decode(),
        }


def _kind(priority: str) -> Kind:
    """Return what a question is to the admission."""
    return "batch" if priority == "batch" else "interactive"
