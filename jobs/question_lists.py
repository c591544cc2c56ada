"""Lists of questions: what is kept of a request of many, and the rows that are made of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from protocol.messages import PRIORITY_OF, ROLE_OF, Stage

#: The kind of a job that is a list of questions; its rows are questions.
KIND: Final = "questions"
#: The field of the job's row that names the list in the blob store.
LIST_BLOB: Final = "list_blob"


@dataclass(frozen=True, slots=True)
class ListedQuestion:
    """
    One question of a list.

    *id* is what its caller calls it. *request* is what `jobs.requests.QueryRequest` reads from a
    row: what has its default there may be absent.
    """

    id: str
    request: Mapping[str, Any]

    @property
    def question(self) -> str:
        """What is asked."""
        return str(self.request["question"])

    @property
    def row(self) -> dict[str, str | int]:
        """What of its row no other of the list has, as `fill_questions` takes it."""
        stage: Stage = "retrieve" if self.request["top_k"] else "generate"
        return {
            "question_id": self.id,
            "stage": stage,
            "role": ROLE_OF[stage],
            "request": orjson.dumps(self.request).decode(),
            "deadline_ms": self.request["deadline_s"] * 1000,
        }


def encode(questions: Iterable[ListedQuestion]) -> bytes:
    """Write a list as the blob store keeps it: a line of JSON for each question, in its order."""
    return b"\n".join(
        orjson.dumps({"id": question.id, "request": question.request}) for question in questions
    )


def decode(data: bytes) -> list[ListedQuestion]:
    """
    Read a list back.

    Raises:
        ValueError, TypeError, KeyError: It is none.
    """
    return [decode_line(line) for line in data.splitlines()]


def decode_line(line: bytes) -> ListedQuestion:
    """Read one line of a list; raises as `decode`."""
    told = orjson.loads(line)
    return ListedQuestion(told["id"], told["request"])


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
