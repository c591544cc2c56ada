"""What tools change: documents added, replaced and deleted."""

from access.grants import collection_named
from intake.documents import read_document
from intake.requests import read_ingest
from web.front_end import front_end
from web.mcp.jobs import told_of_new
from web.mcp.protocol import Json
from web.mcp.tool import Call


def ingest_text(call: Call) -> Json:
    """Add a text as a document, or replace the document of that id."""
    parts = front_end()
    asked = read_ingest({"collection": call.collection, "priority": "interactive"}, parts.settings)
    told = {name: call.given[name] for name in ("id", "text", "title")}
    upload = read_document({name: value for name, value in told.items() if value}, "document")
    return told_of_new(parts.intake.ingests.submit_ingest(asked, [upload]))


def delete_document(call: Call) -> Json:
    """Delete a document."""
    stored = collection_named(call.collection)
    return told_of_new(front_end().intake.maintenance.delete_document(stored, call.given["id"]))
