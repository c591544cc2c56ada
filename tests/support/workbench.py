"""A workbench for tests of the ledger: real scripts on a real Redis, and hands to move time."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from redis import Redis

from corpus.blobs import BlobStore
from corpus.catalogue.catalogue import Catalogue
from corpus.catalogue.records import packed
from corpus.change_log import ChangeLog
from corpus.embedding import PacedEmbedder
from corpus.files import Files
from corpus.ingestion import Ingestion
from corpus.parsing import FileReader
from corpus.storage import Storage
from jobs.archive.archive import Archive
from jobs.events import read_events
from jobs.leases.leases import Leases
from jobs.ledger.document_steps import Activation
from jobs.ledger.ledger import Ledger
from jobs.ledger.submissions import Idempotency
from jobs.ledger.wire import Fields
from jobs.ledger.work import Output, Refusal
from jobs.units import Unit
from protocol.ids import new_id
from protocol.keys import key
from protocol.messages import ROLE_OF, Message, Stage
from protocol.scripts import Scripts
from rag.chunking.chunker import Chunker
from rag.documents import Block, ParsedDocument
from rag.errors import Unreadable
from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.redis_clients import ledger_client

T = TypeVar("T")

Rules = tuple[tuple[str, str], ...]
RETENTION_S, EVENT_RETENTION_S = 7 * 86_400, 3_600
RUN_ID = "the same Redis"


class Workbench:
    """
    The ledger with a list for a broker.

    Redis' clock cannot be moved, so what time would do is done by hand: `die` lets a claim lapse,
    `due` brings a unit's next check, `late` its deadline.

    Args:
        url: Of a Redis that is emptied first.

        without: Rules taken out of the scripts, see `protocol.scripts.Scripts`.

        archive: Where ended rows go that an archiver takes.
    """

    def __init__(self, url: str, *, without: Rules = (), archive: Archive | None = None) -> None:
        self.redis: Redis = ledger_client(url, connections=32)
        self.redis.flushall()
        self.scripts = Scripts(
            self.redis,
            retention_s=RETENTION_S,
            event_retention_s=EVENT_RETENTION_S,
            without=without,
        )
        self.sent: list[Message] = []
        self.ledger = Ledger(
            self.redis, scripts=self.scripts, send=self.sent.append, archive=archive
        )
        self.catalogue = Catalogue.of(self.ledger)
        self.change_log = ChangeLog(self.redis, self.scripts)

    def storage(self, blobs: BlobStore) -> Storage:
        """Return what a process opens, over this ledger."""
        return Storage(
            redis=self.redis, ledger=self.ledger, catalogue=self.catalogue,
            change_log=self.change_log, blobs=blobs, files=Files(self.redis),
        )  # fmt: skip

    def close(self) -> None:
        self.redis.close()
        self.redis.connection_pool.disconnect()

    # What people ask -------------------------------------------------------------------------

    def ask(
        self,
        *,
        unit_id: str | None = None,
        priority: str = "interactive",
        owner: str | None = None,
        limit: int = 1_000,
        deadline_s: float = 300,
        idempotency: Idempotency | None = None,
    ) -> str:
        return self.ledger.submissions.submit(
            unit_id or new_id(),
            stage="retrieve",
            fields={
                "kind": "query", "class": priority, "owner": owner or priority,
                "priority": 0 if priority == "interactive" else 9, "request": "{}",
            },
            limit=limit,
            deadline_s=deadline_s,
            idempotency=idempotency,
        )  # fmt: skip

    def collection(self, name: str = "papers") -> str:
        return self.catalogue.collections.create(name)[0]

    def row(
        self, document: str, *, unit_id: str | None = None, content: str | None = None
    ) -> dict[str, str | int]:
        content = content or new_id()
        fingerprint = hashlib.sha256(f"{document}\0{content}".encode()).hexdigest()[:32]
        return {
            "id": unit_id or new_id(), "kind": "document", "document": document, "stage": "parse",
            "role": "ingest", "owner": "interactive", "priority": 0, "size": 3,
            "sha256": hashlib.sha256(content.encode()).hexdigest(), "fingerprint": fingerprint,
            "filename": document, "title": "",
        }  # fmt: skip

    def ingest(
        self,
        collection_id: str,
        *documents: str,
        rows: Sequence[dict[str, str | int]] | None = None,
        job_id: str | None = None,
        keep_open: bool = False,
        on_duplicate: str = "index",
        limit: int = 1_000,
        metadata: str = "{}",
    ) -> tuple[str, list[str]]:
        given = [self.row(document) for document in documents] if rows is None else rows
        job_id = self.ledger.submissions.accept(
            job_id or new_id(),
            job={
                "kind": "ingest", "incarnation": collection_id, "on_duplicate": on_duplicate,
                "metadata": metadata,
            },
            rows=given,
            limit=limit,
            deadline_s=300,
            keep_open=keep_open,
        )  # fmt: skip
        return job_id, [str(row["id"]) for row in given]

    def delete(self, collection_id: str, document: str) -> tuple[str, str]:
        row: dict[str, str | int] = {
            "id": new_id(), "kind": "document", "document": document, "stage": "remove",
            "role": "embed", "owner": "interactive", "priority": 0,
        }  # fmt: skip
        job_id = self.ledger.submissions.accept(
            new_id(),
            job={"kind": "delete", "incarnation": collection_id},
            rows=[row],
            limit=1_000,
            deadline_s=300,
        )
        return job_id, str(row["id"])

    def cancel_job(self, job_id: str) -> None:
        """Cancel a job, and its rows to the last."""
        self.ledger.submissions.cancel_job(job_id)
        cursor = self.ledger.slices.cancel_rows(job_id, "0")
        while cursor != "0":
            cursor = self.ledger.slices.cancel_rows(job_id, cursor)

    # What workers do -------------------------------------------------------------------------

    def claim(
        self,
        unit_id: str,
        *,
        stage: str | None = None,
        holder: str | None = None,
        bodies: int = 0,
        quarantine_running: bool = False,
    ) -> Unit | Refusal:
        return self.ledger.work.claim(
            unit_id,
            stage=stage or self.field(unit_id, "stage"),
            holder=holder or new_id(),
            bodies=bodies,
            quarantine_running=quarantine_running,
        )

    def take(self, unit_id: str) -> Unit:
        unit = self.claim(unit_id)
        assert isinstance(unit, Unit), unit
        return unit

    def parse(self, unit_id: str, *, chunks: int = 2) -> None:
        fields: dict[str, str | int] = {"chunks": chunks, "manifest_blob": "m", "text_blob": "t"}
        self.hand_over(self.take(unit_id), stage="publish", fields=fields)

    def hand_over(
        self, unit: Unit, *, stage: Stage, fields: Fields, event: str = "", data: object = None
    ) -> Unit | str:
        return hand_over(self.ledger, unit, stage=stage, fields=fields, event=event, data=data)

    def log_add(self, unit: Unit, *, vector_index: str = "") -> str:
        (answer,) = self.ledger.documents.log_add([(unit, vector_index)])
        return _raised(answer)

    def activate(self, unit: Unit, *, entry: str = "", language: str = "") -> str:
        record = {
            "document_id": unit.fields["document"],
            "generation": int(unit.fields["generation"]),
            "sha256": unit.fields.get("sha256", ""),
            "made_by": unit.fields.get("made_by", ""),
            "language": language,
        }
        return activate(self.ledger, unit, entry=entry, document=record)

    def publish(self, unit_id: str, *, chunks: int = 2, language: str = "") -> str:
        self.parse(unit_id, chunks=chunks)
        unit = self.take(unit_id)
        return self.activate(unit, entry=self.log_add(unit), language=language)

    # What time does --------------------------------------------------------------------------

    def die(self, unit_id: str) -> None:
        self.redis.delete(key("claim", unit_id))

    def due(self, unit_id: str) -> None:
        role = self.field(unit_id, "role")
        self.redis.zadd(key("inflight", role), {unit_id: 0}, xx=True)

    def end_pause(self, unit_id: str) -> None:
        """The pause of a unit that was put back is over."""
        self.redis.zadd(key("later", self.field(unit_id, "role")), {unit_id: 0}, xx=True)

    def end_pauses(self, role: str) -> None:
        """Time passes for all that was put back, and the dispatcher comes by."""
        for unit_id in self.put_back(role):
            self.end_pause(unit_id)
        self.ledger.maintenance.dispatch(role)

    def late(self, unit_id: str) -> int:
        """Let a unit's deadline pass; returns how many units did so, which is one."""
        self.redis.hset(key("unit", unit_id), "deadline", 1)
        self.redis.zadd(key("deadlines", self.field(unit_id, "class")), {unit_id: 1}, xx=True)
        return 1

    def sweep(self, role: str, *, run_id: str = RUN_ID, away: bool = False) -> int:
        return self.ledger.maintenance.rescue(role, consumed=True, run_id=run_id, away=away)

    def die_and_be_found(self, unit_id: str) -> None:
        """The worker dies, the rescuer comes by, and the pause that this may bring is over."""
        role = self.field(unit_id, "role")
        self.die(unit_id)
        self.due(unit_id)
        self.sweep(role)
        if unit_id in self.put_back(role):
            self.end_pause(unit_id)
            self.ledger.maintenance.dispatch(role)

    # Looking ---------------------------------------------------------------------------------

    def field(self, unit_id: str, name: str) -> str:
        return str(self.redis.hget(key("unit", unit_id), name) or "")

    def state(self, unit_id: str) -> str:
        return self.field(unit_id, "state")

    def deaths(self, unit_id: str) -> int:
        return int(self.field(unit_id, "deaths"))

    def job_state(self, job_id: str) -> str:
        return str(self.redis.hget(key("job", job_id), "state"))

    def in_flight(self, role: str) -> set[str]:
        return set(self.redis.zrange(key("inflight", role), 0, -1))

    def waiting(self, role: str) -> list[str]:
        owners = self.redis.zrange(key("owners", role), 0, -1)
        return [
            name for owner in owners for name in self.redis.zrange(key("lane", role, owner), 0, -1)
        ]

    def put_back(self, role: str) -> list[str]:
        """Units that wait outside their lanes, in the order in which their pauses end."""
        units: list[str] = self.redis.zrange(key("later", role), 0, -1)
        return units

    def garbage(self, collection_id: str) -> set[str]:
        return set(self.redis.zrange(key("garbage", collection_id), 0, -1))

    def member(self, unit_id: str) -> str:
        """The generation of a row as the garbage names it."""
        names = ("document", "generation", "chunks")
        return ":".join(self.field(unit_id, name) for name in names)


def hand_over(
    ledger: Ledger,
    unit: Unit,
    *,
    stage: Stage,
    fields: Fields,
    event: str = "",
    data: object = None,
) -> Unit | str:
    """Hand one unit over."""
    (answer,) = ledger.work.hand_over([Output(unit, fields, event, data)], stage=stage)
    return _raised(answer)


def activate(ledger: Ledger, unit: Unit, *, entry: str = "", document: Mapping[str, object]) -> str:
    """Make one row's generation the current one."""
    (answer,) = ledger.documents.activate([Activation(unit, entry, packed(document), {})])
    return _raised(answer)


def _raised(answer: T | Exception) -> T:
    """Raise what went wrong for one unit."""
    if isinstance(answer, Exception):
        raise answer
    return answer


def window(bench: Workbench, size: int) -> None:
    """Set every role's window."""
    for role in set(ROLE_OF.values()):
        bench.ledger.maintenance.dispatch(role, window=size)


# Ingesting: no Celery, no processes, one thread ------------------------------------------------


@dataclass
class LineParser:
    """Reads a file as text, a paragraph for each line; `bad` files cannot be read."""

    before: Callable[[str], object] = lambda _: None
    notes: dict[str, list[str]] = field(default_factory=dict)

    def parse(self, data: bytes, *, filename: str, abort: Callable[[], bool]) -> ParsedDocument:
        self.before(filename)
        if abort() or filename.startswith("bad"):
            raise Unreadable("corrupt", "It is damaged.")
        text = data.decode()
        blocks = (Block("paragraph", 0, len(text), 0),)
        notes = tuple(self.notes.get(filename, ()))
        return ParsedDocument(text, "text", blocks=blocks, notes=notes, encoding="utf-8")


class English:
    """Takes every text for English."""

    def language_of(self, text: str) -> str:
        return "en" if text else ""


def ingestion_of(
    bench: Workbench,
    leases: Leases,
    blobs: BlobStore,
    *,
    vectors: Any,
    embedder: Any,
    parser: LineParser | None = None,
    chunker: Chunker | None = None,
) -> Ingestion:
    """Return what runs the stages of documents, on a test's stores and models."""
    paced = embedder if isinstance(embedder, PacedEmbedder) else PacedEmbedder(embedder)
    return Ingestion(
        leases=leases,
        steps=bench.ledger.documents,
        reader=FileReader(
            parser=parser or LineParser(),
            chunker=chunker or Chunker(),
            tokens=HashingEmbedder(),
            languages=English(),
            blobs=blobs,
        ),
        embedder=paced,
        vectors=vectors,
        catalogue=bench.catalogue,
        change_log=bench.change_log,
        blobs=blobs,
    )


def kinds(bench: Workbench, job_id: str) -> list[str]:
    """What has happened to a job so far, by the kinds of its events."""
    return [event.kind for event in read_events(bench.redis, job_id, "0-0")]


def now_ms(bench: Workbench) -> float:
    """Redis' own time."""
    seconds, micros = bench.redis.time()
    return float(seconds * 1_000 + micros / 1_000)
