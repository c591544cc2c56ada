"""Taking the steps of a trial on a running service; what comes back is held against the case."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import httpx

from benchmarks.data.trial_cases import Case, Step
from benchmarks.parts import trial_checks as checks
from benchmarks.parts.trial_checks import Finding
from benchmarks.running.processes import go_on
from benchmarks.running.service import FINAL, ROOT, Service, answered, entries
from stack.leash import leashed

#: A job that has not ended by then is told as it is.
PATIENCE_S: Final = 300.0
COMMAND_S: Final = 600.0
#: Searches are asked again while a retriever is on its way, as after a start.
RETRIEVERS: Final = frozenset({"sparse", "dense"})
RETRIEVER_TRIES: Final = 40
RETRIEVER_PAUSE_S: Final = 0.25


class NotThere(Exception):
    """Raised when what a step looks at does not exist; says so as the server did."""


class Trial:
    """
    One case on a running service, in a collection of its own.

    Args:
        quern: The service.

        case: What to do.

        collection: The collection's name, which nobody else uses.
    """

    def __init__(self, quern: Service, case: Case, collection: str) -> None:
        self._quern = quern
        self._case = case
        self._collection = collection
        self._path = f"/api/collections/{collection}"
        self._job = ""
        self._status = 0
        self._response = ""

    def run(self) -> list[Finding]:
        """Take every step; returns a finding for each check."""
        return [finding for step in self._case.steps for finding in self._taken(step)]

    def _taken(self, step: Step) -> list[Finding]:
        """Take one step; where it cannot be taken none of its checks holds."""
        verbs: dict[str, Callable[[Step], list[Finding]]] = {
            "ingest": self._ingest, "quern": self._command, "request": self._request,
            "pause_s": self._pause, "cancel": self._cancel, "response": self._responded,
            "job": self._job_state, "row": self._row, "documents": self._documents,
            "document": self._document, "text": self._text, "chunks": self._chunks,
            "search": self._search, "ask": self._ask, "any_of": self._any_of,
        }  # fmt: skip
        go_on()
        try:
            return verbs[step.verb](step)
        except (NotThere, httpx.HTTPError, subprocess.TimeoutExpired) as error:
            got = str(error) or type(error).__name__
            return [Finding(wanted, got, held=False) for wanted in _wanted(step)]

    # Actions

    def _ingest(self, step: Step) -> list[Finding]:
        """Hand files over in one request."""
        files = [
            ("files", (name, path.read_bytes(), "application/octet-stream"))
            for path, name in _files(step.value)
        ]
        form = {"collection": self._collection}
        if "on_duplicate" in step.how:
            form["on_duplicate"] = step.how["on_duplicate"]
        if "metadata" in step.how:
            form["metadata"] = json.dumps(step.how["metadata"])
        self._job = ""  # if it is refused there is none
        self._remember(answered(self._quern.http, "POST", "/api/ingests", data=form, files=files))
        if self._job and step.how.get("wait", True):
            self._ended()
        return []

    def _command(self, step: Step) -> list[Finding]:
        """Run `quern` in the case's folder."""
        arguments = [self._filled(part) for part in step.value]
        # -P: a case may hold a file that is called as a module.
        program = [sys.executable, "-P", "-m", "cli.main", "--url", self._quern.url, *arguments]
        done = subprocess.run(
            leashed(*program), cwd=self._case.folder, env=_environment(), capture_output=True,
            text=True, check=False, timeout=COMMAND_S,
        )  # fmt: skip
        # A hand-over by the command is looked at as one by the API is.
        jobs = self._get("/api/jobs", collection=self._collection, kind="ingest", limit=1)["jobs"]
        self._job = jobs[0]["id"] if jobs else self._job
        what = f"`quern {' '.join(step.value)}`"
        said = f"{done.stdout}\n{done.stderr}"
        found = []
        if "exit" in step.checks:
            wanted = f"{what} ends with exit code {step.checks['exit']}"
            got = f"{done.returncode}: {checks.shown(said)}"
            found.append(Finding(wanted, got, done.returncode == step.checks["exit"]))
        found += checks.contains(f"the output of {what}", said, step.checks.get("contains", ()))
        return found + checks.lacks(f"the output of {what}", said, step.checks.get("lacks", ()))

    def _request(self, step: Step) -> list[Finding]:
        """Call the API as the case says."""
        method, _, path = self._filled(step.value).partition(" ")
        given = {name: self._filled(step.how[name]) for name in step.how}
        response = answered(self._quern.http, method, path, **given)
        self._remember(response)
        found = self._responded(step)
        for name, beginning in step.checks.get("header_begins", {}).items():
            what = f"the header {name} of {step.value}"
            found += checks.begins(what, response.headers.get(name, ""), beginning)
        return found

    def _pause(self, step: Step) -> list[Finding]:
        time.sleep(float(step.value))
        return []

    def _cancel(self, _: Step) -> list[Finding]:
        """Cancel the last job, and wait until it has ended."""
        answered(self._quern.http, "DELETE", f"/api/jobs/{self._job}")
        self._ended()
        return []

    # Checks

    def _responded(self, step: Step) -> list[Finding]:
        """Look at the last answer to a request or a hand-over."""
        what = "the answer" if step.verb == "response" else f"the answer to {step.value}"
        found = []
        if "status" in step.checks:
            got = f"{self._status}: {checks.shown(self._response)}"
            held = self._status == step.checks["status"]
            found.append(Finding(f"{what} has status {step.checks['status']}", got, held))
        found += checks.contains(what, self._response, step.checks.get("contains", ()))
        return found + checks.lacks(what, self._response, step.checks.get("lacks", ()))

    def _job_state(self, step: Step) -> list[Finding]:
        """Look at the last job."""
        job = self._ended()
        progress = job.get("progress", {})
        found = []
        if "state" in step.checks:
            found += checks.equal("the state of the job", job["state"], step.checks["state"])
        for name, wanted in step.checks.get("progress", {}).items():
            found += checks.equal(f"`{name}` of the job's progress", progress.get(name), wanted)
        if step.checks.get("done_is_total"):
            wanted = f"`done` of the job's progress, whose total is {progress.get('total')},"
            found += checks.equal(wanted, progress.get("done"), progress.get("total"))
        return found

    def _row(self, step: Step) -> list[Finding]:
        """Look at what became of a document in the last job."""
        if not self._job:
            raise NotThere("there is no job")
        path = f"/api/jobs/{self._job}/documents"
        rows = [row for row in self._pages(path, "documents") if row["document_id"] == step.value]
        place = step.how.get("place", 0)
        if len(rows) <= place:
            raise NotThere("the job has no such row")
        row, what = rows[place], f"the row of {step.value}"
        error = row.get("error") or {}
        notes = row.get("notes") or []
        said = " ".join(filter(None, [row.get("note"), *notes, error.get("detail")]))
        told = f"{row['state']} {row['outcome'] or ''}"
        found = []
        for name, value in (
            ("state", row["state"]), ("outcome", row["outcome"]), ("reason", _reason(error)),
        ):  # fmt: skip
            if name in step.checks:
                one = checks.equal(f"{name} of {what}", value, step.checks[name])[0]
                got = f"{one.got} ({told}) {checks.shown(said) if said else ''}"
                found.append(Finding(one.wanted, got, one.held))
        found += checks.contains(f"what {what} says", said, step.checks.get("says", ()))
        return found + checks.lacks(f"what {what} says", said, step.checks.get("lacks", ()))

    def _documents(self, step: Step) -> list[Finding]:
        """Look at which documents there are."""
        names = {row["document_id"] for row in self._pages(f"{self._path}/documents", "documents")}
        wanted, also = set(step.value), set(step.how.get("also_ok", ()))
        got = ", ".join(sorted(names)) or "none"
        held = wanted <= names <= wanted | also
        return [Finding(f"the documents are {', '.join(sorted(wanted)) or 'none'}", got, held)]

    def _document(self, step: Step) -> list[Finding]:
        """Look at a document's fields."""
        record = self._get(f"{self._path}/documents/{quote(step.value)}")
        return [
            finding
            for name, wanted in step.checks.items()
            for finding in checks.equal(f"{name} of {step.value}", record.get(name), wanted)
        ]

    def _text(self, step: Step) -> list[Finding]:
        """Look at a document's parsed text."""
        others = {}
        if "same_as" in step.checks:
            others[step.checks["same_as"]] = self._text_of(step.checks["same_as"])
        if "file" in step.checks:
            path = self._case.folder / step.checks["file"]
            others[step.checks["file"]] = path.read_text("utf-8")
        return checks.text_of(step.value, self._text_of(step.value), step.checks, others)

    def _chunks(self, step: Step) -> list[Finding]:
        """Look at a document's chunks."""
        path = f"{self._path}/documents/{quote(step.value)}/chunks"
        texts = [chunk["text"] for chunk in self._pages(path, "chunks")]
        return checks.chunks_of(step.value, texts, step.checks)

    def _search(self, step: Step) -> list[Finding]:
        """Search."""
        body = {"query": step.value, "collection": self._collection, **step.how}
        found = _settled(
            lambda: _shown(answered(self._quern.http, "POST", "/api/search", json=body))
        )
        return checks.hits_of(step.value, found["results"], step.checks)

    def _ask(self, step: Step) -> list[Finding]:
        """Ask, and wait for the answer."""
        body = {"question": step.value, "collection": self._collection, **step.how}

        def result() -> dict[str, Any]:
            asked = _shown(answered(self._quern.http, "POST", "/api/queries", json=body))
            job = self._ended(asked["id"])
            if "result" not in job:
                raise NotThere(f"the question ended {job['state']}: {job.get('error')}")
            told: dict[str, Any] = job["result"]
            return told

        return checks.answer_of(step.value, _settled(result), step.checks)

    def _any_of(self, step: Step) -> list[Finding]:
        """Take one way after another until all checks of one hold."""
        tried = []
        for way in step.value:
            found = [finding for part in way for finding in self._taken(part)]
            tried.append(found)
            if all(finding.held for finding in found):
                break
        wanted = " OR ".join(" and ".join(one.wanted for one in way) for way in tried)
        got = " OR ".join(
            next((one.got for one in way if not one.held), "all of it") for way in tried
        )
        return [Finding(wanted, got, all(one.held for one in tried[-1]))]

    # The service

    def _remember(self, response: httpx.Response) -> None:
        """Keep an answer, and the job that it tells of."""
        self._status, self._response = response.status_code, response.text
        is_json = response.headers.get("Content-Type", "").startswith("application/json")
        told = response.json() if is_json else {}
        if isinstance(told, dict) and "events" in told.get("links", {}):
            self._job = told["id"]

    def _ended(self, job_id: str | None = None) -> dict[str, Any]:
        """Wait for a job, the last one where none is named; returns it as it is by then."""
        if not (job_id := job_id or self._job):
            raise NotThere("there is no job")
        until = time.monotonic() + PATIENCE_S
        job = self._get(f"/api/jobs/{job_id}")
        while job["state"] not in FINAL and time.monotonic() < until:
            job = self._get(f"/api/jobs/{job_id}", wait=1)
        return job

    def _text_of(self, name: str) -> str:
        text: str = self._get(f"{self._path}/documents/{quote(name)}/text")["text"]
        return text

    def _pages(self, path: str, key: str) -> Iterator[dict[str, Any]]:
        """Yield the entries of a list over all its pages."""
        return entries(lambda given: self._get(path, **given), key)

    def _get(self, path: str, **parameters: Any) -> dict[str, Any]:
        return _shown(answered(self._quern.http, "GET", path, params=parameters))

    def _filled(self, given: Any) -> Any:
        """Put the names of the collection and of the last job where a case says so."""
        if isinstance(given, str):
            return given.replace("{collection}", self._collection).replace("{job}", self._job)
        if isinstance(given, dict):
            return {name: self._filled(value) for name, value in given.items()}
        return [self._filled(one) for one in given] if isinstance(given, list) else given


def _wanted(step: Step) -> list[str]:
    """Return each check of a step in words, one at least."""
    words = []
    for name, value in step.checks.items():
        each = value if isinstance(value, list) else [value]
        words += [f"{step.verb} {step.value}: {name} {checks.quoted(str(one))}" for one in each]
    return words or [f"{step.verb} {step.value}"]


def _shown(response: httpx.Response) -> dict[str, Any]:
    """Return the JSON of an answer; raises NotThere where it is an error."""
    if response.is_error:
        raise NotThere(f"{response.status_code}: {checks.shown(response.text)}")
    body: dict[str, Any] = response.json()
    return body


def _settled(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Look again while a retriever is missing, some seconds at most; returns what came last."""
    for _ in range(RETRIEVER_TRIES):
        found = look()
        if not RETRIEVERS.intersection(found["degraded"]):
            break
        time.sleep(RETRIEVER_PAUSE_S)
    return found


def _reason(error: dict[str, Any]) -> str:
    """Return the word for programs in a row's error."""
    return str(error.get("reason") or error.get("type") or "")


def _files(given: list[tuple[Path, str]]) -> Iterator[tuple[Path, str]]:
    """Yield each file with the name to send; those of a folder under their path in it."""
    for path, name in given:
        if path.is_dir():
            for below in sorted(one for one in path.rglob("*") if one.is_file()):
                yield below, below.relative_to(path).as_posix()
        else:
            yield path, name


def _environment() -> dict[str, str]:
    """Return an environment in which `quern` is found and no setting of the caller's counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("QUERN_")}
    return kept | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}
