"""Lists of questions: what is kept of a request of many, and the rows that are made of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO, Final

import orjson

from protocol.messages import PRIORITY_OF, ROLE_OF, Stage

#: The kind of a job that is a list of questions; its rows are questions.
KIND: Final = "questions"
#: The field of the job's row that names the list in the blob store.
LIST_BLOB: Final = "list_blob"
#: The field of the job's row that says what a list is beside: a batch of `/v1`, as JSON. All of its
#: rows are late when it is.
BATCH: Final = "batch"
#: The field of a row, or of the job's, that names the collections it asks beside its own.
ALSO: Final = "also"
#: What embeds texts; any other row of a list is a question.
EMBEDDING: Final = "embedding"
#: Texts to be embedded that are larger together lie in the blob store, not in their row.
INLINE_BYTES: Final = 2_048


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """
    One question of a list.

    *id* is what its caller calls it. *request* is what `jobs.requests.QueryRequest` reads from a
    row: what has its default there may be absent. *own* are fields of its row that others of the
    list do not have, or have otherwise: its collection, say, or the error of one that was refused.
    """

    id: str
    request: Mapping[str, Any]
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def question(self) -> str:
        """What is asked; nothing where texts are to be embedded."""
        return str(self.request.get("question", ""))

    @property
    def collections(self) -> tuple[str, ...]:
        """The collections that it asks, where they are not its list's."""
        own = (self.own["collection"],) if "collection" in self.own else ()
        return (*own, *self.own.get(ALSO, "").split())

    @property
    def row(self) -> dict[str, str | int]:
        """What of its row no other of the list has, as `fill_questions` takes it."""
        is_embedding = self.own.get("kind") == EMBEDDING
        retrieves = is_embedding or self.request.get("top_k")
        stage: Stage = "retrieve" if retrieves else "generate"
        return {
            **self.own,
            "question_id": self.id,
            "stage": stage,
            "role": ROLE_OF[stage],
            "request": orjson.dumps(self.request).decode(),
            "deadline_ms": self.request.get("deadline_s", 0) * 1000,
        }


def encode(questions: Iterable[ListedQuestion]) -> bytes:
    """Write a list as the blob store keeps it: a line of JSON for each question, in its order."""
    return b"\n".join(map(encode_line, questions))


def encode_line(question: ListedQuestion) -> bytes:
    """Write a question as a line of its list, without the end of the line."""
    told = {"id": question.id, "request": question.request}
    return orjson.dumps(told | ({"own": question.own} if question.own else {}))


def decode_line(line: bytes) -> ListedQuestion:
    """
    Read one line of a list back.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    told = orjson.loads(line)
    return ListedQuestion(told["id"], told["request"], told.get("own", {}))


def read_from(lines: BinaryIO, start: int) -> Iterator[ListedQuestion]:
    """
    Yield the questions of a list from number *start* on, read when asked for.

    Raises as `decode_line`.
    """
    return map(decode_line, islice(lines, start, None))


def row_of(question: ListedQuestion, put: Callable[[bytes], str]) -> dict[str, str | int]:
    """Return the row of a question; what is large of it is *put* into the blob store first."""
    row = question.row
    if question.own.get("kind") != EMBEDDING or len(str(row["request"])) <= INLINE_BYTES:
        return row
    request = dict(question.request)
    blob = put(orjson.dumps(request.pop("texts", [])))
    told = orjson.dumps(request | {"texts_blob": blob}).decode()
    return row | {"request": told, "texts_blob": blob}


def fields_of_all(job_id: str, job: Mapping[str, str]) -> dict[str, str]:
    """Return the fields that the rows of a list have in common; *job* is its row."""
    told = {name: job[name] for name in ("request_id", "traceparent") if name in job}
    return told | {
        "kind": "query",
        "class": "batch",
        "owner": f"{KIND}:{job_id}",
        "priority": str(PRIORITY_OF["batch"]),
        "incarnation": job["incarnation"],
    }


def number_of(name: str) -> int:
    """Return the number of a question, counted from 0, by the name of its row in its job."""
    return int(name, 16)
