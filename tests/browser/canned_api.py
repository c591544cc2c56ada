"""A small stand-in for the API: jobs that go through their stages when the clock says so."""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flask import Flask, Response, jsonify, request
from flask.typing import ResponseReturnValue

from runtime.hosts import AllowedHosts
from runtime.settings import Settings
from tests.support.waiting import PATIENCE_S
from web.guards import security
from web.http.markdown import with_html
from web.openapi.for_caller import description_for_caller
from web.routes.pages import bp as pages

FINAL = {"succeeded", "partial", "failed", "cancelled", "expired"}
# The first character lies outside the basic plane: code points and UTF-16 units differ after it.
TEXT = (
    "\U0001d400 note on ranking. Lucene uses k1 = 1.2 and b = 0.75 by default. "
    "Both were chosen by trial on newswire.\n\n"
    "Anserini prefers k1 = 0.9 and b = 0.4 <script>alert(1)</script>."
)
OTHER = "Term frequency saturates: the tenth occurrence of a word says little more than the ninth."


def quote(text: str, words: str, *, marker: int, start: int) -> dict[str, Any]:
    at = text.index(words)
    return {
        "marker": marker, "source": marker - 1, "start": start + at, "end": start + at + len(words),
        "quote": words,
    }  # fmt: skip


def source(n: int, text: str, *, document: str, title: str, page: int | None) -> dict[str, Any]:
    return {
        "chunk_id": f"{document}:1:{n}", "document_id": document, "generation": 1, "n": n,
        "title": title, "text": text, "start": 400 * n, "end": 400 * n + len(text),
        "score": 0.9 - n / 10, "page": page, "metadata": {},
    }  # fmt: skip


SOURCES = [
    source(1, TEXT, document="notes/bm25.md", title="BM25 and stemming", page=None),
    source(2, OTHER, document="book.pdf", title="A book of ranking", page=17),
    source(3, "Unrelated words.", document="x.txt", title="", page=None),
]
RESULT = {
    "answer": "Lucene uses k1 = 1.2 and b = 0.75 by default. [1] The tenth occurrence of a word "
    "says little more than the ninth. [2] Anserini prefers k1 = 0.9 and b = 0.4 [1]",
    "citations": [
        quote(TEXT, "Lucene uses k1 = 1.2 and b = 0.75 by default.", marker=1, start=400),
        quote(OTHER, OTHER[OTHER.index("the tenth") :], marker=2, start=800),
        quote(TEXT, "Anserini prefers k1 = 0.9 and b = 0.4", marker=1, start=400),
    ],
    "answered": True, "confidence": 0.83, "generator": "extractive", "usage": {}, "degraded": [],
}  # fmt: skip


def now() -> str:
    return datetime.now(tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Job:
    kind: str
    collection: str
    request: dict[str, Any]
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: str = "queued"
    created_at: str = field(default_factory=now)
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    sources: list[dict[str, Any]] | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    is_open: bool = False
    told: dict[str, Any] = field(default_factory=dict)  # what else it is shown with
    events: list[tuple[str, Any]] = field(default_factory=list)

    def tell(self, kind: str, data: Any) -> None:
        self.events.append((kind, data))

    @property
    def is_given_up(self) -> bool:
        told = self.shown()
        lost = (told.get("error") or {}).get("type") == "too_many_attempts"
        return lost or bool(told.get("progress", {}).get("given_up"))

    def shown(self) -> dict[str, Any]:
        ended = self.state in FINAL
        job: dict[str, Any] = {
            "id": self.id, "kind": self.kind, "state": self.state, "collection": self.collection,
            "created_at": self.created_at, "attempts": 1, "timings_ms": {},
            "links": {"self": f"/api/jobs/{self.id}", "events": f"/api/jobs/{self.id}/events"},
        }  # fmt: skip
        if ended:
            job["timings_ms"] = {
                "queued": 2.1, "embed": 11.4, "retrieve": 23.0, "dense": 14.0, "sparse": 7.0,
                "fuse": 2.0, "generate": 61.2, "total": 104.6,
            }  # fmt: skip
        if self.kind == "query":
            job["request"] = self.request
            if self.result:
                job["result"] = self.result | {"sources": self.sources or []}
            elif self.error:
                job["error"] = self.error
            elif self.sources is not None:
                job["sources"] = self.sources
        else:
            done = [row for row in self.rows if row["state"] in FINAL]
            failed = [row for row in self.rows if row["state"] == "failed"]
            job["progress"] = {
                "done": len(done),
                "total": len(self.rows),
                "unit": "documents",
                "failed": len(failed),
            }
        return job | self.told


class CannedApi:
    """What the page is shown; *gate* holds every answer back until a test opens it."""

    def __init__(self) -> None:
        self.jobs: dict[str, Job] = {}
        self.gate = threading.Event()
        self.gate.set()
        self.changing = threading.Lock()  # a final state stays
        self.result: dict[str, Any] = RESULT
        self.found = SOURCES
        self.error: dict[str, Any] | None = None
        self.health = "pass"
        self.history: dict[str, Any] | None = None  # not for strangers
        self.checks: dict[str, list[dict[str, Any]]] = {}
        self.pace_s = 0.05
        self.sizes = {"default": 12, "papers": 1}
        self.documents: dict[str, list[dict[str, Any]]] = {}
        self.texts: dict[str, str] = {}
        self.uploaded: list[tuple[str, int]] = []
        self.metadata: dict[str, Any] = {}
        self.requests: list[int] = []  # files of each upload
        self.refused: dict[str, int] = {}  # names for which a request is answered with a status
        self.asked_rows: list[str] = []  # cursors of lists of rows
        self.searched_at_once = 1_000
        self.verdict: dict[str, Any] | None = None  # told before the text, as of quotes
        self.generations: dict[str, int] = {}  # of documents that were replaced; 0 of deleted ones

    def answer(self, job: Job) -> None:
        job.tell("state", {"state": "queued"})
        time.sleep(self.pace_s)
        with self.changing:
            if job.state in FINAL:  # stopped while it waited
                return
            job.state = "running"
        job.tell("state", {"state": "running"})
        job.tell("stage", {"stage": "retrieve"})
        time.sleep(self.pace_s)
        job.sources = self.found
        job.tell("sources", {"sources": self.found})
        job.tell("stage", {"stage": "generate"})
        if self.verdict:
            job.tell("verdict", self.verdict)
        for word in self.result["answer"].split(" "):
            time.sleep(self.pace_s / 10)
            job.tell("token", {"text": word + " ", "attempt": 1})
        self.gate.wait(PATIENCE_S)
        with self.changing:
            if job.state in FINAL:
                return
            if self.error:
                job.state, job.error = "failed", self.error
            else:
                job.state, job.result = "succeeded", self.result
        job.tell("done", {"state": job.state})

    def cancel(self, job: Job) -> None:
        with self.changing:
            job.state = "cancelled"
        job.tell("done", {"state": "cancelled"})

    def index(self, job: Job) -> None:
        while job.is_open or any(row["state"] not in FINAL for row in job.rows):
            for row in job.rows:
                if row["state"] == "queued":
                    row.update(state="running", stage="parse")
                elif row["state"] == "running":
                    self.end(row)
            time.sleep(self.pace_s)
        bad = sum(row["state"] == "failed" for row in job.rows)
        job.state = "succeeded" if not bad else "partial" if bad < len(job.rows) else "failed"

    def end(self, row: dict[str, Any]) -> None:
        if row["document_id"].endswith(".pdf"):
            row.update(
                state="failed",
                error={
                    "type": "corrupt",
                    "title": "This file cannot be read",
                    "detail": "This PDF is damaged: open it, save it again, and upload the copy.",
                },
            )
        elif row["document_id"].startswith("late"):
            row.update(state="failed", error={"type": "parser_timeout", "title": "It took long"})
        elif row["document_id"].startswith("blank"):
            row.update(state="succeeded", outcome="empty", chunks=0)
        else:
            row.update(state="succeeded", outcome="created", chunks=3)
            if row["document_id"].endswith(".docx"):
                row["note"] = "Two pictures were left out."


def problem(status: int, title: str, **more: Any) -> Response:
    response = jsonify({"type": "about:blank", "title": title, "status": status} | more)
    response.status_code = status
    response.content_type = "application/problem+json"
    return response


def canned_app(api: CannedApi, settings: Settings) -> Flask:  # noqa: C901, PLR0915  # a list of routes
    app = Flask("web", root_path=str(Path(pages.root_path).parent))
    app.extensions["quern"] = SimpleNamespace(settings=settings)
    security.register(app, AllowedHosts(settings.host, settings.allowed_hosts))
    app.register_blueprint(pages)

    @app.get("/health")
    def health() -> ResponseReturnValue:
        return {"status": api.health, "checks": api.checks}, 503 if api.health == "fail" else 200

    @app.get("/health/history")
    def history() -> ResponseReturnValue:
        return api.history or problem(403, "Not for strangers")

    @app.get("/api/openapi.json")
    def openapi() -> ResponseReturnValue:
        return description_for_caller()

    @app.get("/api/collections")
    def collections() -> ResponseReturnValue:
        return {"collections": [{"name": name, "documents": n} for name, n in api.sizes.items()]}

    @app.get("/api/collections/<name>/documents")
    def documents(name: str) -> ResponseReturnValue:
        prefix, start = request.args.get("prefix", ""), int(request.args.get("cursor", "0"))
        listed, limit = api.documents.get(name, []), int(request.args["limit"])
        if part := request.args.get("contains"):
            end = min(start + api.searched_at_once, len(listed))
            found = [one for one in listed[start:end] if part in one["document_id"]][:limit]
            cursor = str(end) if end < len(listed) else None
            seen = {"searched": end, "total": len(listed)}
            return {"documents": found, "next_cursor": cursor} | seen
        found = [one for one in listed if one["document_id"].startswith(prefix)]
        end = start + limit
        cursor = str(end) if end < len(found) else None
        return {"documents": found[start:end], "next_cursor": cursor}

    @app.get("/api/collections/<name>/documents/<path:document_id>/text")
    def text(name: str, document_id: str) -> ResponseReturnValue:  # noqa: ARG001
        start, end = int(request.args["start"]), int(request.args["end"])
        whole = api.texts.get(document_id, TEXT)
        end = min(end, len(whole))
        return {"start": start, "end": end, "chars": len(whole), "text": whole[start:end]}

    @app.get("/api/collections/<name>/documents/<path:document_id>/chunks")
    def chunks(name: str, document_id: str) -> ResponseReturnValue:  # noqa: ARG001
        told = [
            {"n": 0, "text": TEXT, "page": 4, "context": ""},
            {"n": 1, "text": OTHER, "page": 5},
        ]
        return {"chunks": told, "total": 2, "next_cursor": None}

    @app.get("/api/collections/<name>/documents/<path:document_id>")
    def document(name: str, document_id: str) -> ResponseReturnValue:
        generation = api.generations.get(document_id, 1)
        if not generation:
            return problem(404, "There is no such document", detail=name)
        known = [one for one in api.documents.get(name, []) if one["document_id"] == document_id]
        return {"document_id": document_id, "generation": generation} | (known[0] if known else {})

    @app.post("/api/collections/<name>/documents/<path:document_id>/reingest")
    def reingest(name: str, document_id: str) -> ResponseReturnValue:
        row: dict[str, Any] = {"document_id": document_id, "state": "running", "stage": "parse"}
        api.end(row)
        job = Job("ingest", name, {}, state=row["state"], rows=[row])
        api.jobs[job.id] = job
        return job.shown(), 202

    @app.delete("/api/collections/<name>/documents/<path:document_id>")
    def delete(name: str, document_id: str) -> ResponseReturnValue:
        api.documents[name] = [
            one for one in api.documents[name] if one["document_id"] != document_id
        ]
        job = Job("delete", name, {}, state="succeeded")
        api.jobs[job.id] = job
        return job.shown(), 202

    @app.delete("/api/collections/<name>")
    def delete_collection(name: str) -> ResponseReturnValue:
        api.sizes.pop(name)
        job = Job("delete_collection", name, {}, state="succeeded")
        api.jobs[job.id] = job
        return job.shown(), 202

    @app.post("/api/collections")
    def create() -> ResponseReturnValue:
        name = request.get_json()["name"]
        if name == "taken.away":
            return problem(422, "Invalid", errors=[{"field": "name", "message": "is not possible"}])
        api.sizes[name] = 0
        return {"name": name}, 201

    @app.post("/api/queries")
    def ask() -> ResponseReturnValue:
        body = request.get_json()
        if body["question"].startswith("\u2020"):
            field_errors = [{"field": "question", "message": "must be a better question"}]
            return problem(422, "The request is not valid", errors=field_errors)
        job = Job("query", body["collection"], body)
        api.jobs[job.id] = job
        threading.Thread(target=api.answer, args=(job,), daemon=True).start()
        return job.shown(), 202

    @app.post("/api/ingests")
    def ingest() -> ResponseReturnValue:
        if request.files:
            api.metadata = json.loads(request.form["file_metadata"])
            names = [file.filename or "" for file in request.files.getlist("files")]
            api.uploaded += [(name, 4) for name in names]
            rows: list[dict[str, Any]] = [
                {"document_id": name, "state": "running"} for name in names
            ]
            for row in rows:
                api.end(row)
            told = Job("ingest", request.form["collection"], {}, state="succeeded", rows=rows)
            api.jobs[told.id] = told
            return told.shown(), 202
        body = request.get_json()
        job = Job("ingest", body["collection"], {}, state="running", is_open=bool(body.get("open")))
        api.jobs[job.id] = job
        threading.Thread(target=api.index, args=(job,), daemon=True).start()
        return job.shown(), 202

    @app.post("/api/jobs/<job_id>/documents")
    def add(job_id: str) -> ResponseReturnValue:
        files = request.files.getlist("files")
        api.requests.append(len(files))
        for file in files:
            if status := api.refused.get(file.filename or ""):
                return problem(status, "Refused", detail=f"{file.filename} is not wanted")
        for file in files:
            name, data = file.filename or "", file.stream.read()
            api.uploaded.append((name, len(data)))
            api.jobs[job_id].rows.append(
                {"document_id": name, "file": name, "stage": "parse", "state": "queued",
                 "outcome": None, "chunks": 0, "attempts": 1}
            )  # fmt: skip
        return api.jobs[job_id].shown(), 202

    @app.post("/api/jobs/<job_id>/close")
    def close(job_id: str) -> ResponseReturnValue:
        api.jobs[job_id].is_open = False
        return api.jobs[job_id].shown(), 202

    @app.get("/api/jobs/<job_id>/documents")
    def rows(job_id: str) -> ResponseReturnValue:
        state = request.args.get("state")
        api.asked_rows.append(request.args.get("cursor", ""))
        found = [row for row in api.jobs[job_id].rows if state in (None, row["state"])]
        start, limit = int(request.args.get("cursor", "0")), int(request.args.get("limit", "50"))
        cursor = str(start + limit) if start + limit < len(found) else None
        return {"documents": found[start : start + limit], "next_cursor": cursor}

    @app.get("/api/jobs")
    def jobs() -> ResponseReturnValue:
        newest = sorted(api.jobs.values(), key=lambda job: job.created_at, reverse=True)
        state, start = request.args.get("state"), int(request.args.get("cursor", "0"))
        lost = request.args.get("given_up") == "true"
        found = [
            job.shown()
            for job in newest
            if state in (None, job.state) and (not lost or job.is_given_up)
        ]
        end = start + int(request.args["limit"])
        cursor = str(end) if end < len(found) else None
        return {"jobs": found[start:end], "next_cursor": cursor}

    @app.post("/api/jobs/<job_id>/retry")
    def retry(job_id: str) -> ResponseReturnValue:
        job = Job("ingest", api.jobs[job_id].collection, {}, state="succeeded")
        api.jobs[job.id] = job
        return job.shown(), 202

    @app.get("/api/jobs/<job_id>")
    def show(job_id: str) -> ResponseReturnValue:
        if job_id not in api.jobs:
            return problem(404, "There is no such job", detail=f"there is no job {job_id!r}")
        shown = api.jobs[job_id].shown()
        return with_html(shown) if request.args.get("html") == "true" else shown

    @app.delete("/api/jobs/<job_id>")
    def cancel(job_id: str) -> ResponseReturnValue:
        job = api.jobs[job_id]
        api.cancel(job)
        return job.shown(), 202

    @app.get("/api/jobs/<job_id>/events")
    def events(job_id: str) -> ResponseReturnValue:
        job = api.jobs[job_id]
        sent = int(request.headers.get("Last-Event-ID", "0").split("-")[0])

        def stream() -> Iterator[str]:
            at = sent
            until = time.monotonic() + PATIENCE_S
            while time.monotonic() < until:
                while at < len(job.events):
                    kind, data = job.events[at]
                    at += 1
                    yield f"id: {at}-0\nevent: {kind}\ndata: {json.dumps(data)}\n\n"
                    if kind == "done":
                        return
                time.sleep(0.01)

        return Response(stream(), mimetype="text/event-stream")

    return app
