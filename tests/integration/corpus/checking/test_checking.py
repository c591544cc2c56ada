"""The check on a real Redis, a real Chroma and a real follower: each is broken, and mended."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from adapters.chroma.store import ChromaStore
from adapters.local_index.follower import Follower, Slot
from corpus.blobs import BlobStore
from corpus.checking.checking import Walk, checker_of
from corpus.checking.mending import text_of
from corpus.current_vectors import CurrentVectors
from corpus.durable import Durable
from corpus.publishing import Publisher, manifest_of
from corpus.reindexing import Reindexer
from jobs.leases import Leases
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from rag.documents import Chunk, ParsedDocument, chunk_id
from rag.ports import StoredChunk
from rag.search import fusion
from rag.search.chunk_texts import ChunkTexts
from rag.search.legs import LegReader, Mode
from rag.search.retrieval import Retriever
from stack.up import Stack
from tests.support.twins import HashingEmbedder
from tests.support.waiting import until
from tests.support.workbench import Workbench
from workers.housekeeping import Inspector, Janitor

TEXTS = {
    "oil": ("The embargo on oil began.", "It raised prices.", "It ended in spring."),
    "trees": ("Forests hold a third of trees.", "They are old."),
    "maps": ("Maps of the coast were drawn by hand.", "Some are lost."),
}


class World:
    """A small Quern in one process: everything but Celery and the web."""

    def __init__(self, redis_url: str, chroma_url: str, folder: Path) -> None:
        self.bench = Workbench(redis_url)
        self.folder = folder
        self.store = ChromaStore(chroma_url)
        self.vectors = CurrentVectors(self.store, self.bench.catalogue.editions)
        self.blobs = BlobStore(folder / "blobs")
        self.embedder = HashingEmbedder()
        self.leases = Leases(self.bench.ledger, self.bench.redis, name="worker")
        bench = self.bench
        self.durable = Durable(
            redis=bench.redis, ledger=bench.ledger, catalogue=bench.catalogue,
            change_log=bench.change_log, blobs=self.blobs,
        )  # fmt: skip
        self.publisher = Publisher(
            vectors=self.store, embedder=self.embedder, catalogue=bench.catalogue,
            change_log=bench.change_log, blobs=self.blobs,
        )  # fmt: skip
        self.checker = checker_of(self.durable, self.store, self.embedder)
        self.inc = bench.collection()
        self.follower = self.follow()

    def follow(self) -> Follower:
        follower = Follower(
            Slot(self.folder / "index"), redis=self.bench.redis, catalogue=self.bench.catalogue,
            change_log=self.bench.change_log, vectors=self.vectors,
        )  # fmt: skip
        return follower.__enter__()

    def close(self) -> None:
        self.follower.__exit__(None, None, None)
        for name in self.store.labels():
            self.store.drop(name)
        self.store.close()
        self.bench.close()

    def restart_follower(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.follower.__exit__(None, None, None)
        meanwhile()
        self.follower = self.follow()

    # Documents -------------------------------------------------------------------------------

    def publish(self, document: str, *texts: str) -> str:
        texts = texts or TEXTS[document]
        text = "\n\n".join(texts)
        (row,) = self.bench.ingest(
            self.inc, rows=[self.bench.row(document, content=text)]
        )[1]  # fmt: skip
        source = self.blobs.put(text.encode())
        self.bench.redis.hset(key("unit", row), "sha256", source)
        spans = [(text.index(part), text.index(part) + len(part)) for part in texts]
        chunks = [Chunk(n, a, b, text[a:b]) for n, (a, b) in enumerate(spans)]
        blob = self.blobs.put(text.encode())
        parsed = ParsedDocument(text=text, kind="text")
        manifest = self.blobs.put_json(manifest_of(parsed, document.title(), chunks, blob))
        fields: dict[str, str | int] = {
            "chunks": len(chunks), "manifest_blob": manifest, "text_blob": blob,
        }  # fmt: skip
        self.bench.ledger.hand_over(self.bench.take(row), stage="publish", fields=fields)
        with self.leases.claim(row, "publish") as lease:
            assert lease is not None
            self.publisher.publish(lease)
        return row

    def fill(self) -> None:
        for document in TEXTS:
            self.publish(document)
        assert until(lambda: self.sparse("oil") == {"oil"})

    def ids(self, document: str) -> list[str]:
        current = self.bench.catalogue.generations.current(self.inc, [document])[document]
        return [chunk_id(document, current.generation, n) for n in range(current.chunks)]

    def held(self) -> set[str]:
        return {
            chunk_id(row.document, row.generation, row.n)
            for page in self.vectors.rows(self.inc)
            for row in page
        }

    def wanted(self) -> set[str]:
        return {name for document in TEXTS for name in self.ids(document)}

    def blob(self, document: str, kind: str) -> Path:
        record = self.bench.catalogue.documents.record(self.inc, document)
        assert record is not None
        name = record[kind]
        return self.folder / "blobs" / name[:2] / name

    def reindex(self, job: str = "") -> str:
        """Make the vectors anew; returns the name of the edition in use."""
        with self.leases.claim(job or self.ask_reindex(), "reindex") as lease:
            assert lease is not None
            Reindexer(
                vectors=self.store, embedder=self.embedder, catalogue=self.bench.catalogue,
            ).reindex(lease)  # fmt: skip
        return self.bench.catalogue.editions.in_use(self.inc).name

    def ask_reindex(self) -> str:
        return self.bench.ledger.submit(
            new_id(),
            stage="reindex",
            fields={
                "kind": "reindex", "class": "ingest", "owner": "batch", "priority": 9,
                "collection": "papers", "incarnation": self.inc, "request": "{}",
            },
            limit=100,
            deadline_s=300,
        )  # fmt: skip

    # Looking ---------------------------------------------------------------------------------

    def search(self, query: str, mode: Mode) -> set[str]:
        legs = LegReader(
            embedder=HashingEmbedder(), vectors=self.store, sparse=self.follower,
            visibility=self.bench.catalogue.generations,
            texts=ChunkTexts(self.follower, self.store), depth=50, clock=time.perf_counter,
        )  # fmt: skip
        retriever = Retriever(legs, fuse=partial(fusion.convex, weight=0.5))
        found = retriever.search(self.inc, query, top_k=10, mode=mode)
        return {p.document_id for p in found.passages if query in p.text.lower()}

    def sparse(self, query: str) -> set[str]:
        return self.search(query, "sparse")

    def check(self, *, repair: bool = False, adopt: bool = True) -> "Found":
        walk = self.checker.walk(None, repair=repair, adopt=adopt)
        for _ in walk:
            pass
        return Found(walk)

    def mend(self) -> "Found":
        """Repair, and see that nothing is left to be found."""
        mended = self.check(repair=True)
        again = self.check()
        assert again.differences == {}, again.told
        return mended


class Found:
    """What a check found, in little."""

    def __init__(self, walk: Walk) -> None:
        result = walk.result()
        self.consistent: bool = result["consistent"]
        self.collections: list[dict[str, Any]] = result["collections"]
        self.differences: dict[str, tuple[int, int]] = {}
        self.told = [f for shown in self.collections for f in shown["findings"]]
        for shown in self.collections:
            for kind, n in shown["differences"].items():
                found, repaired = self.differences.get(kind, (0, 0))
                self.differences[kind] = (found + n["found"], repaired + n["repaired"])

    def documents(self, kind: str) -> set[str | None]:
        return {f["document_id"] for f in self.told if f["kind"] == kind}


def stray(document: str, generation: int) -> StoredChunk:
    """The only chunk of a generation that nobody knows."""
    return StoredChunk(chunk_id(document, generation, 0), Chunk(0, 0, 3, "gas"), 1, "", {})


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Stack.start(data_dir=tmp_path_factory.mktemp("chroma"), only=("chroma",)) as stack:
        yield stack.chroma_url


@pytest.fixture
def world(
    redis_url: str, chroma_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.02)
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 20.0)
    monkeypatch.setattr(timings, "RENEW_S", 0.2)
    world = World(redis_url, chroma_url, tmp_path)
    world.fill()
    yield world
    world.close()


def test_where_all_agrees_nothing_is_found_and_everything_is_counted(world: World) -> None:
    found = world.check()

    (shown,) = found.collections
    assert (found.consistent, found.differences) == (True, {})
    assert (shown["documents"], shown["passages"]) == (3, 7)
    assert [(r["state"], r["documents"]) for r in shown["replicas"]] == [("same", 3)]


# Chroma --------------------------------------------------------------------------------------


@pytest.mark.parametrize("all_of_them", [False, True])
def test_rows_deleted_behind_our_back_are_embedded_again_under_their_ids(
    world: World, *, all_of_them: bool
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[0 if all_of_them else 1 :])
    found = world.check()
    assert found.differences == {"passages_missing": (1, 0)}
    assert found.documents("passages_missing") == {"oil"}
    assert not found.consistent
    mended = world.mend()

    assert mended.differences == {"passages_missing": (1, 1)}
    assert mended.consistent
    assert world.held() == world.wanted()
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("embargo", mode) == {"oil"}


def test_a_collection_dropped_behind_our_back_is_filled_again(
    world: World, chroma_url: str
) -> None:
    with closing(ChromaStore(chroma_url)) as another:
        another.drop(world.inc)
    assert world.check().differences == {"passages_missing": (3, 0)}
    mended = world.mend()

    assert mended.differences == {"passages_missing": (3, 3)}
    assert world.held() == world.wanted()
    assert world.search("forests", "dense") == {"trees"}


def test_rows_that_nobody_knows_become_garbage(world: World) -> None:
    world.vectors.upsert(world.inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    assert world.check().differences == {"orphan": (1, 0)}
    mended = world.mend()

    assert mended.differences == {"orphan": (1, 1)}
    assert world.bench.garbage(world.inc) == {"oil:5:1"}


def test_what_is_on_its_way_or_on_its_way_out_is_no_difference(world: World) -> None:
    (row,) = world.bench.ingest(world.inc, "new")[1]
    world.bench.parse(row)
    generation = int(world.bench.field(row, "generation"))
    half = StoredChunk(chunk_id("new", generation, 0), Chunk(0, 0, 3, "gas"), 2, "", {})
    world.vectors.upsert(world.inc, [half], world.embedder.embed(["gas"]))
    world.publish("oil", "Oil again.")  # the old generation is garbage, and still in both

    assert world.check().differences == {}
    assert world.check(repair=True).differences == {}
    assert half.chunk_id in world.held()


def test_a_document_replaced_in_the_middle_of_a_check_is_no_difference(world: World) -> None:
    janitor = Janitor(world.durable, world.vectors)
    walk = world.checker.walk(None, repair=True)
    for n, _ in enumerate(walk):
        world.publish("oil", f"Oil again, {n}.", "Twice.")
        name = key("garbage", world.inc)
        for member in world.bench.garbage(world.inc):
            world.bench.redis.zadd(name, {member: 1})
        janitor.collect(world.inc)
        if n > 20:
            break

    assert Found(walk).differences == {}
    assert n > 3


# Blobs ---------------------------------------------------------------------------------------


def test_half_a_document_whose_text_is_gone_is_withdrawn_until_it_comes_again(
    world: World,
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    world.blob("oil", "manifest_blob").unlink()
    world.blob("oil", "text_blob").unlink()  # and with it the file: a text is its own source
    mended = world.mend()

    assert mended.differences["passages_missing"] == (1, 0)
    assert "ingest it again" in mended.told[0]["detail"]
    assert not mended.consistent
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("prices", mode) == set()
    assert world.bench.catalogue.documents.record(world.inc, "oil") is None
    row = world.publish("oil")
    assert world.bench.field(row, "outcome") == "created"
    assert world.search("prices", "hybrid") == {"oil"}


def test_no_document_is_withdrawn_while_the_disk_of_the_blobs_is_away(world: World) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    (world.folder / "blobs").rename(world.folder / "away")
    found = world.check(repair=True)
    assert any("is its disk there?" in f["detail"] for f in found.told)
    (world.folder / "away").rename(world.folder / "blobs")
    world.mend()

    assert world.held() == world.wanted()


def test_a_lost_text_is_made_anew_of_its_passages(world: World) -> None:
    record = world.bench.catalogue.documents.record(world.inc, "oil")
    assert record is not None
    world.blob("oil", "manifest_blob").unlink()
    assert world.check().differences == {"text_missing": (1, 0)}
    world.mend()

    after = world.bench.catalogue.documents.record(world.inc, "oil")
    assert after is not None
    text = (world.blobs.get(after["text_blob"]) or b"").decode()
    manifest = world.blobs.get_json(after["manifest_blob"])
    assert isinstance(manifest, dict)
    spans = [text[span["start"] : span["end"]] for span in manifest["chunks"]]
    assert tuple(spans) == TEXTS["oil"]
    assert after["source_blob"] == record["source_blob"]


def test_a_lost_file_is_named_until_it_is_sent_again(world: World) -> None:
    row = world.publish("table", "A table of numbers.")
    source = world.blobs.put(b"the bytes of a spreadsheet")
    record = world.bench.catalogue.documents.record(world.inc, "table")
    assert record is not None
    world.bench.catalogue.repairs.restore(
        world.inc, record | {"sha256": source, "source_blob": source}
    )
    world.blob("table", "source_blob").unlink()
    for repair in (False, True):
        assert world.check(repair=repair).differences == {"file_missing": (1, 0)}
    newest = world.bench.redis.hget(key("newest", world.inc), "table")
    assert str(newest).endswith(":"), "the same file sent again would be called unchanged"
    world.blobs.put(b"the bytes of a spreadsheet")

    assert world.check().differences == {}
    assert world.bench.state(row) == "succeeded"


# The catalogue -------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["one entry", "all entries", "all but the rows"])
def test_a_lost_catalogue_is_restored_and_no_text_is_thrown_away(world: World, lost: str) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.held()
    if lost == "one entry":
        redis.hdel(key("current", inc), "oil")
    elif lost == "all entries":
        redis.delete(key("current", inc))
    else:
        redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    number = 1 if lost == "one entry" else 3
    assert world.check().differences == {"entry_missing": (number, 0)}
    Janitor(world.durable, world.vectors).turn()
    mended = world.mend()

    assert mended.differences["entry_missing"] == (number, number)
    assert world.held() == expected == world.wanted()
    assert world.bench.garbage(inc) == set()
    records, _ = world.bench.catalogue.documents.page(inc, after="", limit=10)
    assert [record["document_id"] for record in records] == sorted(TEXTS)
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("embargo", mode) == {"oil"}
    assert world.bench.field(world.publish("oil", "Oil anew."), "outcome") == "updated"


def test_a_lost_list_of_documents_is_written_anew(world: World) -> None:
    world.bench.redis.delete(key("names", world.inc))
    assert world.check().differences == {"record_missing": (3, 0)}
    mended = world.mend()

    assert mended.differences == {"record_missing": (3, 3)}
    records, _ = world.bench.catalogue.documents.page(world.inc, after="", limit=10)
    assert [record["document_id"] for record in records] == sorted(TEXTS)
    assert world.bench.garbage(world.inc) == set()


def test_of_a_lost_document_the_newest_whole_generation_comes_back(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.ids("oil")
    world.store.upsert(inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    world.mend()

    assert world.ids("oil") == expected
    assert world.bench.garbage(inc) == {"oil:5:1"}


def test_a_lost_document_of_which_half_is_left_is_named(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    world.vectors.delete(inc, world.ids("oil")[:1])
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    found = world.check(repair=True)

    assert found.differences["entry_missing"] == (3, 2)
    assert any("only 2 of its 3 passages are left" in f["detail"] for f in found.told)
    assert world.search("prices", "hybrid") == set()


def test_what_others_keep_in_the_same_vector_store_is_left_alone(world: World) -> None:
    world.store.create("somebody-elses")
    world.store.upsert("somebody-elses", [stray("gas", 1)], world.embedder.embed(["gas"]))
    assert world.check(repair=True).differences == {}

    assert world.store.count("somebody-elses") == 1
    assert set(world.bench.catalogue.collections.incarnations()) == {"papers"}


def test_a_deleted_document_stays_away_when_the_catalogue_is_restored(world: World) -> None:
    _, row = world.bench.delete(world.inc, "oil")
    world.bench.flip(world.bench.take(row))
    world.bench.redis.delete(key("current", world.inc))
    world.mend()

    assert world.search("embargo", "hybrid") == set()
    assert world.search("forests", "hybrid") == {"trees"}


def test_a_new_document_after_the_loss_does_not_make_the_old_ones_orphans(world: World) -> None:
    redis, inc = world.bench.redis, world.inc
    expected = world.held()
    redis.delete(*(key(name, inc) for name in ("current", "documents", "names", "contents")))
    Inspector(world.checker, world.bench.catalogue).turn()
    world.publish("new", "Something new.")
    world.mend()

    assert expected <= world.held()
    assert world.search("embargo", "hybrid") == {"oil"}


def test_after_redis_was_emptied_collections_come_back_with_their_names(world: World) -> None:
    world.check(repair=True)  # as it runs in the background: it writes the labels
    expected = world.held()
    world.bench.redis.flushall()
    other, _ = world.bench.catalogue.collections.create(
        "papers"
    )  # made by the first question after that
    found = world.check()
    assert found.differences == {"collection_unknown": (1, 0)}
    assert world.check(repair=True, adopt=False).differences == {}
    mended = world.check(repair=True)

    assert mended.differences["collection_unknown"] == (1, 1)
    assert mended.differences["entry_missing"] == (3, 3)
    assert world.bench.catalogue.collections.incarnations() == {"papers": world.inc}
    assert not world.bench.catalogue.collections.exists(other)
    assert world.held() == expected
    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.check().differences == {}
    kept = world.bench.catalogue.collections.all()[0].embedder
    assert kept is not None
    assert kept["model"] == "hashing"


def test_a_name_taken_meanwhile_is_left_to_who_has_it(world: World) -> None:
    world.check(repair=True)
    world.bench.redis.flushall()
    other, _ = world.bench.catalogue.collections.create("papers")
    world.bench.ingest(other, "new")
    world.check(repair=True)

    names = world.bench.catalogue.collections.incarnations()
    assert names.pop("papers") == other
    ((name, incarnation),) = names.items()
    assert (name.startswith("papers-restored-"), incarnation) == (True, world.inc)


# Editions ------------------------------------------------------------------------------------


def test_vectors_made_anew_are_checked_and_mended_as_any(world: World) -> None:
    edition = world.reindex()
    assert edition != world.inc
    assert world.check().differences == {}  # nor is the old edition, not dropped yet, unknown
    assert world.check(repair=True).differences == {}
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    mended = world.mend()

    assert mended.differences == {"passages_missing": (1, 1)}
    assert world.store.count(edition) == len(world.wanted()) == world.store.count(world.inc)
    assert world.bench.catalogue.collections.incarnations() == {"papers": world.inc}
    assert world.search("embargo", "hybrid") == {"oil"}


def test_a_change_over_in_the_middle_of_a_repair_leaves_no_vector_in_the_wrong_edition(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    edition = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    world.store.create(edition)
    embed = world.embedder.embed

    def change_over(texts: list[str]) -> Any:
        world.bench.redis.hset(key("collection", world.inc), "edition", edition)
        return embed(texts)

    monkeypatch.setattr(world.embedder, "embed", change_over)
    found = world.check(repair=True)

    assert found.differences == {"passages_missing": (1, 0)}
    assert "made anew meanwhile" in found.told[0]["detail"]
    assert world.bench.catalogue.editions.in_use(world.inc).name == edition
    assert world.store.count(edition) == 0


def test_unfinished_and_retired_editions_are_never_taken_for_lost_collections(
    world: World,
) -> None:
    with world.leases.claim(world.ask_reindex(), "reindex") as lease:
        assert lease is not None
        catalogue = world.bench.catalogue
        begun = world.bench.catalogue.editions.begin(
            lease, world.embedder.identity, catalogue.collections.hnsw
        )
        world.store.create(begun.name)
        world.store.upsert(begun.name, [stray("half", 1)], world.embedder.embed(["gas"]))
        assert world.check(repair=True).differences == {}
        world.store.label(begun.name, {"unfinished": world.inc})
        lease.finish(state="cancelled", fields={})
    Janitor(world.durable, world.vectors).turn()
    assert world.bench.redis.zscore(key("retired"), begun.name)
    assert world.check(repair=True).differences == {}
    world.bench.redis.flushall()
    world.check(repair=True)

    assert world.bench.catalogue.collections.incarnations() == {"papers": world.inc}


def test_after_redis_was_emptied_vectors_made_anew_come_back_under_their_collection(
    world: World,
) -> None:
    edition = world.reindex()
    world.store.drop(world.inc)  # as the janitor does
    Inspector(world.checker, world.bench.catalogue).turn()
    world.bench.redis.flushall()
    assert world.check().differences == {"collection_unknown": (1, 0)}
    world.check(repair=True)

    assert world.bench.catalogue.collections.incarnations() == {"papers": world.inc}
    assert world.bench.catalogue.editions.in_use(world.inc).name == edition
    assert world.check().differences == {}
    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.search("embargo", "hybrid") == {"oil"}


def test_what_is_mended_while_vectors_are_made_anew_is_noted_for_them(world: World) -> None:
    current = world.bench.catalogue.generations.current(world.inc, list(TEXTS))
    with world.leases.claim(world.ask_reindex(), "reindex") as lease:
        assert lease is not None
        world.bench.catalogue.editions.begin(
            lease, world.embedder.identity, world.bench.catalogue.collections.hnsw
        )
        world.bench.redis.hdel(key("current", world.inc), "oil")
        world.vectors.delete(world.inc, world.ids("trees")[:1])
        world.blob("maps", "text_blob").unlink()
        world.vectors.delete(world.inc, world.ids("maps")[:1])
        world.check(repair=True)
        behind = world.bench.catalogue.editions.behind(world.inc, most=10)

    assert behind == {name: entry.generation for name, entry in current.items()}


def test_nobody_changes_over_while_the_catalogue_lacks_its_entries(world: World) -> None:
    world.bench.redis.delete(key("current", world.inc))
    job = world.ask_reindex()
    assert world.reindex(job) == world.inc
    assert world.bench.state(job) == "failed"
    assert "check --repair" in world.bench.field(job, "error")
    world.mend()

    assert world.bench.catalogue.editions.in_use(world.inc).name == world.inc
    assert world.reindex() != world.inc
    assert world.search("embargo", "hybrid") == {"oil"}


# The change log ------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["log", "log_state", "both"])
def test_a_lost_log_begins_anew_and_every_index_follows(world: World, lost: str) -> None:
    names = ("log", "log_state") if lost == "both" else (lost,)
    world.bench.redis.delete(*(key(name, world.inc) for name in names))
    assert until(lambda: world.bench.redis.exists(key("log", world.inc)))
    assert until(lambda: world.sparse("embargo") == {"oil"})
    world.mend()
    world.publish("oil", "Oil anew, and lamps.")

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.sparse("embargo") == set()
    assert world.bench.catalogue.generations.seq(world.inc) > 3
    assert world.check().differences == {}


def test_a_log_lost_while_no_follower_ran_is_told_and_mended(world: World) -> None:
    def lose() -> None:
        world.publish("oil", "Oil anew, and lamps.")  # what only the lost log told of
        world.bench.redis.delete(key("log", world.inc))
        assert world.check().differences == {"log_lost": (1, 0)}
        assert world.check(repair=True).differences == {"log_lost": (1, 1)}

    world.restart_follower(lose)

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.check().differences == {}


def test_a_log_that_was_begun_again_before_anybody_looked_is_known_for_a_new_one(
    world: World,
) -> None:
    def lose() -> None:
        world.publish("oil", "Oil anew, and lamps.")
        world.bench.redis.delete(key("log", world.inc))
        world.publish("maps", "New maps.")

    world.restart_follower(lose)

    assert until(lambda: world.sparse("lamps") == {"oil"})
    assert world.check().differences == {}


# The sparse index ----------------------------------------------------------------------------


def test_what_an_index_lacks_or_has_too_much_is_told_and_mended(world: World) -> None:
    index = world.follower._indexes[world.inc]
    current = world.bench.catalogue.generations.current(world.inc, ["oil"])["oil"]
    index.remove("oil", current.generation)
    index.add([stray("maps", 7)], world.embedder.embed(["gas"]))
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
    found = world.check()
    assert found.differences == {"sparse_missing": (1, 0), "sparse_extra": (1, 0)}
    assert found.documents("sparse_missing") == {"oil"}
    assert found.documents("sparse_extra") == {"maps"}
    mended = world.mend()

    assert mended.differences == {"sparse_missing": (1, 1), "sparse_extra": (1, 1)}
    assert world.sparse("embargo") == {"oil"}


def test_an_index_that_differs_much_is_built_anew(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.local_index.index_audit.REBUILD", 1)
    index = world.follower._indexes[world.inc]
    for document, current in world.bench.catalogue.generations.every_current(world.inc):
        index.remove(document, current.generation)
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)
    mended = world.mend()

    assert mended.differences == {"sparse_missing": (3, 3)}
    assert world.follower._indexes[world.inc] is not index
    assert world.sparse("embargo") == {"oil"}


@pytest.mark.parametrize("damage", ["deleted", "emptied"])
def test_an_index_whose_files_vanish_while_it_is_used_is_built_anew(
    world: World, damage: str
) -> None:
    folder = world.folder / "index" / "0" / world.inc
    index = world.follower._indexes[world.inc]
    files = [file for file in folder.rglob("*") if file.is_file()]
    for file in files:
        file.unlink()
        if damage == "emptied":
            file.touch()

    assert until(lambda: world.follower._indexes.get(world.inc) is not index)
    assert world.sparse("embargo") == {"oil"}
    assert world.check(repair=True).consistent
    world.publish("oil", "Oil anew, and lamps.")
    assert until(lambda: world.sparse("lamps") == {"oil"})


@pytest.mark.parametrize(
    "name", ["*.pos", "rows/vectors-*", "rows/journal", "rows/records-*", "rows/places-*"]
)
def test_a_corrupt_file_is_found_by_the_check(world: World, name: str) -> None:
    folder = world.folder / "index" / "0" / world.inc
    file = next(iter(folder.glob(name)))
    # In place: the follower looks at sizes meanwhile, and would see it empty for a moment.
    with file.open("r+b") as opened:
        data = opened.read()
        opened.seek(len(data) // 3)
        opened.write(bytes([data[len(data) // 3] ^ 255]))
    assert world.check().differences == {"index_unusable": (1, 0)}
    mended = world.mend()

    assert mended.differences == {"index_unusable": (1, 1)}
    assert world.sparse("embargo") == {"oil"}


@pytest.mark.parametrize("damage", ["truncated", "folder gone", "one file gone"])
def test_an_index_damaged_between_two_runs_is_built_anew(world: World, damage: str) -> None:
    folder = world.folder / "index" / "0" / world.inc

    def break_it() -> None:
        for file in [file for file in folder.rglob("*") if file.is_file()]:
            if damage == "truncated":
                file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
            elif damage == "folder gone" or file.suffix == ".term":
                file.unlink()

    world.restart_follower(break_it)

    assert until(lambda: world.sparse("embargo") == {"oil"})
    assert world.check().differences == {}


def test_an_add_that_is_told_twice_is_applied(world: World) -> None:
    def tell_twice() -> None:
        current = world.bench.catalogue.generations.current(world.inc, ["oil"])["oil"]
        for _ in range(2):
            assert world.bench.change_log.add_again(
                world.inc, "oil", current.generation, current.chunks, edition=world.inc
            )

    world.restart_follower(tell_twice)

    assert until(lambda: world.sparse("embargo") == {"oil"})


def test_a_replica_that_does_not_answer_is_named(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 5.0)
    world.bench.change_log.attend("elsewhere/0")
    found = world.check()

    assert found.differences == {"replica_silent": (1, 0)}
    assert "elsewhere/0" in found.told[0]["detail"]


# All of it -----------------------------------------------------------------------------------


def damage(world: World) -> None:
    """Break a little of everything."""
    world.vectors.delete(world.inc, world.ids("oil")[1:])
    world.vectors.delete(world.inc, world.ids("maps"))
    world.bench.redis.hdel(key("current", world.inc), "trees")
    world.vectors.upsert(world.inc, [stray("oil", 5)], world.embedder.embed(["gas"]))
    index = world.follower._indexes[world.inc]
    index.add([stray("maps", 7)], world.embedder.embed(["gas"]))
    index.commit(cursor=index.cursor, log_epoch=index.log_epoch)


def test_a_repair_may_be_killed_at_any_instant_and_run_again(world: World) -> None:
    steps = 1
    while True:
        damage(world)
        walk = iter(world.checker.walk(None, repair=True))
        ended = False
        for _ in range(steps):
            if next(walk, None) is None:
                ended = True
                break
        walk.close()  # type: ignore[attr-defined]  # a generator
        world.mend()
        assert world.wanted() <= world.held()
        if ended:
            break
        steps += 3
    assert steps > 6


def test_two_repairs_at_once_do_no_harm(world: World) -> None:
    damage(world)
    threads = [threading.Thread(target=world.check, kwargs={"repair": True}) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert world.check().differences == {}
    assert world.wanted() <= world.held()


def test_searches_answer_during_a_repair_and_find_nothing_wrong(world: World) -> None:
    expected = {"embargo": "oil", "forests": "trees", "coast": "maps"}
    wrong: list[object] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            for word, document in expected.items():
                try:
                    found = world.search(word, "hybrid")
                except Exception as error:  # noqa: BLE001  # any error is what this test is about
                    wrong.append(error)
                else:
                    if not found <= {document}:
                        wrong.append((word, found))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        damage(world)
        world.bench.redis.delete(key("log", world.inc))
        world.mend()
    finally:
        over.set()
        asking.join()

    assert wrong == []
    for word, document in expected.items():
        assert until(lambda word=word, document=document: world.sparse(word) == {document})


def test_the_inspector_mends_by_itself_a_little_at_a_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "CHECK_TURN_S", 0.0001)
    damage(world)
    inspector = Inspector(world.checker, world.bench.catalogue)
    turns = 0
    while inspector._ended_at == float("-inf"):
        inspector.turn()
        turns += 1

    assert turns > 3
    assert world.check().differences == {}
    assert world.wanted() <= world.held()
    inspector.turn()
    assert inspector._walk is None  # for an hour


def test_a_text_of_passages_has_each_at_its_place() -> None:
    chunks = [Chunk(0, 2, 7, "abcde"), Chunk(1, 5, 9, "defg"), Chunk(2, 12, 14, "hi")]
    text = text_of([StoredChunk(f"d:1:{c.n}", c, 3, "", {}) for c in reversed(chunks)])

    assert [text[c.start : c.end] for c in chunks] == [c.text for c in chunks]
