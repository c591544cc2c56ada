"""
Search among many passages: what it costs, what it finds, and what its parts cost by themselves.

    python -m benchmarks.scale --data DIR [--passages N] [--json FILE]

DIR holds `passages.jsonl.gz`, objects with `_id, title, text, lang`. Everything is measured in one
run: a question goes through the service and through the bare retrievers in turn, so a noisy minute
hits both. With `--folder DIR` the service's data stay in DIR, and the next run measures on them
again instead of ingesting: figures of the ingest are then those of the run that did it.
"""

import argparse
import json
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

from redis import Redis
from rich.progress import Progress

from adapters.chroma.store import ChromaStore
from adapters.embedding_models.models import open_model
from adapters.local_index.follower import Follower
from adapters.local_index.slot import Slot
from benchmarks.data.scale_texts import Corpus
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.parts.bare import Retrievers, Stored, connect, hnswlib_ms, open_index, rank_bm25_ms
from benchmarks.parts.filtered_searches import FilteredSearches
from benchmarks.parts.hnsw_graphs import Sought, graphs
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, Service, call, retrieval_ms
from corpus.storage import Storage, open_storage
from protocol.keys import key
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from stack.up import Stack

COLLECTION = "scale"
ONLY = ("redis-queue", "redis-cache", "chroma", "retrieval", "ingestion", "web")
SETTINGS = Settings(redis_memory_mb=2_048, cache_memory_mb=1_024)
ADDED = 100
#: The graph of vectors that a collection has unless settings say otherwise.
DEFAULT = {
    "ef_construction": SETTINGS.hnsw_ef_construction,
    "ef_search": SETTINGS.hnsw_ef_search,
    "max_neighbors": SETTINGS.hnsw_max_neighbors,
}
RANK_BM25_QUESTIONS = 40
#: 200 questions time a search well enough, but take 1,000 to tell a recall of 0.994 from 0.996.
RECALL_TIMES = 5
QUICK_PASSAGES = 1_000
#: In a folder that is kept: what was measured while it was filled.
FILLED = "filled.json"

LIMITS = {
    "fresh_over_legs": Limit(at_most=1.3),
    "fresh_p95_ms": Limit(at_most=25),
    "cached_p95_ms": Limit(at_most=15),
    "dense_recall_at_10": Limit(at_least=0.995),
    "sparse_speedup_over_rank_bm25": Limit(at_least=200),
    "visible_after_ms": Limit(at_most=1_000),
    "filtered_over_unfiltered_worst": Limit(at_most=3),
    "filtered_recall_at_10_worst": Limit(at_least=0.99),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="keep the service's data here between runs")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    if options.quick:
        options.passages, options.questions = QUICK_PASSAGES, 40
    corpus = Corpus.read(options.data, options.passages)
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="quern-bench-")))
        folder = options.folder or scratch
        progress = stack.enter_context(ProgressBars())
        running = stack.enter_context(Stack.start(data_dir=folder, settings=SETTINGS, only=ONLY))
        bench = Bench(running, corpus, options.questions, progress)
        figures: dict[str, Any] = {
            "passages": len(corpus.rows),
            "real_share": corpus.real / len(corpus.rows),
        }
        figures |= bench.fill()
        figures |= bench.searches()
        figures |= bench.filters()
        figures |= bench.additions()
        figures |= bench.replica(scratch / "another-replica")
        stored = bench.stored
    figures |= graphs(stored, bench.sought, DEFAULT)
    report("scale", figures, limits=LIMITS, json_path=options.json)


class Bench:
    """
    The service with one large collection, and its parts within reach.

    Args:
        running: The stack.

        corpus: What is ingested.

        count: Questions of each measurement.

        progress: Shows how far it is.
    """

    def __init__(self, running: Stack, corpus: Corpus, count: int, progress: Progress) -> None:
        self._running = running
        self._corpus = corpus
        self._count = count
        self._progress = progress
        self._quern = Service(running.url, running)
        self._embedder, _ = open_model(SETTINGS)
        self.sought: list[Sought] = []
        self.stored: Stored

    # Filling ---------------------------------------------------------------------------------

    def fill(self) -> dict[str, float]:
        """Ingest the corpus, unless an earlier run did; what it takes in memory and on disk."""
        kept = self._data / FILLED
        if kept.exists():
            figures: dict[str, float] = json.loads(kept.read_text())
            if figures["passages_ingested"] != len(self._corpus.rows):
                raise SystemExit(f"{kept} tells of another number of passages")
            # The questions of that run, which must be new to this one.
            with Redis.from_url(self._running.cache_url) as cache:
                cache.flushdb()
            # A sparse index of an older form is built anew first.
            while self.search("quernstone")["degraded"]:
                time.sleep(1)
        else:
            figures = self._ingest()
        bar = self._progress.add_task("read vectors back", total=len(self._corpus.rows))
        collection = connect(self._running.chroma_url).get_collection(
            self._vector_index(), embedding_function=None
        )
        self.stored = Stored.read(collection, lambda n: self._progress.advance(bar, n))
        self._retrievers = Retrievers(
            self._embedder,
            collection,
            open_index(self._data / "index", self._collection_id()),
            SETTINGS.search_depth,
        )
        if not kept.exists():
            chunks = len(self.stored.ids)
            disk = sum(_size(self._data / name) for name in ("chroma", "index"))
            figures |= {
                "chunks": chunks,
                "bytes_memory_per_passage": figures.pop("bytes_memory") / chunks,
                "bytes_disk_per_passage": disk / chunks,
            }
            kept.write_text(json.dumps(figures))
        return figures

    def _ingest(self) -> dict[str, float]:
        """Ingest the corpus."""
        before = self._memory()
        began = time.perf_counter()
        job = self._quern.ingest(self._corpus.rows, COLLECTION, self._progress)
        ingest_s = time.perf_counter() - began
        if job["state"] != "succeeded":
            raise SystemExit(f"the ingest ended {job['state']}: {job['progress']}")
        return {
            "passages_ingested": len(self._corpus.rows),
            "ingest_s": ingest_s,
            "bytes_memory": self._memory() - before,
        }

    # Searching -------------------------------------------------------------------------------

    def searches(self) -> dict[str, float]:
        """Ask questions for the first time and again, and each bare retriever in the same turn."""
        fresh: list[float] = []
        cached: list[float] = []
        calls: list[float] = []
        embed: list[float] = []
        dense: list[float] = []
        sparse: list[float] = []
        vectors: list[Any] = []
        asked = self._corpus.questions(self._count)
        bar = self._progress.add_task("search", total=len(asked))
        self._warm_up()
        for n, question in enumerate(asked):
            if n % 2:  # neither side always finds what the other has just touched
                began = time.perf_counter()
                fresh.append(retrieval_ms(self.search(question.text)))
                calls.append((time.perf_counter() - began) * 1000)
                cached.append(retrieval_ms(self.search(question.text)))
            spent, vector = self._retrievers.embed_ms(question.text)
            embed.append(spent)
            dense.append(self._retrievers.dense_ms(vector))
            sparse.append(self._retrievers.sparse_ms(question.text))
            if not n % 2:
                began = time.perf_counter()
                fresh.append(retrieval_ms(self.search(question.text)))
                calls.append((time.perf_counter() - began) * 1000)
                cached.append(retrieval_ms(self.search(question.text)))
            vectors.append(vector)
            self._progress.advance(bar)
        retrievers = [sum(parts) for parts in zip(embed, dense, sparse, strict=True)]
        figures = {
            "fresh_p50_ms": median(fresh),
            "fresh_p95_ms": percentile(fresh, 0.95),
            "cached_p50_ms": median(cached),
            "cached_p95_ms": percentile(cached, 0.95),
            "fresh_call_p50_ms": median(calls),
            "fresh_call_p95_ms": percentile(calls, 0.95),
            "embed_p50_ms": median(embed),
            "dense_p50_ms": median(dense),
            "sparse_p50_ms": median(sparse),
            "legs_p50_ms": median(retrievers),
            "legs_p95_ms": percentile(retrievers, 0.95),
            "fresh_over_legs": percentile(fresh, 0.95) / percentile(retrievers, 0.95),
            "fresh_over_legs_p50": median(fresh) / median(retrievers),
        }
        figures |= self._peers([q.text for q in asked], vectors)
        # Not between the measurements: a pass over all vectors empties the processor's caches.
        return figures | {"dense_recall_at_10": self._recall()}

    def _recall(self) -> float:
        """Compare the dense retriever with exact search."""
        asked = self._corpus.questions(RECALL_TIMES * self._count)
        bar = self._progress.add_task("recall", total=len(asked))
        found = 0.0
        for question in asked:
            vector = self._retrievers.embed_ms(question.text)[1]
            exact = self.stored.nearest(vector, 10)
            self.sought.append(Sought(vector, exact))
            answer = self.search(question.text, mode="dense", top_k=10)
            found += len(exact & {hit["chunk_id"] for hit in answer["results"]}) / len(exact)
            self._progress.advance(bar)
        return found / len(asked)

    def _peers(self, questions: list[str], vectors: list[Any]) -> dict[str, float]:
        """
        Ask each retriever, and the library that could stand in its place, the same by themselves.

        In turns with the rest of a search, a retriever finds the processor's caches cold.
        """
        depth = SETTINGS.search_depth
        bar = self._progress.add_task("rank-bm25, hnswlib", total=2)
        some = questions[:: max(1, len(questions) // RANK_BM25_QUESTIONS)]
        oracle_ms = median(rank_bm25_ms(self.stored.texts, some, depth=depth))
        sparse_ms = median([self._retrievers.sparse_ms(text) for text in some])
        self._progress.advance(bar)
        figures = {
            "rank_bm25_p50_ms": oracle_ms,
            "sparse_alone_p50_ms": sparse_ms,
            "sparse_speedup_over_rank_bm25": oracle_ms / sparse_ms,
        }
        graph = hnswlib_ms(self.stored.vectors, vectors, DEFAULT, depth=depth)
        self._progress.advance(bar)
        if graph is not None:
            dense_ms = median([self._retrievers.dense_ms(vector) for vector in vectors])
            figures |= {
                "hnswlib_p50_ms": median(graph),
                "dense_alone_p50_ms": dense_ms,
                "dense_over_hnswlib": dense_ms / median(graph),
            }
        return figures

    def filters(self) -> dict[str, float]:
        """Search under filters of known selectivity, beside the same search without one."""
        searches = FilteredSearches(
            self._corpus, self.stored, self.search, lambda text: self._retrievers.embed_ms(text)[1]
        )
        return searches.figures(self._count // 2, self._progress)

    # Changing --------------------------------------------------------------------------------

    def additions(self) -> dict[str, float]:
        """Add documents while searching; how soon after their last upsert they are found."""
        collection = self._retrievers.collection
        wanted = collection.count() + ADDED
        run = len(self.stored.ids)  # another in each run on a folder that is kept
        rows = [
            {"id": f"new{run}-{n}", "text": f"quernstone number{run}x{n} is what this is about"}
            for n in range(ADDED)
        ]
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            spent = pool.submit(self._search_until, over)
            upserted = pool.submit(_grown, collection, wanted, over)
            try:
                job = call(
                    self._quern.http, "POST", "/api/ingests",
                    json={"collection": COLLECTION, "documents": rows},
                )  # fmt: skip
                where = f"/api/jobs/{job['id']}"
                while call(self._quern.http, "GET", where)["state"] not in FINAL:
                    time.sleep(0.01)
                ended = time.perf_counter()
            finally:
                over.set()
        last = self.search(f"quernstone number{run}x{ADDED - 1}")["results"][0]["document_id"]
        if last != rows[-1]["id"]:
            raise SystemExit(f"an added document is not found: {last} came first")
        return {
            "visible_after_ms": (ended - upserted.result()) * 1000,
            "during_adds_p95_ms": percentile(spent.result(), 0.95),
        }

    def _search_until(self, over: threading.Event) -> list[float]:
        """Search for fresh questions until something is over; returns what each took."""
        http = self._quern.client()
        spent = []
        for question in self._corpus.questions(1_000, skip=9):
            if over.is_set():
                break
            body = {"query": question.text, "collection": COLLECTION, "top_k": 10}
            spent.append(retrieval_ms(call(http, "POST", "/api/search", json=body)))
        return spent

    def replica(self, folder: Path) -> dict[str, float]:
        """Start one more follower from nothing; seconds until it answers."""
        storage = self._storage()
        vectors = ChromaStore(self._running.chroma_url)
        began = time.perf_counter()
        with Follower(
            Slot(folder),
            redis=ledger_client(self._running.redis_url, connections=2),
            catalogue=storage.catalogue,
            change_log=storage.change_log,
            vectors=vectors,
        ) as follower:
            while follower.reader.search(self._collection_id(), "quernstone", limit=1) is None:
                time.sleep(0.05)
        return {"replica_catch_up_s": time.perf_counter() - began}

    # Parts -----------------------------------------------------------------------------------

    def search(self, query: str, **more: Any) -> dict[str, Any]:
        """Search through the service."""
        body = {"query": query, "collection": COLLECTION, "top_k": 10} | {
            name: value for name, value in more.items() if value is not None
        }
        return call(self._quern.http, "POST", "/api/search", json=body)

    def _warm_up(self) -> None:
        """Let every process have served once."""
        for question in self._corpus.questions(20, skip=20):
            self.search(question.text)
            _, vector = self._retrievers.embed_ms(question.text)
            self._retrievers.dense_ms(vector)
            self._retrievers.sparse_ms(question.text)

    @property
    def _data(self) -> Path:
        """The stack's data folder."""
        return Path(self._running.record.data_dir)

    def _collection_id(self) -> str:
        """Return what the collection's name points at."""
        with ledger_client(self._running.redis_url, connections=1) as client:
            return str(client.hget(key("collections"), COLLECTION))

    def _vector_index(self) -> str:
        """Return the collection of vectors that is searched: another one after a reindex."""
        return self._storage().catalogue.vector_indexes.in_use(self._collection_id()).name

    def _storage(self) -> Storage:
        """Open what the service remembers."""
        settings = Settings(data_dir=self._data, redis_url=self._running.redis_url)
        return open_storage(settings, lambda _message: None)

    def _memory(self) -> int:
        """Return what the processes that hold indexes take of main memory, bytes."""
        return sum(self._running.process(n).memory_info().rss for n in ("chroma", "retrieval"))


def _grown(collection: Any, wanted: int, over: threading.Event) -> float:
    """Return the moment at which a collection has *wanted* rows."""
    while collection.count() < wanted and not over.is_set():
        time.sleep(0.01)
    return time.perf_counter()


def _size(folder: Path) -> int:
    """Return the bytes that a folder takes."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


if __name__ == "__main__":
    run(main)
