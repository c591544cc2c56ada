"""Publishing on a real Redis: a document becomes visible whole, once, or not at all."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from corpus.blobs import BlobStore
from corpus.check_and_repair.checker import checker_of
from corpus.embedding import MOST_CHUNKS
from corpus.manifests import manifest_of
from intake.lookup.views import JobView
from jobs.leases.leases import Leases
from protocol import timings
from protocol.keys import key
from rag.chunking.chunker import Chunker
from rag.documents import Chunk, ParsedDocument, chunk_id
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.vector_store import DictVectors
from rag.ports import StoredChunk, Vectors
from tests.support.waiting import PATIENCE_S
from tests.support.workbench import Workbench, ingestion_of
from workers.blob_sweeper import BlobSweeper
from workers.maintenance import BackgroundCheck, GarbageCollector


class Watched(DictVectors):
    """Does something of the test's choice before each upsert."""

    def __init__(self) -> None:
        super().__init__()
        self.before_upsert: Callable[[], object] = lambda: None

    def upsert(self, collection_id: str, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        self.before_upsert()
        super().upsert(collection_id, chunks, vectors)


class House:
    """What an ingestion worker has, in little."""

    def __init__(self, bench: Workbench, folder: Path) -> None:
        self.bench = bench
        self.vectors = Watched()
        self.blobs = BlobStore(folder)
        self.embedder = HashingEmbedder()
        self.leases = Leases(bench.ledger.work, bench.redis, name="worker")
        self.ingestion = ingestion_of(
            bench, self.leases, self.blobs, vectors=self.vectors, embedder=self.embedder
        )
        storage = bench.storage(self.blobs)
        self.garbage_collector = GarbageCollector(storage, self.vectors)
        self.checker = checker_of(storage, self.vectors, self.embedder)
        self.collection_id = bench.collection()

    def accept(self, document: str) -> str:
        return self.bench.ingest(self.collection_id, document)[1][0]

    def parse(self, row: str, *texts: str, language: str = "") -> None:
        """Hand over a document whose chunks are *texts*."""
        text = "\n".join(texts)
        spans = [(text.index(part), text.index(part) + len(part)) for part in texts]
        chunks = [Chunk(n, start, end, text[start:end]) for n, (start, end) in enumerate(spans)]
        blob = self.blobs.put(text.encode())
        parsed = ParsedDocument(text=text, kind="text")
        manifest = self.blobs.put_json(
            manifest_of(parsed, "Title", chunks, blob, language=language)
        )
        fields: dict[str, str | int] = {
            "chunks": len(chunks),
            "manifest_blob": manifest,
            "text_blob": blob,
        }
        self.bench.hand_over(self.bench.take(row), stage="publish", fields=fields)

    def publish(self, row: str) -> None:
        self.ingestion.publish(row)

    def remove(self, document: str) -> None:
        _, row = self.bench.delete(self.collection_id, document)
        self.ingestion.remove(row)

    def ids(self, row: str) -> list[str]:
        bench = self.bench
        document, generation = bench.field(row, "document"), int(bench.field(row, "generation"))
        return [chunk_id(document, generation, n) for n in range(int(bench.field(row, "chunks")))]

    def held(self) -> set[str]:
        return set(self.vectors.collections.get(self.collection_id, {}))

    def make_garbage_due(self) -> None:
        name = key("garbage", self.collection_id)
        for member in self.bench.redis.zrange(name, 0, -1):
            self.bench.redis.zadd(name, {member: 1})


@pytest.fixture
def house(redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.05)
    bench = Workbench(redis_url)
    yield House(bench, tmp_path)
    bench.close()


def test_a_document_is_embedded_with_its_title_and_becomes_current_with_all_its_chunks(
    house: House,
) -> None:
    row = house.accept("a:b.txt")
    house.parse(row, "one", "two")
    house.publish(row)
    record = house.bench.catalogue.documents.record(house.collection_id, "a:b.txt")

    assert house.bench.field(row, "outcome") == "created"
    assert house.held() == set(house.ids(row))
    assert house.embedder.seen == ["Title\none", "Title\ntwo"]
    assert record is not None
    assert (record["chunks"], record["chars"], record["title"]) == (2, 7, "Title")
    kept = house.vectors.get(house.collection_id, house.ids(row)).values()
    assert [stored.chunk.before for stored in kept] == ["", "\n"]
    assert house.bench.redis.smembers(key("add_logged", house.collection_id)) == set()


def test_the_language_of_a_document_is_known_to_both_retrievers_and_to_people(house: House) -> None:
    row = house.accept("a")
    house.parse(row, "uno", "dos", language="es")
    house.publish(row)
    chunks = house.vectors.get(house.collection_id, house.ids(row)).values()
    record = house.bench.catalogue.documents.record(house.collection_id, "a")

    assert [stored.language for stored in chunks] == ["es", "es"]
    assert (
        house.bench.catalogue.generations.current(house.collection_id, ["a"])["a"].language == "es"
    )
    assert record is not None
    assert record["language"] == "es"


def test_a_document_is_published_with_what_its_request_says_of_all_and_its_own(
    house: House,
) -> None:
    bench = house.bench
    given = bench.row("a") | {"own_metadata": '{"year":1999}'}
    _, (row,) = bench.ingest(house.collection_id, rows=[given], metadata='{"year":2024,"kind":"x"}')
    house.parse(row, "one")
    house.publish(row)
    (stored,) = house.vectors.get(house.collection_id, house.ids(row)).values()
    record = bench.catalogue.documents.record(house.collection_id, "a")

    assert stored.metadata == {"year": 1999, "kind": "x"}
    assert record is not None
    assert list(record["metadata"].items()) == [("kind", "x"), ("year", 1999)]


def test_a_row_of_an_earlier_build_is_published_with_the_copy_that_it_has(house: House) -> None:
    bench = house.bench
    given = bench.row("a") | {"metadata": '{"kind":"x","year":1999}'}
    _, (row,) = bench.ingest(house.collection_id, rows=[given], metadata='{"year":2024}')
    house.parse(row, "one")
    house.publish(row)
    (stored,) = house.vectors.get(house.collection_id, house.ids(row)).values()
    record = bench.catalogue.documents.record(house.collection_id, "a")

    assert record is not None
    assert stored.metadata == record["metadata"] == {"kind": "x", "year": 1999}


def test_every_chunk_is_there_before_the_log_says_so_and_the_log_before_the_activation(
    house: House,
) -> None:
    row = house.accept("a")
    seen: list[tuple[int, bool]] = []
    house.parse(row, *(f"chunk {n:03}" for n in range(2 * MOST_CHUNKS + 1)))
    house.vectors.before_upsert = lambda: seen.append(
        (
            house.bench.redis.xlen(key("log", house.collection_id)),
            house.bench.redis.hexists(key("current", house.collection_id), "a"),
        )
    )
    house.publish(row)

    assert seen == [(0, False)] * 3
    (entry,) = house.bench.change_log.read(house.collection_id, "0-0")
    assert (entry.op, entry.chunks) == ("add", 2 * MOST_CHUNKS + 1)
    assert house.bench.change_log.last_add(house.collection_id) == entry.id


def test_a_publish_whose_worker_died_in_its_middle_runs_again_without_chunking_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chunk_again(*_: object, **__: object) -> None:
        raise AssertionError("the manifest says how it was chunked")

    monkeypatch.setattr(Chunker, "chunk", chunk_again)
    row = house.accept("a")
    house.parse(row, *(f"chunk {n:03}" for n in range(MOST_CHUNKS + 1)))
    dead = house.bench.take(row)
    half = house.ids(row)[:MOST_CHUNKS]
    house.vectors.create(house.collection_id)
    house.vectors.upsert(
        house.collection_id,
        [StoredChunk(name, Chunk(n, 0, 1, "x"), 1, "", {}) for n, name in enumerate(half)],
        house.embedder.embed(["x"] * MOST_CHUNKS),
    )
    house.bench.die(row)
    house.publish(row)

    assert house.bench.field(row, "epoch") != dead.epoch
    assert house.held() == set(house.ids(row))
    texts = house.vectors.get(house.collection_id, half[:1])
    assert texts[half[0]].chunk.text == "chunk 000"


def test_a_publish_that_loses_its_unit_stops_and_activates_nothing(house: House) -> None:
    row = house.accept("a")
    house.parse(row, "one")

    def claimed_elsewhere() -> None:
        house.bench.die(row)
        house.bench.take(row)

    house.vectors.before_upsert = claimed_elsewhere
    house.publish(row)

    assert house.bench.state(row) == "running"
    assert house.bench.redis.xlen(key("log", house.collection_id)) == 0
    assert house.bench.catalogue.generations.current(house.collection_id, ["a"]) == {}


def test_a_replaced_document_is_readable_for_a_minute_then_gone_and_logged(house: House) -> None:
    first, second = house.accept("a"), house.accept("a")
    for row, text in ((first, "old"), (second, "new")):
        house.parse(row, text)
        house.publish(row)
    house.garbage_collector.collect(house.collection_id)
    assert house.held() == {*house.ids(first), *house.ids(second)}
    house.make_garbage_due()
    house.garbage_collector.collect(house.collection_id)
    house.garbage_collector.collect(house.collection_id)

    assert house.held() == set(house.ids(second))
    assert [e.op for e in house.bench.change_log.read(house.collection_id, "0-0")] == [
        "add", "add", "drop",
    ]  # fmt: skip
    assert house.bench.garbage(house.collection_id) == set()


def test_a_deleted_document_does_not_come_back_with_a_slow_older_update(house: House) -> None:
    row, slow = house.accept("a"), house.accept("a")
    house.parse(row, "text")
    house.publish(row)
    house.parse(slow, "slow")
    house.remove("a")
    house.publish(slow)
    house.make_garbage_due()
    house.garbage_collector.collect(house.collection_id)

    assert house.bench.field(slow, "outcome") == "superseded"
    assert house.bench.catalogue.generations.current(house.collection_id, ["a"])["a"].chunks == 0
    assert house.held() == set()


def test_what_a_zombie_wrote_after_everything_was_cleaned_goes_with_the_next_check(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "CHECK_TURN_S", PATIENCE_S)  # one turn sees all
    row = house.accept("a")
    house.parse(row, "text")
    house.publish(row)
    late = house.vectors.get(house.collection_id, house.ids(row))
    house.remove("a")
    house.make_garbage_due()
    house.garbage_collector.collect(house.collection_id)
    house.vectors.upsert(house.collection_id, list(late.values()), house.embedder.embed(["text"]))

    background_check = BackgroundCheck(house.checker, house.bench.catalogue)
    background_check.turn()
    assert house.bench.garbage(house.collection_id) == {house.bench.member(row)}
    house.make_garbage_due()
    house.garbage_collector.collect(house.collection_id)
    assert house.held() == set()


def test_without_a_live_follower_a_publish_says_that_sparse_search_lacks_it(house: House) -> None:
    row, other = house.accept("a"), house.accept("b")
    for name in (row, other):
        house.parse(name, "text")
    house.publish(row)
    house.bench.change_log.follow(house.collection_id, "far ahead", "9999999999999-0")
    house.publish(other)

    assert house.bench.field(row, "sparse") == "pending"
    assert house.bench.field(other, "sparse") == ""
    view = JobView(house.bench.redis, house.blobs, house.bench.change_log)
    fields = house.bench.redis.hgetall(key("unit", row))
    assert "sparse" not in view.rows([fields])[0]  # a replica has it by now
    house.bench.change_log.follow(house.collection_id, "behind", "0-0")
    assert view.rows([fields])[0]["sparse"] == "pending"


def test_for_a_page_of_rows_it_is_asked_once_how_far_the_replicas_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [house.accept(document) for document in "abc"]
    for name in names:
        house.parse(name, "text")
        house.publish(name)
    rows = [house.bench.redis.hgetall(key("unit", name)) for name in names]
    asked: list[str] = []

    def live(collection_id: str) -> dict[str, str]:
        asked.append(collection_id)
        return {}

    monkeypatch.setattr(house.bench.change_log, "live", live)
    view = JobView(house.bench.redis, house.blobs, house.bench.change_log)

    assert [shown["sparse"] for shown in view.rows(rows)] == ["pending"] * 3
    assert asked == [house.collection_id]


def test_a_document_without_chunks_ends_as_empty_and_leaves_nothing(house: House) -> None:
    row = house.accept("a")
    house.parse(row)
    house.publish(row)

    assert (house.bench.state(row), house.bench.field(row, "outcome")) == ("succeeded", "empty")
    assert house.bench.garbage(house.collection_id) == set()


@pytest.mark.parametrize("when", ["before", "in the middle"])
def test_a_publish_into_a_deleted_collection_fails_and_the_deleted_collection_is_cleared(
    house: House, when: str
) -> None:
    def delete() -> None:
        house.bench.catalogue.collections.drop("papers")
        house.vectors.drop(house.collection_id)
        house.bench.catalogue.collections.forget(house.collection_id)

    row = house.accept("a")
    house.parse(row, "text")
    if when == "before":
        delete()
        house.publish(row)
    else:
        house.vectors.before_upsert = delete
        house.publish(row)
        # The store is gone: the unit waits, and its next attempt finds out why.
        assert house.bench.state(row) == "running"
        house.bench.end_pauses("embed")
        house.vectors.before_upsert = lambda: None
        house.publish(row)

    assert house.bench.state(row) == "failed"
    assert "collection_deleted" in house.bench.field(row, "error")
    house.vectors.create(house.collection_id)  # as a publish does that had just looked
    house.garbage_collector.clear_deleted_collections()
    assert house.vectors.collections == {}
    assert list(house.bench.redis.scan_iter(match=f"*:{house.collection_id}")) == []


def test_blobs_of_rows_and_of_current_documents_are_kept_and_others_go_unless_a_backup_is_made(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "BLOB_AGE_S", -1.0)
    row = house.accept("a")
    source = house.blobs.put(b"source")
    house.bench.redis.hset(key("unit", row), "sha256", source)
    house.parse(row, "text")
    house.publish(row)
    loose = house.blobs.put(b"nobody names this")
    manifest, text = house.bench.field(row, "manifest_blob"), house.bench.field(row, "text_blob")
    house.bench.redis.delete(key("unit", row))  # its row is forgotten, the document is not

    house.bench.redis.set(key("lock", "backup"), "somebody")
    assert BlobSweeper(house.garbage_collector._storage).sweep() == 0
    house.bench.redis.delete(key("lock", "backup"))
    assert BlobSweeper(house.garbage_collector._storage).sweep() == 1
    assert house.blobs.get(loose) is None
    assert all(house.blobs.get(name) is not None for name in (source, manifest, text))
