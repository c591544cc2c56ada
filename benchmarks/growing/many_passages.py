"""Ten times as many passages: what a search, a check and another replica take."""

import statistics
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from chromadb.errors import NotFoundError
from rich.progress import Progress

from adapters.chroma.store import ChromaStore
from adapters.local_index.follower import Follower
from adapters.local_index.slot import Slot
from benchmarks.data.made_passages import MadeTexts, made_model
from benchmarks.figures.reporting import percentile
from benchmarks.parts.bare import connect
from benchmarks.running.private_stack import PrivateStack, private_stack
from benchmarks.running.processes import go_on
from benchmarks.running.service import FINAL, call, retrieval_ms
from protocol.keys import key
from runtime.redis_clients import ledger_client
from runtime.settings import Settings

#: Of a document: it has some eighty chunks, fewer than what counts as long.
PARAGRAPHS: Final = 240
AT_ONCE: Final = 5
#: Documents that wait at most: their texts lie in the queue's Redis until they are taken.
WAITING: Final = 20
QUESTIONS: Final = 200
PAUSE_S: Final = 0.1
#: Questions that let every process serve once, and how many are asked beside a check at most.
WARM_UP, MOST_BESIDE = 20, 40_000


def many_passages(passages: int, *, progress: Progress, folder: Path) -> dict[str, Any]:
    """
    Fill a collection with *passages* and another with a tenth, and ask both in turns.

    Vectors are made: the model is the default one without its layers. What an earlier run left in
    *folder* is filled on.
    """
    model = folder / "made"
    if not model.exists():
        made_model(model, Settings().embedding_model)
    settings = Settings(
        embedding_model=str(model), embedding_engine="onnx-float32", redis_memory_mb=4_096,
        max_batch_jobs=10**6,
    )  # fmt: skip
    texts = MadeTexts(model / "vocab.txt", paragraphs=PARAGRAPHS)
    with private_stack(settings, folder=folder / "data") as running:
        tenth, whole = Library(running, "tenth", texts), Library(running, "whole", texts)
        tenth.grow(passages // 10, progress)
        figures = {"passages_added_a_second": whole.grow(passages, progress)}
        alone = _in_turns(texts, tenth, whole)
        with whole.check() as over:
            beside = [
                whole.search_ms(question)
                for question in texts.questions(MOST_BESIDE, skip=1)
                if not over.is_set()
            ]
        few, many = (percentile(alone[library], 0.95) for library in (tenth, whole))
        figures |= {
            "passages": whole.passages(),
            "passages_fresh_p50_ms": statistics.median(alone[whole]),
            "passages_fresh_p95_ms": many,
            "passages_tenth": tenth.passages(),
            "passages_tenth_fresh_p50_ms": statistics.median(alone[tenth]),
            "passages_tenth_fresh_p95_ms": few,
            "passages_fresh_p95_over_tenth": many / few,
            "passages_check_s": over.took_s,
            "passages_beside_check_p95_ms": percentile(beside, 0.95),
            "passages_beside_check_over_alone": percentile(beside, 0.95) / many,
        }
        for name in ("chroma", "retrieval", "ingestion"):
            memory = running.stack.process(name).memory_info().rss
            figures[f"passages_{name}_mb"] = memory / 2**20
        with whole.replica(folder / "another-replica") as took_s:
            return figures | {"passages_replica_catch_up_s": took_s}


def _in_turns(texts: MadeTexts, *libraries: "Library") -> dict["Library", list[float]]:
    """Ask each library what was never asked before; what each search took, milliseconds."""
    took: dict[Library, list[float]] = {library: [] for library in libraries}
    for n, question in enumerate(texts.questions(WARM_UP + QUESTIONS)):
        for library in libraries if n % 2 else reversed(libraries):
            # The second of two would find the question's vector in the cache.
            spent = library.search_ms(f"{question} {library.name}")
            if n >= WARM_UP:
                took[library].append(spent)
    return took


class Library:
    """
    A collection that grows.

    Args:
        running: The stack.

        name: Of the collection.

        texts: What is ingested.
    """

    def __init__(self, running: PrivateStack, name: str, texts: MadeTexts) -> None:
        self._running = running
        self._http = running.service.http
        self._texts = texts
        self.name = name
        self._collection_id = running.storage.catalogue.collections.create(name)[0]

    def grow(self, passages: int, progress: Progress) -> float:
        """Ingest documents until there are so many passages; returns how many came a second."""
        began, before = time.perf_counter(), self.passages()
        bar = progress.add_task(f"{self.name} of the passages", total=passages)
        opened = {"collection": self.name, "open": True, "documents": []}
        job = call(self._http, "POST", "/api/ingests", json=opened)["id"]
        known = int(self._running.redis.hlen(key("documents", self._collection_id)))
        numbers, sent = count(known), 0
        while (there := self.passages()) < passages:
            progress.update(bar, completed=there)
            shown = call(self._http, "GET", f"/api/jobs/{job}")["progress"]
            if sent - shown["done"] >= WAITING:
                time.sleep(0.2)
                continue
            given = [
                {"id": f"book-{n}", "text": self._texts.document(n)}
                for n, _ in zip(numbers, range(AT_ONCE), strict=False)
            ]
            call(self._http, "POST", f"/api/jobs/{job}/documents", json={"documents": given})
            sent += len(given)
        call(self._http, "POST", f"/api/jobs/{job}/close")
        self._ended(job)
        progress.update(bar, completed=passages)
        return (self.passages() - before) / (time.perf_counter() - began)

    def passages(self) -> int:
        """Return how many passages there are."""
        index = self._running.storage.catalogue.vector_indexes.in_use(self._collection_id)
        client = connect(self._running.stack.chroma_url)
        try:
            return int(client.get_collection(index.name, embedding_function=None).count())
        except NotFoundError:  # it is made with the first document
            return 0

    def search_ms(self, question: str) -> float:
        """Search once, then pause; returns what the search took in the worker, milliseconds."""
        body = {"query": question, "collection": self.name, "top_k": 10}
        found = call(self._http, "POST", "/api/search", json=body)
        time.sleep(PAUSE_S)
        return retrieval_ms(found)

    @contextmanager
    def check(self) -> Iterator["_Over"]:
        """Have the collection checked meanwhile."""
        over, began = _Over(), time.perf_counter()
        asked = {"collection": self.name}
        job = call(self._http, "POST", "/api/admin/check", json=asked)["id"]

        def wait() -> None:
            self._ended(job)
            over.took_s = time.perf_counter() - began
            over.set()

        thread = threading.Thread(target=wait, daemon=True)
        thread.start()
        yield over
        thread.join()

    @contextmanager
    def replica(self, folder: Path) -> Iterator[float]:
        """Start one more follower from nothing; gives the seconds until it answers."""
        storage = self._running.storage
        began = time.perf_counter()
        with Follower(
            Slot(folder),
            redis=ledger_client(self._running.stack.redis_url, connections=2),
            catalogue=storage.catalogue,
            change_log=storage.change_log,
            vectors=ChromaStore(self._running.stack.chroma_url),
        ) as follower:
            while follower.reader.search(self._collection_id, "river", limit=1) is None:
                go_on()
                time.sleep(0.05)
            yield time.perf_counter() - began

    def _ended(self, job: str) -> None:
        """Wait for the end of a job."""
        with self._running.service.client() as http:
            while True:
                shown = call(http, "GET", f"/api/jobs/{job}", params={"wait": 5})
                if shown["state"] in FINAL:
                    break
        if shown["state"] != "succeeded":
            raise SystemExit(f"a job ended {shown['state']}: {shown}")


class _Over(threading.Event):
    """Says that a job has ended, and what it took."""

    took_s = 0.0
