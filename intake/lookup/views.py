"""Views of jobs: the ledger's rows as JSON of the API."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from redis import Redis

from corpus.blobs import BlobStore
from corpus.catalogue.deletions import Deletions
from corpus.change_log import ChangeLog, not_before
from corpus.sources import kept_result, kept_sources
from intake.lookup.deleted_quotes import DeletedQuotes, without_answers
from jobs.heartbeats import WorkerState
from jobs.ledger.rows import UNREADABLE
from jobs.ledger.sights import Place, Sight
from jobs.question_lists import KIND
from jobs.units import FINAL_STATES
from protocol.names import shown_name
from protocol.timestamps import rfc3339
from rag.errors import Unreadable

#: Of an ingest or delete whose every document failed: each row says why.
NONE_ACCEPTED = {
    "type": "documents_failed",
    "title": "No document succeeded",
    "detail": "Each document's row says why; see links.documents.",
}
#: Of a list of questions, the same.
NONE_ANSWERED = {
    "type": "questions_failed",
    "title": "No question was answered",
    "detail": "Each question's row says why; see links.questions.",
}
#: Kinds of jobs that have rows: their documents, or the questions of a list.
WITH_ROWS = ("ingest", "delete", KIND)
#: What a row tells the time of. The retrievers run beside each other, within `retrieve`.
STAGES = ("embed", "retrieve", "dense", "sparse", "fuse", "rerank", "first_token", "generate")
#: Characters of the question that a conversation began with.
_BEGAN_WITH = 200
#: A row's parts of an ingest's progress.
_ENDED = ("done", "failed", "cancelled", "expired")


class JobView:
    """
    Show jobs.

    Args:
        redis: Where it is noted which documents were deleted.

        blobs: Where passages and results lie that were too large for a row.

        change_log: Tells which replicas have a document by now.

        deleted_quotes_s: How long answers show what they quote of documents after their delete.
    """

    def __init__(
        self,
        redis: Redis,
        blobs: BlobStore,
        change_log: ChangeLog,
        *,
        deleted_quotes_s: float = 0.0,
    ) -> None:
        self._blobs = blobs
        self._change_log = change_log
        self._deleted = DeletedQuotes(Deletions(redis), keep_s=deleted_quotes_s)

    def job(self, job_id: str, sight: Sight, workers: Sequence[WorkerState] = ()) -> dict[str, Any]:
        """
        Return a job as the API shows it: state, times, progress, result or error.

        *workers* are the live ones, for the estimate of a waiting job.
        """
        row = sight.row
        shown = self.summary(job_id, row) | _as_of_now(sight, workers)
        if row["kind"] in ("query", "search"):
            shown |= self.outcome(row)
            if "request" in shown and shown.get("result", {}).get("deleted"):
                shown["request"] = without_answers(shown["request"])
        else:
            shown |= self._result(row)
        return shown

    def summaries(
        self, sights: Mapping[str, Sight], workers: Sequence[WorkerState] = ()
    ) -> list[dict[str, Any]]:
        """
        Return jobs, each by its id, as they stand in a list: without sources and result.

        Of the turns before a question the first one alone is told, and how many there are: they may
        be long, and have answers of which a list does not know whose words they are.
        """
        shown = []
        for job_id, sight in sights.items():
            one = self.summary(job_id, sight.row) | _as_of_now(sight, workers)
            if history := one.get("request", {}).pop("history", None):
                one["conversation"] = _conversation(history)
            shown.append(one)
        return shown

    def summary(self, job_id: str, row: Mapping[str, str]) -> dict[str, Any]:
        """Return what a job's row alone tells: without its place, its sources and its result."""
        state = row["state"]
        shown: dict[str, Any] = {
            "id": job_id,
            "kind": row["kind"],
            "state": state,
            "stage": row.get("stage"),
            "collection": shown_name(row["collection"]) if "collection" in row else None,
            "created_at": rfc3339(row["created"]),
            "started_at": rfc3339(row["started"]) if "started" in row else None,
            "finished_at": rfc3339(row["finished"]) if "finished" in row else None,
            "deadline_at": rfc3339(int(row["deadline"]) * 1000),
            "attempts": attempts(row),
            "links": _links(job_id, row["kind"]),
        }
        if "retry_of" in row:
            shown["retry_of"] = row["retry_of"]
        if row["kind"] in WITH_ROWS:
            shown |= _of_rows(row)
        elif "progress" in row:
            known = orjson.loads(row["progress"]) | {"failed": 0}
            # It was last told somewhat before the end.
            shown["progress"] = known | ({"done": known["total"]} if state == "succeeded" else {})
        shown["timings_ms"] = timings_ms(row)
        if UNREADABLE in row:
            shown["note"] = row[UNREADABLE]
        if row["kind"] in ("query", "search") and "request" in row:
            shown["request"] = _asked(row)
        if "error" in row:
            shown["error"] = orjson.loads(row["error"])
        elif state == "failed" and UNREADABLE not in row:
            shown["error"] = NONE_ANSWERED if row["kind"] == KIND else NONE_ACCEPTED
        return shown

    def outcome(self, row: Mapping[str, str]) -> dict[str, Any]:
        """
        Return a question's `result` or `error`, or the sources of one that has none.

        What has ended shows nothing of documents that were deleted since, see `DeletedQuotes`.
        """
        return self.outcomes([row])[0]

    def outcomes(self, rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return of each row what `outcome` does; their collections are looked at once each."""
        told = [self._outcome(row) for row in rows]
        ended: dict[str, list[int]] = {}
        for n, row in enumerate(rows):
            if has_ended(row):
                ended.setdefault(row.get("incarnation", ""), []).append(n)
        for collection_id, numbers in ended.items():
            kept = self._deleted.withheld_each(collection_id, [told[n] for n in numbers])
            for n, shown in zip(numbers, kept, strict=True):
                told[n] = shown
        return told

    def _outcome(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Return what `outcome` does, whatever was deleted since."""
        if "error" in row:
            return {"error": orjson.loads(row["error"])}
        if row["kind"] == "search":
            return {"result": orjson.loads(row["result"])} if "result" in row else {}
        sources = self._sources(row)
        told = self._result(row)
        if "result" in told:
            told["result"]["sources"] = sources or []
            if blob := row.get("trace_blob"):
                told["result"]["trace"] = self._blobs.get_json(blob)
        return told or ({} if sources is None else {"sources": sources})

    def _result(self, row: Mapping[str, str]) -> dict[str, Any]:
        """Return `result` where there is one, or `error` where it is gone."""
        try:
            result = kept_result(row, self._blobs)
        except Unreadable as gone:
            error = {"type": gone.reason, "title": "The result is gone", "detail": gone.detail}
            return {"error": error}
        if result is not None and row["kind"] == "check" and "collection" in row:
            for report in result["collections"]:
                report["collection"] = shown_name(report["collection"])
        return {} if result is None else {"result": result}

    def sources(self, row: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """
        Return the passages a question was given, None before retrieval has ended.

        Once it has ended itself, without the texts of documents that were deleted since.
        """
        found = self._sources(row)
        if not found or not has_ended(row):
            return found
        kept: list[dict[str, Any]] = self._deleted.withheld(row, {"sources": found})["sources"]
        return kept

    def _sources(self, row: Mapping[str, str]) -> list[dict[str, Any]] | None:
        """Return the passages that a row keeps, None before retrieval has ended."""
        try:
            return kept_sources(row, self._blobs)
        except Unreadable:
            return []

    def rows(self, rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        """Return document rows of an ingest or delete; how far replicas are is asked once."""
        live = cache(self._change_log.live)
        return [self._row(row, is_pending=_is_pending(row, live)) for row in rows]

    def _row(self, row: Mapping[str, str], *, is_pending: bool) -> dict[str, Any]:
        """Return a document row."""
        chunks = int(row.get("shown_chunks", row.get("chunks", "0")))
        # What was on its way is there no more where the row ended in any other way.
        lost = has_ended(row) and row["state"] != "succeeded"
        shown: dict[str, Any] = {
            "document_id": row["document"],
            "file": row.get("filename") or None,
            "stage": row["stage"],
            "state": row["state"],
            "outcome": row.get("outcome"),
            "chunks": 0 if lost else chunks,
            "attempts": attempts(row),
        }
        for name in ("duplicate_of", "note"):
            if name in row:
                shown[name] = row[name]
        if is_pending:
            shown["sparse"] = "pending"
        if UNREADABLE in row:
            shown["note"] = row[UNREADABLE]
        if "error" in row:
            shown["error"] = orjson.loads(row["error"])
        return shown


def has_ended(row: Mapping[str, Any]) -> bool:
    """Return True if a job or a document row, kept or shown, is in a final state."""
    return row["state"] in FINAL_STATES


def _has_place(row: Mapping[str, str]) -> bool:
    """Return True if a job has a place in a queue; one of many rows has none, its rows have."""
    return row["kind"] not in WITH_ROWS and not has_ended(row)


def _queue(
    row: Mapping[str, str], place: Place | None, workers: Sequence[WorkerState]
) -> dict[str, Any]:
    """
    Return the place in the queue: how many units go first, and about how long that takes.

    The estimate is the mean time of a body, shared by the threads that serve the stage; it is
    left out while nobody serves it, because nobody can know.
    """
    if place is None or place.rank is None:
        return {"position": 0, "eta_s": None}
    role, owner = row["role"], row["owner"]
    position = place.rank + 1 + (place.interactive if owner != "interactive" else 0)
    threads = sum(worker.threads for worker in workers if role in worker.queues)
    eta = None
    if threads and place.mean_us:
        eta = round(place.mean_us / 1e6 * (1 + position / threads), 2)
    return {"position": position, "eta_s": eta}


def _links(job_id: str, kind: str) -> dict[str, str]:
    """Return where more of a job is."""
    here = f"/api/jobs/{job_id}"
    links = {"self": here, "events": f"{here}/events"}
    if kind == KIND:
        return links | {"questions": f"{here}/questions", "export": f"{here}/export"}
    return links | ({"documents": f"{here}/documents"} if kind in WITH_ROWS else {})


def _of_rows(row: Mapping[str, str]) -> dict[str, Any]:
    """Return what is told of a job with rows: how far they are, and whether more of them come."""
    told: dict[str, Any] = {"progress": progress(row), "filling": row.get("filling") == "1"}
    if told["filling"]:
        told["filled"] = {"done": int(row["fill_at"]), "total": int(row["fill_total"])}
    if row["kind"] != KIND:
        told["open"] = row.get("sealed") != "1" and not has_ended(row)
    return told


def attempts(row: Mapping[str, str]) -> int:
    """Count how often a unit was begun: deaths of the worker under it, and the present one."""
    return int(row.get("deaths", "0")) + (1 if "started" in row else 0)


def _is_pending(row: Mapping[str, str], live: Callable[[str], Mapping[str, str]]) -> bool:
    """Return True if a replica lacks a document that it was not waited for."""
    entry = row.get("sparse_entry")  # rows of earlier builds do not tell
    if not entry:
        return False
    cursors = live(row["incarnation"]).values()
    return not cursors or not all(not_before(cursor, entry) for cursor in cursors)


def progress(row: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the counted progress of a job with rows: *done* of them have ended, however they did.

    A list of questions has its whole length from the first; those for which no row was made before
    its end were cancelled with it.
    """
    counts = {name: int(row.get(name, "0")) for name in _ENDED}
    # Rows of earlier builds do not tell which of the failed ones were given up.
    given_up = {"given_up": int(row["given_up"])} if "given_up" in row else {}
    total = int(row.get("total", "0"))
    is_list, unmade = row["kind"] == KIND, 0
    if is_list:
        unmade = int(row["fill_total"]) - total if has_ended(row) else 0
        total = int(row["fill_total"])
    return given_up | {
        "done": sum(counts.values()) + unmade,
        "total": total,
        "unit": "questions" if is_list else "documents",
        "failed": counts["failed"],
        "cancelled": counts["cancelled"] + counts["expired"] + unmade,
    }


def timings_ms(row: Mapping[str, str]) -> dict[str, float]:
    """Return where the time went; a stage that has not ended is left out."""
    spent: dict[str, float] = {}
    if "waited" in row:
        spent["queued"] = round(int(row["waited"]) / 1000, 2)
    for name in STAGES:
        if f"ms_{name}" in row:
            spent[name] = float(row[f"ms_{name}"])
    if "finished" in row:
        spent["total"] = round((int(row["finished"]) - int(row["created"])) / 1000, 2)
    return spent


def _asked(row: Mapping[str, str]) -> dict[str, Any]:
    """Return what was asked, as the caller said it."""
    asked: dict[str, Any] = orjson.loads(row["request"])
    if "collection" in asked:
        asked["collection"] = shown_name(asked["collection"])
    if "also" in asked:
        asked["also"] = [shown_name(name) for name in asked["also"]]
    return asked


def _as_of_now(sight: Sight, workers: Sequence[WorkerState]) -> dict[str, Any]:
    """Return what a job's row does not tell: its place while it waits, and the retry of it."""
    if _has_place(sight.row):
        return {"queue": _queue(sight.row, sight.place, workers)}
    return {"retried_as": sight.retried_as} if sight.retried_as else {}


def _conversation(history: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return which question of a conversation follows *history*, and what that began with."""
    asked = [str(turn.get("text", "")) for turn in history if turn.get("role") == "user"]
    return {"turn": len(asked) + 1, "began_with": asked[0][:_BEGAN_WITH] if asked else ""}
