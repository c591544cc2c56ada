"""Examples of questions, searches, ingests and jobs."""

from collections.abc import Mapping
from typing import Any, Final

from intake.fields import Json
from web.openapi.examples.example import Example
from web.openapi.pieces import DOCUMENT_ID, JOB_ID

GENERATION: Final = 1767225600000000
TEXT: Final = "# Leave\n\nParental leave is twelve weeks, and both parents may take it."
_QUOTE: Final = TEXT[9:]
_QUESTION: Final = "How long is parental leave?"
_FOLDER: Final = f"/api/jobs/{JOB_ID}"

_SOURCE: Final[Json] = {
    "chunk_id": f"{DOCUMENT_ID}:{GENERATION}:0",
    "document_id": DOCUMENT_ID,
    "generation": GENERATION,
    "n": 0,
    "title": "Leave",
    "text": TEXT,
    "start": 0,
    "end": len(TEXT),
    "score": 1.0,
    "page": None,
    "metadata": {"year": 2026},
    "parts": [],
    "language": "en",
}
_FOUND: Final[Json] = {"degraded": [], "documents": 1, "waiting": 0, "why": None}
_ANSWER: Final[Json] = {
    "answer": f"{_QUOTE} [1]",
    "citations": [
        {
            "marker": 1,
            "source": 0,
            "start": 9,
            "end": len(TEXT),
            "quote": _QUOTE,
            "shown": _QUOTE,
            "heading": "Leave",
            "document_id": DOCUMENT_ID,
            "chunk_id": _SOURCE["chunk_id"],
            "page": None,
        }
    ],
    "answered": True,
    "confidence": 0.975,
    "generator": "extractive",
    "usage": {"passages": 1, "quotes": 1},
    "finish_reason": None,
} | _FOUND
_TIMINGS: Final = {"queued": 3.3, "embed": 5.5, "retrieve": 5.5, "total": 16.5}
#: Events as they are sent: `id`, `event`, `data`, and an empty line after each.
_EVENTS: Final = """\
id: 1767225600000-0
event: state
data: {"state":"running"}

id: 1767225600013-0
event: token
data: {"text":"Parental leave is twelve weeks","attempt":1}

id: 1767225600048-0
event: done
data: {"state":"succeeded"}

"""


def waiting(kind: str, stage: str | None, **more: Any) -> Json:
    """Return a job as it is answered when it has been made."""
    return {
        "id": JOB_ID,
        "kind": kind,
        "state": "queued",
        "stage": stage,
        "collection": "default",
        "created_at": "2026-01-01T00:00:00.000Z",
        "started_at": None,
        "finished_at": None,
        "deadline_at": "2026-01-01T00:05:00.000Z",
        "attempts": 0,
        "links": {"self": _FOLDER, "events": f"{_FOLDER}/events"},
        "timings_ms": {},
    } | more


def ended(kind: str, stage: str | None, **more: Any) -> Json:
    """Return a job as it is answered when it has succeeded."""
    times = {
        "started_at": "2026-01-01T00:00:00.011Z",
        "finished_at": "2026-01-01T00:00:00.048Z",
        "timings_ms": {"queued": 11.0, "total": 48.1},
    }
    return waiting(kind, stage, state="succeeded", attempts=1, **times) | more


def of_documents(kind: str, **more: Any) -> Json:
    """Return a job of documents as it is answered when it has been made."""
    links = {
        "self": _FOLDER,
        "events": f"{_FOLDER}/events",
        "documents": f"{_FOLDER}/documents",
    }
    counts = {"done": 0, "total": 1, "unit": "documents", "failed": 0, "cancelled": 0}
    return (
        waiting(kind, None, links=links)
        | {"progress": counts, "filling": False, "open": False}
        | more
    )


_ASKED: Final[Json] = {"question": _QUESTION, "collection": "default", "top_k": 5}
_TOLD: Final = ended("query", "retrieve", request=_ASKED, result=_ANSWER | {"sources": [_SOURCE]})
_TAKEN_IN: Final = of_documents(
    "ingest",
    state="succeeded",
    attempts=1,
    started_at="2026-01-01T00:00:00.072Z",
    finished_at="2026-01-01T00:00:00.345Z",
    progress={"done": 1, "total": 1, "unit": "documents", "failed": 0, "cancelled": 0},
    timings_ms={"total": 345.0},
)
_DOCUMENT: Final[Json] = {
    "id": DOCUMENT_ID, "title": "Leave", "text": TEXT, "metadata": {"year": 2026},
}  # fmt: skip
_ROW: Final[Json] = {
    "document_id": DOCUMENT_ID, "file": None, "stage": "publish", "state": "succeeded",
    "outcome": "created", "chunks": 1, "attempts": 1,
}  # fmt: skip

_LIST: Final = waiting(
    "questions",
    None,
    progress={"done": 0, "total": 2, "unit": "questions", "failed": 0, "cancelled": 0},
    filling=False,
    links={
        "self": _FOLDER,
        "events": f"{_FOLDER}/events",
        "questions": f"{_FOLDER}/questions",
        "export": f"{_FOLDER}/export",
    },
)
_ASKED_IN_LIST: Final[Json] = {
    "n": 1,
    "id": "leave",
    "question": _QUESTION,
    "state": "succeeded",
    "answer": _ANSWER["answer"],
    "answered": True,
    "confidence": 0.975,
    "why": None,
    "citations": _ANSWER["citations"],
}

JOB_EXAMPLES: Final[Mapping[str, Example]] = {
    "ask": Example(
        sent=_ASKED,
        answers={202: waiting("query", "retrieve", request=_ASKED), 200: _TOLD},
    ),
    "askMany": Example(
        sent={
            "collection": "default",
            "questions": [{"id": "leave", "question": _QUESTION}, {"question": "Who may take it?"}],
        },
        form={"file": "questions.csv", "collection": "default"},
        texts={
            "text/csv": f"id,question\nleave,{_QUESTION}\nwho,Who may take it?\n",
            "application/x-ndjson": f'{{"id": "leave", "question": "{_QUESTION}"}}\n',
        },
        answers={202: _LIST},
    ),
    "listQuestions": Example(answers={200: {"questions": [_ASKED_IN_LIST], "next_cursor": None}}),
    "exportAnswers": Example(
        answers={
            200: (
                "n,id,question,state,answered,confidence,answer,sources,error\n"
                f'1,leave,{_QUESTION},succeeded,yes,0.975,"{_ANSWER["answer"]}",{DOCUMENT_ID},\n'
            )
        }
    ),
    "search": Example(
        sent={"query": "parental leave", "top_k": 3, "filters": {"year": {"gte": 2025}}},
        answers={200: {"results": [_SOURCE]} | _FOUND | {"timings_ms": _TIMINGS}},
    ),
    "ingest": Example(
        sent={"collection": "default", "documents": [_DOCUMENT]},
        form={"files": ["handbook.pdf"], "collection": "default", "metadata": '{"year": 2026}'},
        answers={202: of_documents("ingest"), 200: _TAKEN_IN},
    ),
    "listRows": Example(answers={200: {"documents": [_ROW], "next_cursor": None}}),
    "addDocuments": Example(
        sent={"documents": [_DOCUMENT]},
        form={"files": ["handbook.pdf"]},
        answers={202: of_documents("ingest", open=True)},
    ),
    "closeIngest": Example(answers={200: of_documents("ingest")}),
    "listJobs": Example(
        answers={
            200: {"jobs": [ended("query", "retrieve", request=_ASKED)], "next_cursor": "MTc5NjAx"}
        }
    ),
    "getJob": Example(answers={200: _TOLD}),
    "cancelJob": Example(
        answers={
            200: _TOLD,
            202: of_documents("ingest", state="cancelled", finished_at="2026-01-01T00:00:00.009Z"),
        }
    ),
    "retryJob": Example(
        answers={202: of_documents("ingest", retry_of="0190b6d2-0000-7f00-8000-000000000000")}
    ),
    "streamEvents": Example(answers={200: _EVENTS}),
}
