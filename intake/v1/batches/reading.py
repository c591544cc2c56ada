"""Requests of a batch's lines as questions of a list; what cannot be asked is refused alone."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from corpus.catalogue.catalogue import Catalogue
from intake.errors import InvalidRequest, NotFound
from intake.lookup.collections import collection_of
from intake.v1.asking import Asked, Asking, somewhere
from intake.v1.batches.batch import Endpoint
from intake.v1.batches.lines import Line
from intake.v1.embeddings import Embeddings, EmbeddingsAsked
from intake.v1.errors import Missing, Refused
from intake.v1.response_request import ResponseRequest
from intake.v1.responses import Responses
from jobs.question_lists import ALSO, EMBEDDING, ListedQuestion
from jobs.requests import EmbeddingRequest, QueryRequest

Json = dict[str, Any]
#: Reads the body of a request to an endpoint; raises InvalidRequest or Refused.
ReadBody = Callable[[Endpoint, Json], Asked | ResponseRequest | EmbeddingsAsked]

#: The field of a row that keeps what its line needs to be shown, as JSON.
KEPT: Final = "line"


class LineReader:
    """
    Make questions of lines, for one caller and one batch.

    Attributes:
        model: What answers, once a line was read.

        collections: What was asked so far, and which each is: its own name and its id.

        beside: Names of collections that lines ask beside their own, or have words from.

        texts: How many are to be embedded so far.
    """

    def __init__(
        self,
        read: ReadBody,
        endpoint: Endpoint,
        *,
        catalogue: Catalogue,
        asking: Asking,
        responses: Responses,
        embeddings: Embeddings,
    ) -> None:
        self._read = read
        self._endpoint = endpoint
        self._catalogue = catalogue
        self._asking = asking.remembering()
        self._responses = responses
        self._embeddings = embeddings
        self.model: str | None = None
        self.collections: dict[str, str] = {}
        self.beside: dict[str, None] = {}
        self.texts = 0

    def question(self, line: Line) -> ListedQuestion:
        """
        Return what a line asks; one that cannot be asked has the error that it would be answered.

        Raises:
            Missing: Nothing answers by the name that it gives.
        """
        try:
            asked = self._read(self._endpoint, line.body)
            match asked:
                case EmbeddingsAsked():
                    return self._embedding(line, asked)
                case ResponseRequest():
                    one = replace(asked, may_wait=True)
                    request, record, beside = self._responses.prepared(one, self._asking)
                    return self._listed(
                        line, request, record, model=record["echo"]["model"], beside=beside
                    )
            waiting = replace(asked, stays=True, may_wait=True)
            request, model = self._asking.read(waiting, field="messages")
            return self._listed(line, request, {"model": model.name}, model=model.name)
        except InvalidRequest as error:
            own = _refused(400, str(error), param=error.field)
        except Refused as error:
            if isinstance(error, Missing) and error.param == "model":
                raise
            status = 404 if isinstance(error, Missing) else 400
            own = _refused(status, str(error), param=error.param, code=error.code)
        except NotFound as error:
            own = _refused(404, str(error), code="not_found")
        return ListedQuestion(line.custom_id, {}, own)

    def _listed(
        self,
        line: Line,
        request: QueryRequest,
        kept: Json,
        *,
        model: str,
        beside: Sequence[str] = (),
    ) -> ListedQuestion:
        """Return a question, with the collections that it asks or has words from."""
        self.model = model
        own = {KEPT: orjson.dumps(kept).decode(), **self._place(request.collection)}
        self.collections |= request.also
        others = dict.fromkeys((*request.also, *beside))
        others.pop(request.collection, None)
        if others:
            own[ALSO] = " ".join(others)
            self.beside.update(others)
        return ListedQuestion(line.custom_id, request.as_json(), own)

    def _embedding(self, line: Line, asked: EmbeddingsAsked) -> ListedQuestion:
        """Return texts that are to be embedded."""
        self._embeddings.check_model(asked.model)
        self.model = self._embeddings.model
        self.texts += len(asked.texts)
        kept = {"model": self.model, "as_base64": asked.as_base64}
        request = EmbeddingRequest(
            collection=somewhere(),
            texts=tuple(asked.texts),
            truncate=asked.truncate,
            dimensions=asked.dimensions,
        )
        own = {"kind": EMBEDDING, KEPT: orjson.dumps(kept).decode()}
        return ListedQuestion(
            line.custom_id, request.as_json(), own | self._place(request.collection)
        )

    def _place(self, name: str) -> dict[str, str]:
        """Return which collection is asked."""
        if name not in self.collections:
            self.collections[name] = collection_of(self._catalogue, name)
        return {"collection": name, "incarnation": self.collections[name]}


def _refused(
    status: int, message: str, *, param: str | None = None, code: str | None = None
) -> dict[str, str]:
    """Return what the row of a line has that was refused: its error, and how that is shown."""
    error = {"type": "invalid", "title": "The request cannot be answered", "detail": message}
    kept = {"status": status, "param": param, "code": code}
    return {"error": orjson.dumps(error).decode(), KEPT: orjson.dumps(kept).decode()}
