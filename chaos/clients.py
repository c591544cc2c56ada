"""The clients of a run: each works in a thread of its own and tells the history what it saw."""

import random
import time
import uuid
from collections import deque
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from http import HTTPStatus
from queue import Empty, SimpleQueue
from typing import Any, ClassVar, Final

import orjson

from chaos.caller import Caller, GaveUp
from chaos.history import Accepted, Cancelled, Forgotten, History, Read, Seen, Write
from chaos.texts import REVISION, every_chunk_of, revision_text, revisions_of
from chaos.threads import RunThread
from jobs.units import FINAL_STATES

COLLECTION: Final = "chaos"
INGEST_DEADLINE_S, QUESTION_DEADLINE_S = 600, 300
#: A question with this deadline may expire while something is away.
HASTY_S: Final = 10
FLOOD_DEADLINE_S, MOST_WAITING = 3_600, 400
MOST_OPEN: Final = 3


@dataclass(slots=True)
class _Open:
    """An ingest or a delete whose end is not known yet."""

    job: str
    began: float
    revisions: Mapping[str, int]
    deletes: bool


class Client(RunThread):
    """
    A client that acts until it is told to stop, then finishes what it began.

    Args:
        number: Tells clients apart.

        url: Of the web server.

        history: Is told what the client sees.

        dice: Decides what the client does.
    """

    def __init__(self, number: int, url: str, history: History, dice: random.Random) -> None:
        super().__init__(f"{type(self).__name__.lower()}-{number}")
        self.number = number
        self.api = Caller(url, history)
        self.history = history
        self.dice = dice

    def work(self) -> None:
        """Act until told to stop; then finish."""
        while not self.stopping.is_set():
            self.act()
        self.finish()

    def act(self) -> None:
        """Do one thing."""
        raise NotImplementedError

    def finish(self) -> None:
        """Wait for what was begun."""

    def accepted(self, job: Mapping[str, Any], kind: str, deadline_s: float) -> str:
        """Note that a job was acknowledged; returns its id."""
        job_id = str(job["id"])
        self.history.add(
            Accepted(job=job_id, kind=kind, at=self.history.now(), deadline_s=deadline_s)
        )
        return job_id

    def ended(self, job_id: str, *, within_s: float) -> dict[str, Any] | None:
        """Return a job once it has ended, or None where it has not; notes the final state."""
        end = time.monotonic() + within_s
        while time.monotonic() < end:
            job = self.api.call("GET", f"/api/jobs/{job_id}", parameters={"wait": 5})
            if job is None:
                if self.api.status == HTTPStatus.GONE:
                    self.history.add(Forgotten(job=job_id, at=self.history.now()))
                return None
            if job["state"] in FINAL_STATES:
                self.history.add(seen(job, self.history.now()))
                return job
            time.sleep(0.02)
        return None


class Writer(Client):
    """
    Ingests and deletes documents of its own, several jobs at a time.

    Args:
        documents: How many documents there are.

        given: As `Client` takes them.
    """

    #: Whether the worker is killed each time it begins one of the documents.
    poisoned: ClassVar[bool] = False

    def __init__(self, *given: Any, documents: int) -> None:
        super().__init__(*given)
        self.documents = [f"record-{self.number}-{place}" for place in range(documents)]
        self.revisions = dict.fromkeys(self.documents, 0)
        self._open: deque[_Open] = deque()

    def act(self) -> None:
        """Send a write; wait for the oldest one where too many are open."""
        if self.dice.random() < 0.12:  # noqa: PLR2004
            self._send_delete(self.dice.choice(self.documents))
        else:
            self.ingest(self.dice.sample(self.documents, self.dice.randint(1, 5)))
        if len(self._open) >= MOST_OPEN:
            self._await()
        time.sleep(self.dice.uniform(0, 0.3))

    def finish(self) -> None:
        """Wait for all writes."""
        while self._open:
            self._await()

    def ingest(self, documents: Iterable[str]) -> str:
        """Send the next revision of some documents; returns the job."""
        revisions = {document: self._next(document) for document in documents}
        body = {
            "collection": COLLECTION,
            "deadline_s": INGEST_DEADLINE_S,
            "priority": self.dice.choice(["batch", "interactive"]),
            "documents": [
                {
                    "id": document,
                    "title": document,
                    "text": revision_text(document, revision),
                    "metadata": {"record": document},
                }
                for document, revision in revisions.items()
            ],
        }
        began = self.history.now()
        job = self.api.call("POST", "/api/ingests", key=uuid.uuid4().hex, body=body)
        if job is None:
            raise GaveUp("POST /api/ingests")
        job_id = self.accepted(job, "ingest", INGEST_DEADLINE_S)
        self._open.append(_Open(job_id, began, revisions, deletes=False))
        return job_id

    def _send_delete(self, document: str) -> None:
        began = self.history.now()
        path = f"/api/collections/{COLLECTION}/documents/{document}"
        if job := self.api.call("DELETE", path):
            job_id = self.accepted(job, "delete", 86_400)
            revisions = {document: self._next(document)}
            self._open.append(_Open(job_id, began, revisions, deletes=True))

    def _next(self, document: str) -> int:
        self.revisions[document] += 1
        return self.revisions[document]

    def _await(self) -> None:
        """Wait for the oldest open job and note how each document of it ended."""
        one = self._open.popleft()
        if self.ended(one.job, within_s=INGEST_DEADLINE_S + 90) is None:
            return
        listed = self.api.call("GET", f"/api/jobs/{one.job}/documents", parameters={"limit": 200})
        for row in (listed or {}).get("documents", ()):
            error = row.get("error", {}).get("type", "")
            outcome = row["outcome"] or row["state"]
            if row["state"] == "succeeded" and one.deletes and outcome != "superseded":
                outcome = "deleted"
            self.history.add(
                Write(
                    document=row["document_id"],
                    revision=one.revisions[row["document_id"]],
                    deletes=one.deletes,
                    began=one.began,
                    known=self.history.now(),
                    outcome=f"failed: {error}" if row["state"] == "failed" else outcome,
                    chunks=row["chunks"],
                    poisoned=self.poisoned,
                )
            )


class Poisoner(Writer):
    """Sends documents that kill their worker each time: see `chaos.faults.poison`."""

    poisoned: ClassVar[bool] = True

    def __init__(self, *given: Any, documents: int) -> None:
        super().__init__(*given, documents=documents)
        self.jobs: list[str] = []
        self._orders: SimpleQueue[list[str]] = SimpleQueue()

    def order(self, documents: list[str]) -> None:
        """Have documents sent in one job, as soon as they are taken."""
        self._orders.put(documents)

    def act(self) -> None:
        """Send what was ordered."""
        with suppress(Empty):
            self.jobs.append(self.ingest(self._orders.get(timeout=0.2)))


class Searcher(Client):
    """
    Asks for every chunk of one document.

    Args:
        documents: Which there may be.

        given: As `Client` takes them.
    """

    def __init__(self, *given: Any, documents: list[str]) -> None:
        super().__init__(*given)
        self.documents = documents

    def act(self) -> None:
        """Search once."""
        document = self.dice.choice(self.documents)
        began = self.history.now()
        body = every_chunk_of(document, COLLECTION)
        found = self.api.call("POST", "/api/search", body=body)
        if found is None:
            return
        texts = [hit["text"] for hit in found["results"]]
        self.history.add(
            Read(
                how="search",
                document=document,
                began=began,
                ended=self.history.now(),
                revisions=revisions_of(document, texts),
                chunks=len(texts),
                whole=not found["degraded"],
            )
        )
        time.sleep(self.dice.uniform(0, 0.1))


class Asker(Searcher):
    """Asks questions, cancels some of them, and looks again at those that have ended."""

    def __init__(self, *given: Any, documents: list[str]) -> None:
        super().__init__(*given, documents=documents)
        self._jobs: list[str] = []

    def act(self) -> None:
        """Ask once, or look at an old job again."""
        if self._jobs and self.dice.random() < 0.2:  # noqa: PLR2004
            self.look_again(self.dice.choice(self._jobs))
            return
        document = self.dice.choice(self.documents)
        hasty = self.dice.random() < 0.15  # noqa: PLR2004
        deadline_s = HASTY_S if hasty else QUESTION_DEADLINE_S
        priority = self.dice.choice(["interactive", "batch"])
        began = self.history.now()
        job_id = self.ask(document, deadline_s=deadline_s, priority=priority)
        if self.dice.random() < 0.1:  # noqa: PLR2004
            time.sleep(self.dice.uniform(0, 0.05))
            self.cancel(job_id)
        job = self.ended(job_id, within_s=deadline_s + 90)
        self._jobs.append(job_id)
        if job is not None and "result" in job:
            self._read(job["result"], began)

    def ask(self, document: str, *, deadline_s: float, priority: str) -> str:
        """Ask for the revision of a document; returns the job."""
        body = {
            "question": f"At which revision does {document} stand?",
            "collection": COLLECTION,
            "deadline_s": deadline_s,
            "priority": priority,
        }
        asked = self.api.call("POST", "/api/queries", key=uuid.uuid4().hex, body=body)
        if asked is None:
            raise GaveUp("POST /api/queries")
        return self.accepted(asked, "query", deadline_s)

    def cancel(self, job_id: str) -> None:
        """Cancel a job, and look at once whether it is."""
        self.api.call("DELETE", f"/api/jobs/{job_id}")
        job = self.api.call("GET", f"/api/jobs/{job_id}")
        if job is not None and job["state"] == "cancelled":
            self.history.add(Cancelled(job=job_id, at=self.history.now()))

    def finish(self) -> None:
        """Look again at every question."""
        for job_id in self._jobs:
            self.look_again(job_id)

    def look_again(self, job_id: str) -> None:
        """Note how an ended job looks now, and how many ends its events tell of."""
        job = self.api.call("GET", f"/api/jobs/{job_id}")
        if job is None or job["state"] not in FINAL_STATES:
            return
        events = self.api.text(f"/api/jobs/{job_id}/events")
        ends = sum(line == "event: done" for line in events.splitlines())
        self.history.add(seen(job, self.history.now(), ends=ends))

    def _read(self, result: Mapping[str, Any], began: float) -> None:
        quotes = [citation["quote"] for citation in result["citations"]]
        for document in sorted({name for text in quotes for name, _ in REVISION.findall(text)}):
            self.history.add(
                Read(
                    how="answer",
                    document=document,
                    began=began,
                    ended=self.history.now(),
                    revisions=revisions_of(document, quotes),
                )
            )


class Flooder(Asker):
    """Hands over questions without waiting for their ends, until many wait."""

    def __init__(self, *given: Any, documents: list[str]) -> None:
        super().__init__(*given, documents=documents)
        self._waiting: deque[str] = deque()

    def act(self) -> None:
        """Ask once more; wait for the oldest question where too many wait."""
        document = self.dice.choice(self.documents)
        self._waiting.append(self.ask(document, deadline_s=FLOOD_DEADLINE_S, priority="batch"))
        if len(self._waiting) >= MOST_WAITING:
            self.await_one()
        time.sleep(self.dice.uniform(0, 0.02))

    def finish(self) -> None:
        """Wait for all questions."""
        while self._waiting:
            self.await_one()

    def await_one(self) -> None:
        """Wait for the end of the oldest question."""
        self.ended(self._waiting.popleft(), within_s=FLOOD_DEADLINE_S + 90)


def seen(job: Mapping[str, Any], at: float, *, ends: int = 1) -> Seen:
    """Return how an ended job looks."""
    frame = {name: job.get(name) for name in ("state", "error", "finished_at")}
    result = job.get("result") or {}
    passages = [
        [source.get(name) for name in ("document_id", "generation", "chunk_id")]
        for source in result.get("sources", ())
    ]
    error = (job.get("error") or {}).get("type", "")
    began, ended = (datetime.fromisoformat(job[name]) for name in ("created_at", "finished_at"))
    return Seen(
        job=job["id"],
        at=at,
        state=job["state"],
        digest=_digest(frame | {"result": result}),
        frame=_digest(frame | {"passages": passages}),
        withheld=tuple(result.get("deleted", ())),
        took_s=(ended - began).total_seconds(),
        error=error,
        ends=ends,
    )


def _digest(told: Mapping[str, Any]) -> str:
    return sha256(orjson.dumps(told, option=orjson.OPT_SORT_KEYS)).hexdigest()
