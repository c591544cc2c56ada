"""The calls of the API, as flows: what each sends, and what of the answer is handed on."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, cast

from quern import flows
from quern.errors import NotAnswered
from quern.flows import FINAL_STATES, PAGE, Files, Flow
from quern.paths import collection_path, document_path, documents_path, job_path
from quern.types import (
    Answer,
    AskedQuestion,
    Collection,
    Document,
    Filter,
    Found,
    Job,
    KeyUsage,
    Mode,
    OnDuplicate,
    Priority,
    Row,
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
) -> Flow[Job]:
    """Ask a question; returns its job at once. The call may be repeated: it is asked once."""
    told = {
        "history": list(history) or None, "filters": filters, "top_k": top_k,
        "max_tokens": max_tokens, "temperature": temperature, "deadline_s": deadline_s,
        "trace": trace or None, "webhook_url": webhook_url,
    }  # fmt: skip
    body = {"question": question, "collection": collection, "priority": priority} | _given(told)
    return cast("Job", (yield from flows.submit("/api/queries", body)).json())


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
) -> Flow[Answer]:
    """
    Ask a question and wait for the answer, with its citations and sources.

    Raises:
        NotAnswered: The job failed, expired or was cancelled; a question that the documents do
            not tell has an answer, with `answered` False.
    """
    job = yield from submit(
        question, collection=collection, history=history, filters=filters, top_k=top_k,
        max_tokens=max_tokens, temperature=temperature, deadline_s=deadline_s,
    )  # fmt: skip
    ended = yield from wait(job["id"])
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
    return cast("Found", (yield from flows.post("/api/search", body)).json())


def ask_many(
    questions: Iterable[str | Mapping[str, Any]],
    *,
    collection: str = _DEFAULT,
    filters: Filter | None = None,
    top_k: int | None = None,
) -> Flow[Job]:
    """
    Ask a list of questions as one job, in the background; returns the job at once.

    A question is a text, or an object with `question` and what holds for it alone, such as `id`.
    """
    asked = [{"question": one} if isinstance(one, str) else dict(one) for one in questions]
    told = _given({"filters": filters, "top_k": top_k})
    body = {"questions": asked, "collection": collection} | told
    return cast("Job", (yield from flows.submit("/api/questions", body)).json())


def add_texts(
    texts: Mapping[str, str],
    *,
    collection: str = _DEFAULT,
    metadata: Mapping[str, Any] | None = None,
    priority: Priority = "batch",
    on_duplicate: OnDuplicate = "index",
) -> Flow[Job]:
    """Add documents, each text by its id; returns the job at once."""
    documents = [{"id": name, "text": text} for name, text in texts.items()]
    body = {
        "documents": documents, "collection": collection, "priority": priority,
        "on_duplicate": on_duplicate, "metadata": dict(metadata or {}),
    }  # fmt: skip
    return cast("Job", (yield from flows.submit("/api/ingests", body)).json())


def add_files(
    files: Files,
    *,
    collection: str = _DEFAULT,
    priority: Priority = "batch",
    on_duplicate: OnDuplicate = "index",
) -> Flow[Job]:
    """
    Add open files, each `("files", (document id, binary file, media type))`; returns the job.

    They are read again from the start where the server was away.
    """
    fields = {"collection": collection, "priority": priority, "on_duplicate": on_duplicate}
    return cast("Job", (yield from flows.submit_form("/api/ingests", files, fields)).json())


def job(job_id: str) -> Flow[Job]:
    """Look at a job."""
    return cast("Job", (yield from flows.get(job_path(job_id))).json())


def wait(job_id: str) -> Flow[Job]:
    """Wait until a job has ended, however it does; a server that is away is waited for."""
    return cast("Job", (yield from flows.wait(job_id)).json())


def cancel(job_id: str) -> Flow[Job]:
    """Ask a job to stop; harmless when repeated."""
    return cast("Job", (yield from flows.delete(job_path(job_id))).json())


def retry(job_id: str) -> Flow[Job]:
    """Run what failed of a job again, as a new job; returns that."""
    return cast("Job", (yield from flows.submit(f"{job_path(job_id)}/retry")).json())


def jobs_page(
    cursor: str | None = None, *, limit: int = PAGE, **conditions: str | None
) -> Flow[tuple[list[Job], str | None]]:
    """Return a page of jobs, newest first, and where the next one begins; None at the end."""
    told = (yield from flows.get("/api/jobs", cursor=cursor, limit=limit, **conditions)).json()
    return told["jobs"], told["next_cursor"]


def rows_page(
    job_id: str, cursor: str | None = None, *, state: str | None = None, limit: int = PAGE
) -> Flow[tuple[list[Row], str | None]]:
    """Return a page of what became of an ingest's documents, and where the next one begins."""
    path = f"{job_path(job_id)}/documents"
    told = (yield from flows.get(path, cursor=cursor, state=state, limit=limit)).json()
    return told["documents"], told["next_cursor"]


def questions_page(
    job_id: str, cursor: str | None = None, *, state: str | None = None, limit: int = PAGE
) -> Flow[tuple[list[AskedQuestion], str | None]]:
    """Return a page of a list's questions with their answers, and where the next one begins."""
    path = f"{job_path(job_id)}/questions"
    told = (yield from flows.get(path, cursor=cursor, state=state, limit=limit)).json()
    return told["questions"], told["next_cursor"]


def collections() -> Flow[list[Collection]]:
    """List the collections by name."""
    return cast(
        "list[Collection]", (yield from flows.get("/api/collections")).json()["collections"]
    )


def create_collection(name: str) -> Flow[Collection]:
    """Make a collection; returns the one that is there where it is."""
    return cast("Collection", (yield from flows.post("/api/collections", {"name": name})).json())


def delete_collection(name: str) -> Flow[Job]:
    """Delete a collection; its name is free at once. Returns the job that removes the rest."""
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
    told = (yield from flows.get(documents_path(collection), **asked)).json()
    return told["documents"], told["next_cursor"]


def document(document_id: str, *, collection: str = _DEFAULT) -> Flow[Document]:
    """Look at a document."""
    path = document_path(collection, document_id)
    return cast("Document", (yield from flows.get(path)).json())


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
    return cast("Text", (yield from flows.get(path, **asked)).json())


def delete_document(document_id: str, *, collection: str = _DEFAULT) -> Flow[Job]:
    """Delete a document; returns the job, after whose end no search finds it."""
    return cast("Job", (yield from flows.delete(document_path(collection, document_id))).json())


def usage() -> Flow[list[KeyUsage]]:
    """Return what the key spent, and what it may."""
    return cast("list[KeyUsage]", (yield from flows.get("/api/usage")).json()["keys"])


def has_ended(told: Job) -> bool:
    """Return True if a job is in a final state."""
    return told["state"] in FINAL_STATES


def _given(told: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what is None: the server's own default holds."""
    return {name: value for name, value in told.items() if value is not None}
