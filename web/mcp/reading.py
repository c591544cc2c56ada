"""
What tools find and read: passages, documents, answers, jobs, collections.

Source of what `search` and `fetch` take and tell: developers.openai.com, "Building MCP servers"
(search: `results` of `id`, `title`, `url`; fetch: `id`, `title`, `text`, `url`, `metadata`).
"""

from typing import Any

from access.grants import collection_named
from intake.errors import NotFound
from intake.lookup.documents import Document
from intake.requests import read_query, read_search
from rag.documents import split_chunk_id
from web.front_end import front_end
from web.http.searching import searched
from web.mcp.addresses import page_of_document
from web.mcp.jobs import told_of_known, told_of_new
from web.mcp.protocol import Json
from web.mcp.tool import Call


def search(call: Call) -> Json:
    """Find passages, each with its id for `fetch`."""
    body = {"query": call.given["query"], "collection": call.collection}
    found = searched(read_search(body, front_end().settings))["results"]
    return {"results": [_passage(call.collection, one) for one in found]}


def _passage(collection: str, found: dict[str, Any]) -> Json:
    """Return a passage as a search tells it."""
    span = (found["start"], found["end"])
    return {
        "id": f"{collection}/{found['chunk_id']}",
        "title": found["title"] or found["document_id"],
        "url": page_of_document(collection, found["document_id"], span),
        "text": found["text"],
    }


def fetch(call: Call) -> Json:
    """Read the text of the document that an id of a search is of, or part of the text."""
    named, _, rest = call.given["id"].partition("/")
    if call.is_held and named != call.collection:
        raise NotFound(f"there is nothing with the id {call.given['id']!r}")
    document, span = _found(collection_named(named), rest)
    start, end = max(0, call.given["start"]), call.given["end"]
    part = front_end().intake.documents.text(document, start=start, end=end if end > 0 else None)
    told = {"document_id": document.document_id, "collection": named}
    places = {name: part[name] for name in ("chars", "start", "end")}
    return {
        "id": call.given["id"],
        "title": document.record["title"] or document.document_id,
        "text": part["text"],
        "url": page_of_document(named, document.document_id, span),
        "metadata": document.record["metadata"] | told | places,
    }


def _found(stored: str, name: str) -> tuple[Document, tuple[int, int] | None]:
    """
    Return the document that an id is of, and the span of the passage that it names.

    The span is None where it is the id of a document, or of a passage of an earlier version.

    Raises:
        NotFound: There is no such collection or document.
    """
    documents = front_end().intake.documents
    try:
        document_id, generation, n = split_chunk_id(name)
        document = documents.find(stored, document_id)
    except (ValueError, NotFound):
        return documents.find(stored, name), None
    if document.generation != generation:
        return document, None
    passages = documents.chunks(document, start=n, limit=1)[0]["chunks"]
    return document, next(((one["start"], one["end"]) for one in passages), None)


def ask(call: Call) -> Json:
    """Answer a question, or tell of its job where that takes longer than the caller waits."""
    parts = front_end()
    body = {"question": call.given["question"], "collection": call.collection}
    job = parts.intake.queries.submit_query(read_query(body, parts.settings))
    return told_of_new(job.id, wait_s=call.given["wait_s"])


def get_job(call: Call) -> Json:
    """Tell how a job stands, and what came of it."""
    return told_of_known(call, call.given["job_id"], wait_s=call.given["wait_s"])


def list_collections(call: Call) -> Json:
    """Tell which collections there are."""
    found = front_end().intake.collections.all()
    return {
        "collections": [
            {"name": one["name"], "documents": one["documents"]}
            for one in found
            if not call.is_held or one["name"] == call.collection
        ]
    }
