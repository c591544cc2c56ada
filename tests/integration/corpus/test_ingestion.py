"""Batches on a real Redis: documents that are ingested together, and end each by itself."""

from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from corpus import embedding, ingestion
from corpus.blobs import BlobStore
from corpus.embedding import FIRST_SLICE, LEAST_SLICE, MOST_CHUNKS, SLICE_S, PacedEmbedder
from jobs.leases.batch import Batch, claim_batch
from jobs.leases.lease import Lease
from jobs.leases.leases import Leases
from protocol import timings
from protocol.keys import key
from protocol.messages import Stage
from rag.chunking.chunker import Chunker
from rag.documents import Chunk
from rag.errors import Broken, Cancelled, LeaseLost, NoVector, StoreUnavailable
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors
from rag.ports import StoredChunk, Vectors
from tests.support.waiting import PATIENCE_S
from tests.support.workbench import LineParser, Workbench, ingestion_of, window

Hook = Callable[[], object]


class Watched(DictVectors):
    """Counts upserts, and does something of the test's choice before each."""

    def __init__(self) -> None:
        super().__init__()
        self.upserts: list[int] = []
        self.before: Hook = lambda: None

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        self.before()
        self.upserts.append(len(chunks))
        super().upsert(collection_id, chunks, vectors)


class Choosy(HashingEmbedder):
    """Counts its calls, and raises what the test wants at texts that hold a word."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[int] = []
        self.poison: dict[str, Exception] = {}
        self.before: Hook = lambda: None

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        self.calls.append(len(texts))
        self.before()
        for word, error in self.poison.items():
            if any(word in text for text in texts):
                raise error
        return super().embed(texts, truncate=truncate)


class Yard:
    """An ingestion worker in little: no Celery, one thread."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.vectors, self.embedder, self.parser = Watched(), Choosy(), LineParser()
        blobs = BlobStore(folder)
        self.leases = Leases(bench.ledger.work, bench.redis, name="worker")
        self.paced = PacedEmbedder(self.embedder)
        self.blobs = blobs
        self.cut(Chunker())
        self.collection_id = bench.collection()

    def cut(self, chunker: Chunker) -> None:
        """Cut documents with *chunker* from now on."""
        self.ingestion = ingestion_of(
            self.bench, self.leases, self.blobs, vectors=self.vectors, embedder=self.paced,
            parser=self.parser, chunker=chunker,
        )  # fmt: skip

    def accept(self, *names: str, words: int = 3, size: int = 100) -> list[str]:
        """Hand files over as one ingest; the text of each holds its name."""
        rows = []
        for name in names:
            text = " ".join([name] * words)
            row = self.bench.row(name) | {"sha256": self.blobs.put(text.encode()), "size": size}
            rows.append(row | {"owner": "ingest:j"})
        return self.bench.ingest(self.collection_id, rows=rows)[1]

    def parse(self, unit_id: str) -> None:
        """Run the body of a `parse` message."""
        self.ingestion.parse(unit_id)

    def publish(self, unit_id: str) -> None:
        """Run the body of a `publish` message."""
        self.ingestion.publish(unit_id)

    def outcomes(self, rows: Sequence[str]) -> list[str]:
        return [self.bench.field(row, "outcome") or self.bench.state(row) for row in rows]

    def nothing_is_left(self) -> bool:
        """Return True if no unit is held, waits, or takes a place."""
        redis = self.bench.redis
        roles = ("ingest", "embed")
        return (
            self.leases.bodies == 0
            and not any(self.bench.in_flight(role) for role in roles)
            and not any(redis.smembers(key("company", role)) for role in roles)
            and not any(self.bench.waiting(role) for role in roles)
            and not any(self.bench.put_back(role) for role in roles)
            and redis.smembers(key("opened", self.collection_id)) == set()
        )


@pytest.fixture
def yard(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Yard]:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.05)
    monkeypatch.setattr(ingestion, "PATIENCE_S", PATIENCE_S)
    bench = Workbench(redis_url)
    bench.sweep("ingest")
    window(bench, 1)
    yield Yard(bench, tmp_path)
    bench.close()


def batched(yard: Yard, unit_id: str, stage: Stage = "parse", **bounds: int) -> list[str]:
    """Return who a body for *unit_id* has with it; gives all back."""
    with claim_batch(yard.leases, unit_id, stage, **bounds) as batch:
        assert batch is not None
        names = [lease.unit.id for lease in batch.active]
        for lease in list(batch.active):
            batch.give_back(lease)
    return names


# Who comes along ---------------------------------------------------------------------------------


def test_a_body_takes_along_what_waits_in_its_turn(yard: Yard) -> None:
    first, second = yard.accept("a", "b"), yard.accept("c")

    assert batched(yard, first[0]) == [first[0], first[1], second[0]]


def test_what_comes_along_takes_no_place_so_that_messages_go_on(yard: Yard) -> None:
    window(yard.bench, 2)
    rows = yard.accept("a", "b", "c", "d", "e")
    with claim_batch(yard.leases, rows[0], "parse", most=3) as batch:
        assert batch is not None
        yard.bench.ledger.maintenance.dispatch("ingest")

        assert [lease.unit.id for lease in batch.active] == [rows[0], rows[2], rows[3]]
        assert yard.leases.bodies == 3
        assert [message.unit_id for message in yard.bench.sent] == rows[:2]
        for lease in list(batch.active):
            batch.give_back(lease)
    assert len(yard.bench.in_flight("ingest")) == 2
    assert yard.bench.redis.smembers(key("company", "ingest")) == set()


def test_only_small_files_come_along_and_a_large_one_goes_alone(yard: Yard) -> None:
    small, large = yard.accept("a", "b"), yard.accept("c", size=900)

    assert batched(yard, small[0], most_bytes=1_000) == [small[0], small[1]]
    yard.bench.ledger.maintenance.dispatch("ingest", window=9)
    yard.accept("d")
    assert batched(yard, large[0], most_bytes=900) == [large[0]]


def test_a_unit_that_a_worker_died_under_neither_comes_along_nor_takes_others(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    window(yard.bench, 2)
    yard.bench.take(rows[1])
    yard.bench.die_and_be_found(rows[1])
    yard.accept("c")
    assert yard.bench.deaths(rows[1]) == 1

    assert batched(yard, rows[1]) == [rows[1]]  # and is given back
    window(yard.bench, 0)
    yard.bench.ledger.work.release(yard.bench.take(rows[1]), at_once=True)
    assert rows[1] in yard.bench.waiting("ingest")
    assert batched(yard, rows[0]) == [rows[0]]


def test_a_process_whose_unit_must_run_alone_takes_nobody_along(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    (lease,) = yard.leases.take(rows[0], "parse")
    yard.leases._quarantined = "another"

    assert yard.leases.join(lease, most=5, most_bytes=1_000) == []


def test_nothing_of_another_stage_comes_along(yard: Yard) -> None:
    window(yard.bench, 0)
    (row,) = yard.accept("a")
    _, removal = yard.bench.delete(yard.collection_id, "z")
    window(yard.bench, 1)
    yard.bench.parse(row)

    assert yard.bench.waiting("embed") == [row]
    assert batched(yard, removal, "remove") == [removal]


def test_one_that_dies_with_its_worker_is_sent_and_counted_and_takes_a_place(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    (lease,) = yard.leases.take(rows[0], "parse")
    yard.leases.join(lease, most=5, most_bytes=1_000)
    for row in rows:
        yard.bench.die_and_be_found(row)

    assert [message.unit_id for message in yard.bench.sent] == [rows[0], rows[0], rows[1]]
    assert [yard.bench.deaths(row) for row in rows] == [1, 1]
    assert yard.bench.redis.smembers(key("company", "ingest")) == set()
    yard.parse(rows[1])
    assert yard.outcomes(rows[1:]) == ["created"]


# From bytes to visible ---------------------------------------------------------------------------


def test_no_passage_is_lost_while_other_threads_change_how_many_go_at_once(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = cycle((4, 8))
    monkeypatch.setattr(PacedEmbedder, "at_once", property(lambda _: next(sizes)))
    rows = yard.accept(*(f"file-{n}" for n in range(20)))
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created"] * 20
    assert yard.vectors.upserts == [20]


def test_a_batch_is_embedded_and_written_in_one_call_each(yard: Yard) -> None:
    rows = yard.accept(*(f"file-{n}" for n in range(7)))
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created"] * 7
    assert (yard.embedder.calls, yard.vectors.upserts) == ([7], [7])
    assert [message.stage for message in yard.bench.sent] == ["parse"]
    assert yard.nothing_is_left()
    for n, row in enumerate(rows):
        record = yard.bench.catalogue.documents.record(yard.collection_id, f"file-{n}")
        assert record is not None
        assert record["generation"] == int(yard.bench.field(row, "generation"))
        name = f"file-{n}:{record['generation']}:0"
        (stored,) = yard.vectors.get(yard.collection_id, [name]).values()
        assert stored.chunk.text == " ".join([f"file-{n}"] * 3)


def test_each_is_published_with_what_its_own_request_says_of_all(yard: Yard) -> None:
    rows = [*yard.accept("a"), *yard.accept("b")]
    for n, row in enumerate(rows):
        job = key("job", yard.bench.field(row, "job"))
        yard.bench.redis.hset(job, "metadata", f'{{"n":{n}}}')

    yard.parse(rows[0])

    found = [yard.bench.catalogue.documents.record(yard.collection_id, name) for name in "ab"]
    assert [record and record["metadata"] for record in found] == [{"n": 0}, {"n": 1}]


def test_nothing_is_logged_before_it_is_written_nor_visible_before_it_is_logged(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")
    seen: list[tuple[int, int]] = []
    redis = yard.bench.redis

    def snapshot() -> None:
        log, current = key("log", yard.collection_id), key("current", yard.collection_id)
        seen.append((redis.xlen(log), redis.hlen(current)))

    wait = yard.bench.change_log.wait_for_followers

    def waiting(collection_id: str, entry: str, *, give_up: Hook) -> bool:
        snapshot()
        return wait(collection_id, entry, give_up=give_up)

    yard.vectors.before = snapshot
    yard.bench.change_log.wait_for_followers = waiting  # type: ignore[method-assign]  # to look in between
    yard.parse(rows[0])
    snapshot()

    assert seen == [(0, 0), (3, 0), (3, 3)]


def test_documents_of_two_collections_go_each_to_its_own(yard: Yard) -> None:
    first = yard.accept("a")
    yard.collection_id = yard.bench.collection("other")
    second = yard.accept("b")
    yard.parse(first[0])

    assert yard.outcomes([*first, *second]) == ["created", "created"]
    assert yard.embedder.calls == [2]
    assert {len(rows) for rows in yard.vectors.collections.values()} == {1}


def test_a_document_of_many_chunks_waits_for_a_body_of_its_own_beside_the_small_ones(
    yard: Yard,
) -> None:
    rows = yard.accept("a", "b") + yard.accept("long", words=2_500) + yard.accept("c")
    yard.cut(Chunker(max_tokens=20))
    yard.parse(rows[0])
    early = yard.outcomes(rows)
    yard.publish(rows[2])

    assert early == ["created", "created", "running", "created"]
    assert yard.outcomes(rows) == ["created"] * 4
    assert yard.vectors.upserts[:2] == [3, MOST_CHUNKS]
    assert yard.nothing_is_left()


# A fault of one ----------------------------------------------------------------------------------


def test_a_file_that_cannot_be_read_or_is_empty_ends_alone(yard: Yard) -> None:
    rows = [*yard.accept("a", "bad"), *yard.accept("blank", words=0), *yard.accept("b")]
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created", "failed", "empty", "created"]
    assert yard.nothing_is_left()


def test_what_a_parser_remarks_is_in_the_row_and_is_kept_with_the_document(yard: Yard) -> None:
    rows = yard.accept("plain", "noted", "long")
    rows += yard.accept("blank", words=0)
    yard.parser.notes = {
        "noted": ["Two pictures\nwere left out.", "A chart too."],
        "long": ["Left out. " * 200] * 200,
        "blank": ["Three pages are pictures."],
    }
    yard.parse(rows[0])

    notes = [yard.bench.field(row, "note") for row in rows]
    assert notes[:2] == ["", "Two pictures were left out. A chart too."]
    assert len(notes[2]) == 500
    assert notes[2].endswith("\u2026")
    assert notes[3] == "the file holds no text: Three pages are pictures."
    blob = yard.bench.field(rows[2], "manifest_blob")
    manifest = yard.blobs.get_json(blob)
    assert isinstance(manifest, dict)
    assert len(manifest["notes"]) == 50
    assert max(len(note) for note in manifest["notes"]) == 500
    assert manifest["encoding"] == "utf-8"


def test_a_text_that_the_model_refuses_ends_its_own_document_only(yard: Yard) -> None:
    rows = yard.accept("a", "poison", "b")
    yard.embedder.poison["poison"] = ZeroDivisionError("a fault of ours")

    with pytest.raises(ZeroDivisionError):
        yard.parse(rows[0])
    assert yard.outcomes(rows) == ["created", "failed", "created"]
    assert yard.embedder.calls == [3, 1, 1, 1]
    assert yard.nothing_is_left()


def test_a_cancel_ends_only_what_was_cancelled(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")
    lease_of = _leases(yard)

    def cancel() -> None:
        yard.bench.ledger.submissions.cancel(rows[1])
        lease_of(rows[1]).stop(Cancelled)

    yard.embedder.before = cancel
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created", "cancelled", "created"]
    assert yard.vectors.upserts == [2]
    assert yard.nothing_is_left()


def test_a_cancel_of_all_ends_the_wait_for_the_followers(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", PATIENCE_S)
    yard.bench.change_log.follow(yard.collection_id, "one that reads nothing", "0-0")
    rows = yard.accept("a", "b")
    lease_of = _leases(yard)
    wait = yard.bench.change_log.wait_for_followers
    given_up: list[str] = []

    def waiting(collection_id: str, entry: str, *, give_up: Hook) -> bool:
        for row in rows:
            lease_of(row).stop(Cancelled)
        try:
            return wait(collection_id, entry, give_up=give_up)
        except Cancelled:
            given_up.append(entry)
            raise

    yard.bench.change_log.wait_for_followers = waiting  # type: ignore[method-assign]  # to stop them in between
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["cancelled", "cancelled"]
    assert len(given_up) == 1
    assert yard.nothing_is_left()


def test_a_cancel_stops_the_embedding_of_what_was_cancelled_after_the_call_under_way(
    yard: Yard,
) -> None:
    names = [f"document{n}" for n in range(20)]
    rows = yard.accept(*names)
    lease_of = _leases(yard)
    yard.paced._pace_s = SLICE_S / 5

    def cancel() -> None:
        for row in rows[1:]:
            yard.bench.ledger.submissions.cancel(row)
            lease_of(row).stop(Cancelled)

    yard.embedder.before = cancel
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created"] + 19 * ["cancelled"]
    assert yard.embedder.calls == [5]
    assert yard.vectors.upserts == [1]
    assert yard.nothing_is_left()


def test_a_cancel_stops_a_large_document_after_the_call_under_way(yard: Yard) -> None:
    (row,) = yard.accept("large", words=9_000, size=70_000)
    lease_of = _leases(yard)
    yard.paced._pace_s = SLICE_S / 5
    yard.embedder.before = lambda: lease_of(row).stop(Cancelled)
    yard.parse(row)

    assert yard.outcomes([row]) == ["cancelled"]
    assert yard.embedder.calls == [5]
    assert yard.vectors.upserts == []


def test_a_slow_model_is_given_few_chunks_at_once_and_a_quick_one_many(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    paced = yard.paced
    clock = [0.0]
    monkeypatch.setattr(embedding.time, "perf_counter", lambda: clock[0])

    def takes(seconds: float) -> None:
        def pass_time() -> None:
            clock[0] += seconds

        yard.embedder.before = pass_time
        paced.embed([_stored("d", n) for n in range(4)])

    assert paced.at_once == FIRST_SLICE
    takes(4 * 0.2)
    assert paced.at_once == 5
    takes(4 * 2.0)
    assert paced.at_once == LEAST_SLICE
    takes(0)
    assert paced.at_once == LEAST_SLICE
    for _ in range(60):
        takes(0)
    assert paced.at_once == MOST_CHUNKS


def test_a_unit_that_another_worker_has_by_now_is_left_to_it(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")

    def taken_away() -> None:
        yard.bench.die(rows[1])
        yard.bench.take(rows[1])

    yard.vectors.before = taken_away
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created", "running", "created"]
    assert yard.bench.redis.xlen(key("log", yard.collection_id)) == 2
    assert yard.leases.bodies == 0


def test_documents_of_a_collection_deleted_meanwhile_fail_and_others_go_on(yard: Yard) -> None:
    first = yard.accept("a")
    gone, yard.collection_id = yard.collection_id, yard.bench.collection("other")
    second = yard.accept("b")

    def delete() -> None:
        if yard.bench.catalogue.collections.exists(gone):
            yard.bench.catalogue.collections.drop("papers")

    yard.embedder.before = delete
    yard.parse(first[0])
    assert yard.outcomes([*first, *second]) == ["failed", "created"]

    yard.collection_id = gone
    (late,) = yard.bench.ingest(yard.bench.collection(), rows=[yard.bench.row("c")])[1]
    yard.bench.parse(late)
    yard.bench.catalogue.collections.drop("papers")
    yard.publish(late)
    assert yard.outcomes([late]) == ["failed"]


# A fault of all ----------------------------------------------------------------------------------


def test_a_store_that_is_away_lets_all_wait_unharmed(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")

    def away() -> None:
        raise StoreUnavailable("Chroma does not answer")

    yard.vectors.before = away
    yard.parse(rows[0])

    assert sorted(yard.bench.put_back("embed")) == sorted(rows)
    assert [yard.bench.deaths(row) for row in rows] == [0, 0, 0]
    assert yard.leases.last_error == "Chroma does not answer"
    assert yard.embedder.calls == [3]  # and not one by one
    yard.vectors.before = lambda: None
    yard.bench.end_pauses("embed")
    yard.publish(rows[0])
    assert yard.outcomes(rows) == ["created"] * 3
    assert yard.leases.last_error == ""
    assert yard.nothing_is_left()


def test_a_store_that_goes_away_while_one_is_cancelled_lets_the_others_wait(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")
    lease_of = _leases(yard)

    def cancel() -> None:
        yard.bench.ledger.submissions.cancel(rows[1])
        lease_of(rows[1]).stop(Cancelled)

    def away() -> None:
        raise StoreUnavailable("Chroma does not answer")

    yard.embedder.before, yard.vectors.before = cancel, away
    yard.parse(rows[0])

    assert yard.bench.state(rows[1]) == "cancelled"
    assert sorted(yard.bench.put_back("embed")) == sorted([rows[0], rows[2]])
    assert yard.leases.bodies == 0


def test_what_cannot_be_done_for_one_document_harms_no_other(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c", "d")
    yard.embedder.poison |= {"b": Broken("the model is damaged"), "d": NoVector("norm 0")}

    with pytest.raises(Broken, match="damaged"):
        yard.parse(rows[0])
    assert yard.outcomes(rows) == ["created", "running", "created", "failed"]
    assert yard.bench.put_back("embed") == [rows[1]]
    assert "no_vector" in yard.bench.field(rows[3], "error")
    assert yard.leases.bodies == 0


@pytest.mark.parametrize("call", ["log_add", "activate", "hand_over"])
def test_redis_going_away_lets_all_wait_unharmed(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    rows = yard.accept("a", "b")

    def away(*_: object, **__: object) -> None:
        raise RedisConnectionError("gone")

    with monkeypatch.context() as patch:
        ledger = yard.bench.ledger
        steps = ledger.work if hasattr(ledger.work, call) else ledger.documents
        patch.setattr(steps, call, away)
        yard.parse(rows[0])

    assert [yard.bench.deaths(row) for row in rows] == [0, 0]
    assert not any(yard.bench.redis.exists(key("claim", row)) for row in rows)
    window(yard.bench, 9)
    role = yard.bench.field(rows[0], "role")
    yard.bench.end_pauses(role)
    for row in sorted(yard.bench.in_flight(role)):
        if yard.bench.state(row) == "running":
            (yard.parse if role == "ingest" else yard.publish)(row)
    assert yard.outcomes(rows) == ["created", "created"]


def test_redis_going_away_after_the_first_claim_lets_that_unit_wait(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = yard.accept("a", "b")

    def away(*_: object, **__: object) -> None:
        raise RedisConnectionError("gone")

    with monkeypatch.context() as patch:
        patch.setattr(yard.bench.ledger.work, "join", away)
        yard.parse(rows[0])

    assert yard.leases.bodies == 0
    assert yard.leases.last_error == "gone"
    assert yard.bench.deaths(rows[0]) == 0
    assert not yard.bench.redis.exists(key("claim", rows[0]))


def test_scripts_that_redis_has_forgotten_are_loaded_again(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    yard.embedder.before = yard.bench.redis.script_flush
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created", "created"]


# Going on with the next stage --------------------------------------------------------------------


def test_an_interactive_document_that_waits_to_be_published_goes_first(yard: Yard) -> None:
    (urgent,) = yard.bench.ingest(yard.collection_id, "urgent")[1]
    yard.bench.ledger.maintenance.dispatch("embed", window=0)
    yard.bench.parse(urgent)
    rows = yard.accept("a", "b")
    yard.parse(rows[0])

    assert yard.embedder.calls == []
    assert yard.bench.waiting("embed")[0] == urgent
    assert sorted(yard.bench.waiting("embed")) == sorted([urgent, *rows])


def test_a_worker_that_dies_after_going_on_is_followed_by_another_at_that_stage(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    with claim_batch(yard.leases, rows[0], "parse") as batch:
        assert batch is not None
        epochs = [lease.unit.epoch for lease in batch.active]
        yard.ingestion._parse(batch)
        now = [lease.unit for lease in batch.active]

        assert [unit.stage for unit in now] == ["publish", "publish"]
        assert all(int(u.epoch) > int(e) for u, e in zip(now, epochs, strict=True))
        assert [yard.bench.field(row, "epoch") for row in rows] == [u.epoch for u in now]
        for row in rows:
            yard.bench.die_and_be_found(row)
        sent = [(m.unit_id, m.stage) for m in yard.bench.sent[1:]]
        assert sent == [(row, "publish") for row in rows]
        yard.publish(rows[0])
        yard.publish(rows[1])
    assert yard.outcomes(rows) == ["created", "created"]


def test_what_a_closing_process_gives_back_is_the_claim_that_units_have_by_then(yard: Yard) -> None:
    rows = yard.accept("a", "b", "c")
    yard.embedder.before = yard.leases.close
    yard.parse(rows[0])

    waiting = {*yard.bench.waiting("embed"), *yard.bench.in_flight("embed")}
    assert waiting == set(rows)
    assert [yard.bench.deaths(row) for row in rows] == [0, 0, 0]
    assert not any(yard.bench.redis.exists(key("claim", row)) for row in rows)


def test_a_closing_process_hands_nothing_on_with_a_claim(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    with claim_batch(yard.leases, rows[0], "parse") as batch:
        assert batch is not None
        work = [(lease, {"chunks": 1}) for lease in batch.active]
        yard.leases.close()
        batch.hand_over(work, stage="publish")

        assert batch.active == []
    assert [yard.bench.field(row, "stage") for row in rows] == ["parse", "parse"]


def test_a_batch_whose_parsing_takes_long_gives_back_what_it_has_not_begun(
    yard: Yard, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = yard.accept("a", "b", "c")
    monkeypatch.setattr(ingestion, "PATIENCE_S", -1.0)
    yard.parse(rows[0])

    assert yard.outcomes(rows) == ["created", "running", "running"]
    assert not any(yard.bench.redis.exists(key("claim", row)) for row in rows)
    assert [yard.bench.deaths(row) for row in rows] == [0, 0, 0]
    for row in rows[1:]:
        window(yard.bench, 9)
        yard.parse(row)
    assert yard.outcomes(rows) == ["created"] * 3


# Inside ------------------------------------------------------------------------------------------


def test_a_unit_that_is_to_stop_is_told_apart_from_one_that_goes_on(yard: Yard) -> None:
    rows = yard.accept("a", "b")
    first, second = yard.leases.take(rows[0], "parse", most=2, most_bytes=1_000)
    batch = Batch(yard.leases, [first, second])
    second.stop(LeaseLost)
    documents = [ingestion._Document(lease) for lease in (first, second)]

    assert ingestion._going(batch, documents) == documents[:1]
    assert batch.active == [first]
    assert ingestion._going(batch, documents[1:]) == []


def _leases(yard: Yard) -> Callable[[str], Lease]:
    return lambda unit_id: yard.leases._held[unit_id]


def _stored(document: str, n: int) -> StoredChunk:
    return StoredChunk(f"{document}:1:{n}", Chunk(n, 0, 4, "text"), 9, "T", {})
