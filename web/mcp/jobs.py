"""Jobs as tools tell them: waited for, and in the few words that a model needs."""

from typing import Any, Final

from intake.errors import NotFound
from intake.lookup.views import has_ended
from web.front_end import front_end
from web.http.waiting import polled
from web.mcp.addresses import page_of_document, page_of_job
from web.mcp.protocol import Json
from web.mcp.tool import Call

#: A tool waits so long for the end of a job; then its job is told of instead.
MOST_WAIT_S: Final = 30

_NOT_YET: Final = "It has not ended yet: ask `get_job` with this `job_id`."


def told_of_new(job_id: str, *, wait_s: int = MOST_WAIT_S) -> Json:
    """Return what is told of a job that was just made, which is waited for."""
    return _waited_for(job_id, wait_s)


def told_of_known(call: Call, job_id: str, *, wait_s: int) -> Json:
    """
    Return what is told of a job that the caller names.

    Raises:
        NotFound, Gone: There is no such job, or not in the collection of the address.
    """
    job = _shown(job_id)
    if call.is_held and job["collection"] != call.collection:
        raise NotFound(f"there is no job {job_id!r}")
    return _told(job_id, job) if has_ended(job) else _waited_for(job_id, wait_s)


def _waited_for(job_id: str, wait_s: int) -> Json:
    """Wait for a job's end within bounds; where nobody may wait any more, not at all."""
    wait_s = max(0, min(wait_s, MOST_WAIT_S))
    if wait_s:
        polled(job_id, wait_s)
    return _told(job_id, _shown(job_id))


def _shown(job_id: str) -> dict[str, Any]:
    """Return a job as the API shows it; raises NotFound, Gone."""
    parts = front_end()
    return parts.intake.jobs.show(job_id, parts.health.workers)


def _told(job_id: str, job: dict[str, Any]) -> Json:
    """Return how a job stands, and once it has ended what came of it."""
    told: Json = {"job_id": job_id, "state": job["state"], "url": page_of_job(job_id)}
    if "progress" in job:
        told["progress"] = job["progress"]
    if not has_ended(job):
        return told | {"note": _NOT_YET}
    if "error" in job:
        return told | {"error": job["error"].get("detail") or job["error"].get("title")}
    result = job.get("result")
    return told | (_answer(job, result) if job["kind"] == "query" and result else {})


def _answer(job: dict[str, Any], result: dict[str, Any]) -> Json:
    """Return the answer of a question, each citation with where a person sees it."""
    sources = result["sources"]
    more = {name: result[name] for name in ("why", "deleted") if result.get(name)}
    return more | {
        "answer": result["answer"],
        "answered": result["answered"],
        "confidence": result["confidence"],
        "citations": [
            _cited(job["collection"], one, sources[one["source"]])
            for one in result["citations"]
            if one["source"] < len(sources)
        ],
    }


def _cited(collection: str, citation: dict[str, Any], source: dict[str, Any]) -> Json:
    """Return a citation: the words, whose they are, and the page that shows them."""
    document_id = source["document_id"]
    return {
        "marker": citation["marker"],
        "quote": citation["quote"],
        "title": source["title"] or document_id,
        "url": page_of_document(collection, document_id, (citation["start"], citation["end"])),
    }
