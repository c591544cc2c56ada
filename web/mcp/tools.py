"""
The tools: `search` and `fetch` in the shapes that OpenAI's connectors know, and Quern's own.

A tool's failure is a result that says so, for the model to read; a broken request is an error.
Source of the two shapes: developers.openai.com, "Building MCP servers" (search: `results` of `id`,
`title`, `url`; fetch: `id`, `title`, `text`, `url`, `metadata`; each as one text of JSON).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode

import orjson
from flask import current_app, request

from access.grants import Scope, collection_named, current
from intake.documents import read_document
from intake.errors import NotFound
from intake.lookup.views import has_ended
from intake.requests import read_ingest, read_query, read_search
from protocol.names import shown_name
from rag.documents import split_chunk_id
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.http.searching import searched
from web.http.waiting import polled
from web.mcp.protocol import Json, Tools

#: A question is waited for so long; then its job is told of instead.
MOST_WAIT_S: Final = 30
USUAL_WAIT_S: Final = 20
DEFAULT: Final = "default"


@dataclass(frozen=True, slots=True)
class Tool:
    """
    A tool.

    Args:
        scope: What the caller's key needs.

        does: Is given the arguments and the collection, and returns what is told.
    """

    name: str
    title: str
    description: str
    scope: Scope | None
    takes: Json
    gives: Json
    does: Callable[[Json, str], Json]
    changes: bool = False

    def shown(self, *, fixed: bool) -> Json:
        """Return its definition; where the address names the collection, no argument does."""
        takes = {
            name: kind for name, kind in self.takes.items() if name != "collection" or not fixed
        }
        required = [name for name, kind in takes.items() if "default" not in kind]
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {
                "type": "object", "properties": takes, "required": required,
                "additionalProperties": False,
            },
            "outputSchema": {
                "type": "object", "properties": self.gives, "required": list(self.gives),
            },
            "annotations": {
                "readOnlyHint": not self.changes, "destructiveHint": self.name.startswith("delete"),
                "idempotentHint": True, "openWorldHint": False,
            },
        }  # fmt: skip


def tools_for(collection: str | None) -> Tools:
    """Return the tools that the caller may use; *collection* is that of the address, or None."""
    mine = [tool for tool in TOOLS if tool.scope is None or tool.scope in current().scopes]

    def call(name: str, arguments: Json) -> Json:
        tool = next(tool for tool in mine if tool.name == name)
        try:
            told = tool.does(
                _checked(tool, arguments, fixed=collection is not None), _of(arguments, collection)
            )
        except Exception as error:  # noqa: BLE001  every refusal of the API, in its own words
            return _failed(error)
        return {
            "content": [{"type": "text", "text": orjson.dumps(told).decode()}],
            "structuredContent": told,
            "isError": False,
        }

    return Tools(
        listed=lambda: [tool.shown(fixed=collection is not None) for tool in mine], call=call
    )


def _of(arguments: Json, collection: str | None) -> str:
    """Return which collection is meant."""
    return collection or str(arguments.get("collection") or DEFAULT)


def _checked(tool: Tool, arguments: Json, *, fixed: bool) -> Json:
    """Return the arguments, with what is usual for those left out; raises InvalidRequest."""
    takes = tool.shown(fixed=fixed)["inputSchema"]["properties"]
    for name in arguments:
        if name not in takes:
            raise InvalidRequest(name, f"is not an argument of `{tool.name}`")
    given = {name: kind["default"] for name, kind in takes.items() if "default" in kind}
    given |= {name: value for name, value in arguments.items() if value is not None}
    kinds: dict[str, tuple[type, str]] = {
        "string": (str, "text"),
        "integer": (int, "a whole number"),
    }
    for name, kind in takes.items():
        if name not in given:
            raise InvalidRequest(name, "is missing")
        python, words = kinds[kind["type"]]
        if not isinstance(given[name], python) or isinstance(given[name], bool):
            raise InvalidRequest(name, f"must be {words}")
    return given


def _failed(error: Exception) -> Json:
    """Return what a model reads of a refusal; a fault of ours is raised on."""
    answered = current_app.handle_user_exception(error)
    response = current_app.make_response(answered)
    problem = orjson.loads(response.get_data())
    said = problem.get("detail") or problem.get("title") or "It failed."
    return {"content": [{"type": "text", "text": said}], "isError": True}


def _search(given: Json, collection: str) -> Json:
    asked = read_search({"query": given["query"], "collection": collection}, front_end().settings)
    return {
        "results": [
            {
                "id": f"{collection}/{one['chunk_id']}",
                "title": one["title"] or one["document_id"],
                "url": _address(collection, one["document_id"], one["start"], one["end"]),
                "text": one["text"],
            }
            for one in searched(asked)["results"]
        ]
    }


def _fetch(given: Json, collection: str) -> Json:
    named, _, rest = given["id"].partition("/")
    documents = front_end().intake.documents
    stored = collection_named(named)
    document, passage = None, None
    try:
        name, _, n = split_chunk_id(rest)
        document, passage = documents.find(stored, name), n
    except (ValueError, NotFound):
        document = documents.find(stored, rest)
    text = documents.text(document, start=0, end=None)["text"]
    record = document.record
    more = {} if passage is None else {"passage": passage}
    del collection
    return {
        "id": given["id"],
        "title": record["title"] or document.document_id,
        "text": text,
        "url": _address(named, document.document_id),
        "metadata": {
            **record["metadata"], "document_id": document.document_id, "collection": named, **more,
        },
    }  # fmt: skip


def _ask(given: Json, collection: str) -> Json:
    parts = front_end()
    body = {"question": given["question"], "collection": collection}
    taken = parts.intake.queries.submit_query(read_query(body, parts.settings))
    polled(taken.id, max(0, min(given["wait_s"], MOST_WAIT_S)))
    return _job_told(taken.id)


def _get_job(given: Json, collection: str) -> Json:
    del collection
    polled(given["job_id"], max(0, min(given["wait_s"], MOST_WAIT_S)))
    return _job_told(given["job_id"])


def _job_told(job_id: str) -> Json:
    """Return a job as a model needs it: its answer with what that rests on, or how it stands."""
    parts = front_end()
    job = parts.intake.jobs.show(job_id, parts.health.workers)
    told: Json = {"job_id": job_id, "state": job["state"], "url": _base(f"jobs/{job_id}")}
    if not has_ended(job):
        return told | {"note": "It is not done yet; ask `get_job` later."}
    if "error" in job:
        return told | {"error": job["error"].get("detail") or job["error"].get("title")}
    result = job.get("result")
    if job["kind"] != "query" or not result:
        return told | ({"progress": job["progress"]} if "progress" in job else {})
    sources = result.get("sources", [])
    return told | {
        "answer": result["answer"],
        "answered": result["answered"],
        "confidence": result["confidence"],
        "citations": [
            {
                "marker": one["marker"],
                "quote": one["quote"],
                "title": sources[one["source"]]["title"] or sources[one["source"]]["document_id"],
                "url": _address(
                    job["collection"],
                    sources[one["source"]]["document_id"],
                    one["start"],
                    one["end"],
                ),
            }
            for one in result["citations"]
            if one["source"] < len(sources)
        ],
    }


def _list_collections(given: Json, collection: str) -> Json:
    del given, collection
    found = front_end().intake.collections.all()
    return {"collections": [{"name": one["name"], "documents": one["documents"]} for one in found]}


def _ingest_text(given: Json, collection: str) -> Json:
    parts = front_end()
    asked = read_ingest({"collection": collection, "priority": "interactive"}, parts.settings)
    told = {name: given[name] for name in ("id", "text", "title") if given[name]}
    upload = read_document(told, "ingest_text")
    job_id = parts.intake.ingests.submit_ingest(asked, [upload])
    polled(job_id, USUAL_WAIT_S)
    return _job_told(job_id)


def _delete_document(given: Json, collection: str) -> Json:
    stored = collection_named(collection)
    job_id = front_end().intake.maintenance.delete_document(stored, given["id"])
    polled(job_id, USUAL_WAIT_S)
    return _job_told(job_id)


def _address(
    collection: str, document_id: str, start: int | None = None, end: int | None = None
) -> str:
    """Return where a person sees a document, or a passage of it."""
    asked: dict[str, Any] = {"collection": shown_name(collection), "document": document_id}
    if start is not None:
        asked |= {"start": start, "end": end}
    return _base(f"documents?{urlencode(asked)}")


def _base(path: str) -> str:
    """Return an address of this server as the caller knows it."""
    return f"{request.root_url.rstrip('/')}/{path}"


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description} | more


def _whole(description: str, default: int) -> Json:
    return {"type": "integer", "description": description, "default": default}


_COLLECTION: Final = _text(
    "The collection; `list_collections` tells which there are.", default=DEFAULT
)
_JOB: Final[Json] = {
    "job_id": _text("For `get_job`."),
    "state": _text("`queued`, `running`, or how it ended."),
    "url": _text("Where a person sees it."),
}
_WAIT: Final = _whole(
    f"How long to wait for the end, seconds, at most {MOST_WAIT_S}.", USUAL_WAIT_S
)

TOOLS: Final = (
    Tool(
        "search", "Search documents",
        "Find the passages of the documents that match a query, best first, by meaning and words.",
        "ask",
        {"query": _text("What to look for."), "collection": _COLLECTION},
        {"results": {"type": "array", "items": {"type": "object"}}},
        _search,
    ),
    Tool(
        "fetch", "Read a document",
        "Return the whole text of a document that `search` found, by the id of the result.",
        None,
        {"id": _text("The `id` of a result of `search`, or COLLECTION/DOCUMENT.")},
        {
            "id": _text(""), "title": _text(""), "text": _text("The whole text."),
            "url": _text("Where a person sees it."), "metadata": {"type": "object"},
        },
        _fetch,
    ),
    Tool(
        "ask", "Ask the documents",
        "Answer a question from the documents, with citations; `answered` is false where they do "
        "not tell. What takes longer than `wait_s` is a job: ask `get_job` for it.",
        "ask",
        {
            "question": _text("The question, in words of its own: it is asked without context."),
            "collection": _COLLECTION, "wait_s": _WAIT,
        },
        _JOB,
        _ask,
    ),
    Tool(
        "get_job", "Look at a job",
        "Return how a job stands, and its answer once it has ended.",
        None,
        {"job_id": _text("The id of a job."), "wait_s": _whole("As of `ask`.", 0)},
        _JOB,
        _get_job,
    ),
    Tool(
        "list_collections", "List collections",
        "List the collections of documents, and how many documents each has.",
        None, {},
        {"collections": {"type": "array", "items": {"type": "object"}}},
        _list_collections,
    ),
    Tool(
        "ingest_text", "Add a text",
        "Add a text as a document, or replace the document of that id.",
        "ingest",
        {
            "id": _text("What the document is called."), "text": _text("The text."),
            "title": _text("Its title.", default=""), "collection": _COLLECTION,
        },
        _JOB,
        _ingest_text,
        changes=True,
    ),
    Tool(
        "delete_document", "Delete a document",
        "Delete a document; once the job has ended no search finds it.",
        "ingest",
        {"id": _text("What the document is called."), "collection": _COLLECTION},
        _JOB,
        _delete_document,
        changes=True,
    ),
)  # fmt: skip
