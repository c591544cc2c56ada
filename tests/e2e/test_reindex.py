"""A reindex on a whole stack: other settings, then another model, and searches all the time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from sentence_transformers import SentenceTransformer

from adapters.embedding_models.model_weights import resolve
from cli.main import main
from runtime.settings import Settings
from stack.up import Stack
from tests.support.whole_stack import Api, quick_stack

GATES = {f"gate-{n}": f"The warden of gate {n} keeps {n * 3 + 7} keys." for n in range(20)}
NEW = {"space": "ip", "ef_construction": 100, "ef_search": 150, "max_neighbors": 24}


class Searches:
    """Asks for one document after the other, and notes what was not found and what was said."""

    def __init__(self, url: str) -> None:
        self.asked = 0
        self.degraded: set[str] = set()
        self.wrong: list[Any] = []
        self._url = url
        self._closing = threading.Event()

    @contextmanager
    def all_the_time(self) -> Iterator[None]:
        thread = threading.Thread(target=self._search, daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._closing.set()
            thread.join(timeout=60)

    def _search(self) -> None:
        with Api(self._url) as api:
            while not self._closing.is_set():
                n = self.asked % len(GATES)
                body = {
                    "query": f"warden of gate {n} keeps {n * 3 + 7} keys",
                    "collection": "gates",
                }
                found = api.post("/api/search", body)
                ids = [hit["document_id"] for hit in found["results"]]
                if ids.count(f"gate-{n}") != 1 or len(ids) != len(set(ids)):
                    self.wrong.append((n, ids, found["degraded"]))
                self.degraded.update(found["degraded"])
                self.asked += 1


def reindex(stack: Stack) -> str:
    result = CliRunner().invoke(main, ["--url", stack.url, "reindex", "gates"])
    assert result.exit_code == 0, result.output
    return result.stdout


def fewer_layers(folder: Path) -> Path:
    """Another embedding model: the usual one with one of its layers."""
    model = SentenceTransformer(
        str(resolve("all-MiniLM-L6-v2").path), device="cpu", local_files_only=True
    )
    inner: Any = model[0]
    inner.auto_model.encoder.layer = inner.auto_model.encoder.layer[:1]
    inner.auto_model.config.num_hidden_layers = 1
    model.save(str(folder))
    return folder


def test_a_collection_is_reindexed_under_other_settings_and_another_model_while_searched(
    tmp_path: Path,
) -> None:
    data, other = tmp_path / "data", fewer_layers(tmp_path / "other")
    with quick_stack(data_dir=data) as stack, Api(stack.url) as api:
        assert api.ingest(GATES, "gates")["state"] == "succeeded"
        before = api.get("/api/collections/gates")

    settings = Settings(
        hnsw_space="ip", hnsw_ef_construction=100, hnsw_ef_search=150, hnsw_max_neighbors=24
    )
    with quick_stack(data_dir=data, settings=settings) as stack, Api(stack.url) as api:
        same = Searches(stack.url)
        assert api.search("warden", "gates")  # its replica is there
        with same.all_the_time():
            kept = api.get("/api/collections/gates")["hnsw"]
            told = reindex(stack)
        after = api.get("/api/collections/gates")

    settings = Settings(embedding_model=str(other))
    with quick_stack(data_dir=data, settings=settings) as stack, Api(stack.url) as api:
        changed = Searches(stack.url)
        with changed.all_the_time():
            first = api.post("/api/search", {"query": "warden", "collection": "gates"})
            reindex(stack)
            late = api.ingest({"late": "A late warden."}, "gates")
        last = api.post("/api/search", {"query": "late warden", "collection": "gates"})
        model = api.get("/api/collections/gates")["embedder"]["model"]
        (job,) = api.get("/api/jobs", kind="reindex", limit=1)["jobs"]

    assert kept == before["hnsw"] != NEW
    assert "20 documents reindexed" in told
    assert after["hnsw"] == NEW
    assert after["embedder"] == before["embedder"] != model
    assert (same.wrong, same.degraded) == ([], set())
    assert same.asked > 0
    assert first["degraded"] == ["dense"]
    assert first["results"]
    assert changed.wrong == []
    assert changed.degraded <= {"dense", "sparse"}
    assert late["state"] == "succeeded"
    assert "dense" not in last["degraded"]
    assert "late" in [hit["document_id"] for hit in last["results"]]
    assert job["progress"]["done"] == job["progress"]["total"]
