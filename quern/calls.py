"""
The calls of the API, as flows: what each sends, and what of the answer is handed on.

Each raises Refused where the API says no, and Unreachable where nobody answers. What becomes a job
is sent under an `Idempotency-Key`: one of its own, so that an answer that was lost doubles nothing,
or the caller's, whose program may be started anew and send the same again.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, Final, cast

import httpx

from quern import flows
from quern.errors import NotAnswered
from quern.flows import PAGE, Flow
from quern.paths import collection_path, document_path, documents_path, job_path
from quern.types import (
    Answer,
    AskedQuestion,
    Collection,
    Document,
    Filter,
    Found,
    Job,
    JobKind,
    KeyUsage,
    Mode,
    OnDuplicate,
    Priority,
    Row,
    RowState,
    State,
    Text,
    Turn,
)

_DEFAULT: Final = "default"


def submit(
    question: str,
    *,
    collection: str = _DEFAULT,
    history: Sequence[Turn] = (),
    filters: Filter | None = None,
    top_k: int | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    priority: Priority = "interactive",
    deadline_s: int | None = None,
    trace: bool = False,
    webhook_url: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """Ask a question; returns its job at once."""
    told = {
        "history": list(history) or None, "filters": filters, "top_k": top_k,
        "max_tokens": max_tokens, "temperature": temperature, "deadline_s": deadline_s,
        "trace": trace or None, "webhook_url": webhook_url,
    }  # fmt: skip
    body = {"question": question, "collection": collection, "priority": priority} | _given(told)
    return cast("Job", (yield from flows.submit("/api/queries", body, key=idempotency_key)).json())


def ask(
    question: str,
    *,
    collection: str = _DEFAULT,
    history: Sequence[Turn] = (),
    filters: Filter | None = None,
    top_k: int | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    deadline_s: int | None = None,
    idempotency_key: str | None = None,
    timeout_s: float = math.inf,
) -> Flow[Answer]:
    """
    Ask a question and wait for the answer, with its citations and sources.

    Raises:
        NotYet: The job has not ended within *timeout_s*; it goes on.

        NotAnswered: The job failed, expired or was cancelled; a question that the documents do
            not tell has an answer, with `answered` False.
    """
    job = yield from submit(
        question, collection=collection, history=history, filters=filters, top_k=top_k,
        max_tokens=max_tokens, temperature=temperature, deadline_s=deadline_s,
        idempotency_key=idempotency_key,
    )  # fmt: skip
    ended = yield from wait(job["id"], timeout_s=timeout_s)
    if ended["state"] != "succeeded" or "result" not in ended:
        raise NotAnswered(ended)
    return cast("Answer", ended["result"])


def search(
    query: str,
    *,
    collection: str = _DEFAULT,
    top_k: int | None = None,
    filters: Filter | None = None,
    mode: Mode = "hybrid",
    trace: bool = False,
) -> Flow[Found]:
    """Find passages, best first."""
    told = _given({"top_k": top_k, "filters": filters, "trace": trace or None})
    body = {"query": query, "collection": collection, "mode": mode} | told
    asked = flows.outlast(lambda: flows.post("/api/search", body))
    return cast("Found", (yield from asked).json())


def ask_many(
    questions: Iterable[str | Mapping[str, Any]],
    *,
    collection: str = _DEFAULT,
    filters: Filter | None = None,
    top_k: int | None = None,
    max_tokens: int | None = None,
    temperature: float | None = None,
    deadline_s: int | None = None,
    webhook_url: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """
    Ask a list of questions as one job, in the background; returns the job at once.

    A question is a text, or an object with `question` and what holds for it alone, such as `id`.
    """
    asked = [{"question": one} if isinstance(one, str) else dict(one) for one in questions]
    told = {
        "filters": filters, "top_k": top_k, "max_tokens": max_tokens, "temperature": temperature,
        "deadline_s": deadline_s, "webhook_url": webhook_url,
    }  # fmt: skip
    body = {"questions": asked, "collection": collection} | _given(told)
    told_of = yield from flows.submit("/api/questions", body, key=idempotency_key)
    return cast("Job", told_of.json())


def add_texts(
    texts: Mapping[str, str],
    *,
    collection: str = _DEFAULT,
    metadata: Mapping[str, Any] | None = None,
    priority: Priority = "batch",
    on_duplicate: OnDuplicate = "index",
    deadline_s: int | None = None,
    webhook_url: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """
    Add documents, each text by its id; returns the job at once.

    *metadata* is that of all of them.
    """
    documents = [{"id": name, "text": text} for name, text in texts.items()]
    told = {
        "metadata": dict(metadata or {}) or None, "deadline_s": deadline_s,
        "webhook_url": webhook_url,
    }  # fmt: skip
    body = {
        "documents": documents, "collection": collection, "priority": priority,
        "on_duplicate": on_duplicate,
    }  # fmt: skip
    added = yield from flows.submit("/api/ingests", body | _given(told), key=idempotency_key)
    return cast("Job", added.json())


def add_files(
    files: Mapping[str, BinaryIO],
    *,
    collection: str = _DEFAULT,
    metadata: Mapping[str, Any] | None = None,
    priority: Priority = "batch",
    on_duplicate: OnDuplicate = "index",
    deadline_s: int | None = None,
    webhook_url: str | None = None,
    idempotency_key: str | None = None,
) -> Flow[Job]:
    """
    Add documents, each as a file open for bytes by its id; returns the job at once.

    The end of an id tells what a file is, as that of a file's name does: `handbook.pdf`. Files are
    read from their starts, again where the server was busy or away. *metadata* is that of all.
    """
    form = [("files", (name, file, "application/octet-stream")) for name, file in files.items()]
    told = {
        "metadata": json.dumps(dict(metadata)) if metadata else None, "deadline_s": deadline_s,
        "webhook_url": webhook_url,
    }  # fmt: skip
    fields = {"collection": collection, "priority": priority, "on_duplicate": on_duplicate}
    fields |= {name: str(value) for name, value in _given(told).items()}
    added = yield from flows.submit_form("/api/ingests", form, fields, key=idempotency_key)
    return cast("Job", added.json())


def job(job_id: str) -> Flow[Job]:
    """Look at a job."""
    return cast("Job", (yield from _read(job_path(job_id))).json())


def wait(job_id: str, *, timeout_s: float = math.inf) -> Flow[Job]:
    """
    Wait until a job has ended, however it does; a server that is away is waited for.

    Raises:
        NotYet: It has not ended within *timeout_s*; it goes on.
    """
    return cast("Job", (yield from flows.wait(job_id, timeout_s=timeout_s)).json())


def cancel(job_id: str) -> Flow[Job]:
    """Ask a job to stop; harmless when repeated."""
    asked = flows.outlast(lambda: flows.delete(job_path(job_id)))
    return cast("Job", (yield from asked).json())


def retry(job_id: str) -> Flow[Job]:
    """Run what failed of a job again, as a new job; returns that."""
    return cast("Job", (yield from flows.submit(f"{job_path(job_id)}/retry")).json())


def jobs_page(
    cursor: str | None = None,
    *,
    state: State | None = None,
    kind: JobKind | None = None,
    collection: str | None = None,
    limit: int = PAGE,
) -> Flow[tuple[list[Job], str | None]]:
    """Return a page of jobs, newest first, and where the next one begins; None at the end."""
    asked = {"state": state, "kind": kind, "collection": collection}
    told = (yield from _read("/api/jobs", cursor=cursor, limit=limit, **asked)).json()
    return told["jobs"], told["next_cursor"]


def rows_page(
    job_id: str, cursor: str | None = None, *, state: RowState | None = None, limit: int = PAGE
) -> Flow[tuple[list[Row], str | None]]:
    """Return a page of what became of an ingest's documents, and where the next one begins."""
    path = f"{job_path(job_id)}/documents"
    told = (yield from _read(path, cursor=cursor, state=state, limit=limit)).json()
    return told["documents"], told["next_cursor"]


def questions_page(
    job_id: str, cursor: str | None = None, *, state: RowState | None = None, limit: int = PAGE
) -> Flow[tuple[list[AskedQuestion], str | None]]:
    """Return a page of a list's questions with their answers, and where the next one begins."""
    path = f"{job_path(job_id)}/questions"
    told = (yield from _read(path, cursor=cursor, state=state, limit=limit)).json()
    return told["questions"], told["next_cursor"]


def collections() -> Flow[list[Collection]]:
    """List the collections by name."""
    return cast("list[Collection]", (yield from _read("/api/collections")).json()["collections"])


def create_collection(name: str) -> Flow[Collection]:
    """Make a collection; returns the one that is there where it is."""
    asked = flows.outlast(lambda: flows.post("/api/collections", {"name": name}))
    return cast("Collection", (yield from asked).json())


def delete_collection(name: str) -> Flow[Job]:
    """
    Delete a collection; its name is free at once. Returns the job that removes the rest.

    A server that is away is not waited for: a second try could meet a new one of that name.
    """
    return cast("Job", (yield from flows.delete(collection_path(name))).json())


def documents_page(
    cursor: str | None = None,
    *,
    collection: str = _DEFAULT,
    prefix: str | None = None,
    contains: str | None = None,
    limit: int = PAGE,
) -> Flow[tuple[list[Document], str | None]]:
    """Return a page of documents in the order of their ids, and where the next one begins."""
    asked = {"cursor": cursor, "prefix": prefix, "contains": contains, "limit": limit}
    told = (yield from _read(documents_path(collection), **asked)).json()
    return told["documents"], told["next_cursor"]


def document(document_id: str, *, collection: str = _DEFAULT) -> Flow[Document]:
    """Look at a document."""
    path = document_path(collection, document_id)
    return cast("Document", (yield from _read(path)).json())


def text(
    document_id: str,
    *,
    collection: str = _DEFAULT,
    generation: int | None = None,
    start: int | None = None,
    end: int | None = None,
) -> Flow[Text]:
    """Return a document's parsed text, or a part of it, in Unicode code points."""
    path = f"{document_path(collection, document_id)}/text"
    asked = {"generation": generation, "start": start, "end": end}
    return cast("Text", (yield from _read(path, **asked)).json())


def delete_document(document_id: str, *, collection: str = _DEFAULT) -> Flow[Job]:
    """Delete a document; returns the job, after whose end no search finds it."""
    path = document_path(collection, document_id)
    return cast("Job", (yield from flows.once("DELETE", path)).json())


def usage() -> Flow[list[KeyUsage]]:
    """Return what the key spent, and what it may."""
    return cast("list[KeyUsage]", (yield from _read("/api/usage")).json()["keys"])


def _read(path: str, **parameters: object) -> Flow[httpx.Response]:
    """Read *path*; a server that is away is waited for."""
    return (yield from flows.outlast(lambda: flows.get(path, **parameters)))


def _given(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None: the server's own default holds."""
    return {name: value for name, value in told.items() if value is not None}
