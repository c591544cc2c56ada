"""
The tools: `search` and `fetch` in the shapes that OpenAI's connectors know, and Quern's own.

A tool's failure is a result that says so, for the model to read; a broken request is an error
(specification 2026-07-28, server/tools, "Error Handling").
"""

from typing import Any, Final

import orjson
from flask import current_app

from access.grants import current
from web.guards.strangers import shown_version
from web.mcp.changing import delete_document, ingest_text
from web.mcp.jobs import MOST_WAIT_S
from web.mcp.protocol import Json, Served
from web.mcp.reading import ask, fetch, get_job, list_collections, search
from web.mcp.tool import DEFAULT, Tool


def served(collection: str | None) -> Served:
    """Return what the caller is served; *collection* is that of the address, or None."""
    mine = {
        tool.name: tool for tool in TOOLS if tool.scope is None or tool.scope in current().scopes
    }

    def call(name: str, arguments: Json) -> Json:
        try:
            told = mine[name].called(arguments, collection)
        except Exception as error:  # noqa: BLE001  every refusal of the API, in its own words
            return _failed(error)
        return _content(orjson.dumps(told).decode()) | {
            "structuredContent": told,
            "isError": False,
        }

    shown = [tool.shown(is_held=collection is not None) for tool in mine.values()]
    return Served(version=shown_version(), tools=shown, call=call)


def _failed(error: Exception) -> Json:
    """Return what a model reads of a refusal; a fault of ours is raised on."""
    answered = current_app.handle_user_exception(error)
    problem = orjson.loads(current_app.make_response(answered).get_data())
    return _content(problem["detail"]) | {"isError": True}


def _content(text: str) -> Json:
    """Return the one part that the content of every result has."""
    return {"content": [{"type": "text", "text": text}]}


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description} | more


def _whole(description: str, **more: Any) -> Json:
    return {"type": "integer", "description": description} | more


def _listed(description: str, **properties: Json) -> Json:
    items = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "array", "description": description, "items": items}


_COLLECTION: Final = _text(
    "The collection; `list_collections` tells which there are.", default=DEFAULT
)
_TITLE: Final = _text("What people call it.")
_SEEN_AT: Final = _text("Where a person sees it.")
_PASSAGE_AT: Final = _text("Where a person sees the passage, marked in its document.")
_JOB: Final[Json] = {
    "job_id": _text("For `get_job`."),
    "state": _text(
        "`queued`, `running`, `succeeded`, `failed`, `partial`, `cancelled`, `expired`."
    ),
    "url": _SEEN_AT,
}
_ENDED: Final[Json] = {
    "progress": {"type": "object", "description": "How much of it is done."},
    "note": _text("What to do while it has not ended."),
    "error": _text("Why nothing came of it."),
}
_ANSWER: Final[Json] = {
    "answer": _text("With a number in brackets after what each citation says."),
    "answered": {"type": "boolean", "description": "False where the documents do not tell."},
    "confidence": {"type": "number", "description": "From 0 to 1."},
    "citations": _listed(
        "What the answer rests on.",
        marker=_whole("The number in the answer."), quote=_text("The document's own words."),
        title=_TITLE, url=_PASSAGE_AT,
    ),
    "why": _text("Why nothing was found."),
    "deleted": {
        "type": "array", "items": {"type": "string"},
        "description": "Documents that were deleted since; their words are withheld.",
    },
} | _ENDED  # fmt: skip
_WAIT: Final = f"How many seconds to wait for its end, {MOST_WAIT_S} at most."

TOOLS: Final = (
    Tool(
        name="search", title="Search documents", scope="ask", does=search,
        description=(
            "Find the passages of the documents that match a query, best first, by meaning and "
            "words. `fetch` reads the whole document of a result."
        ),
        takes={"query": _text("What to look for."), "collection": _COLLECTION},
        gives={
            "results": _listed(
                "The passages.",
                id=_text("For `fetch`."), title=_TITLE, url=_PASSAGE_AT, text=_text("The passage."),
            )
        },
    ),
    Tool(
        name="fetch", title="Read a document", does=fetch,
        description="Read the text of a document that `search` found, by the `id` of a result.",
        takes={
            "id": _text("The `id` of a result of `search`, or COLLECTION/DOCUMENT."),
            "start": _whole("From which character on, for parts of a long text.", default=0),
            "end": _whole("Up to which character; 0 for all of it.", default=0),
        },
        gives={
            "id": _text("As given."), "title": _TITLE, "text": _text("The text."),
            "url": _SEEN_AT,
            "metadata": {
                "type": "object",
                "description": (
                    "What is known of the document: its own metadata, `document_id`, `collection`, "
                    "how many characters (`chars`) it has, and which of them (`start`, `end`) "
                    "these are."
                ),
            },
        },
    ),
    Tool(
        name="ask", title="Ask the documents", scope="ask", does=ask,
        description=(
            "Answer a question from the documents, with citations; `answered` is false where they "
            "do not tell. An answer that takes longer is a job: ask `get_job` for it."
        ),
        takes={
            "question": _text("The question, in words of its own: it is asked without context."),
            "collection": _COLLECTION,
            "wait_s": _whole(_WAIT, default=MOST_WAIT_S),
        },
        gives=_JOB,
        may_give=_ANSWER,
    ),
    Tool(
        name="get_job", title="Look at a job", does=get_job,
        description="Tell how a job stands, and its answer once it has ended.",
        takes={"job_id": _text("The id of a job."), "wait_s": _whole(_WAIT, default=0)},
        gives=_JOB,
        may_give=_ANSWER,
    ),
    Tool(
        name="list_collections", title="List collections", does=list_collections,
        description="List the collections of documents, and how many documents each has.",
        takes={},
        gives={
            "collections": _listed(
                "The collections.",
                name=_text("What it is called."), documents=_whole("How many it has."),
            )
        },
    ),
    Tool(
        name="ingest_text", title="Add a text", scope="ingest", does=ingest_text, changes=True,
        description="Add a text as a document, or replace the document of that id.",
        takes={
            "id": _text("What the document is called."), "text": _text("The text."),
            "title": _text("Its title; by default it is found in the text.", default=""),
            "collection": _COLLECTION,
        },
        gives=_JOB,
        may_give=_ENDED,
    ),
    Tool(
        name="delete_document", title="Delete a document", scope="ingest", does=delete_document,
        changes=True,
        description="Delete a document; once the job has ended no search finds it.",
        takes={"id": _text("What the document is called."), "collection": _COLLECTION},
        gives=_JOB,
        may_give=_ENDED,
    ),
)  # fmt: skip
