"""What every vector store keeps: Chroma and its in-memory twin pass the same tests."""

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import numpy as np
import pytest
from chromadb import HttpClient
from ulid import ULID

from adapters.chroma import store as chroma_store
from adapters.chroma.store import ChromaStore
from rag.documents import Chunk, Value, chunk_id
from rag.errors import Broken, StoreUnavailable
from rag.in_memory_ports.vector_store import DictVectors
from rag.metadata.filters import parse
from rag.ports import HnswSettings, StoredChunk, Vectors, VectorStore
from stack.up import Stack


class CountingStore(VectorStore, Protocol):
    """A vector store that also tells how many chunks it has."""

    def count(self, collection_id: str) -> int: ...


def stored(
    document: str,
    n: int = 0,
    *,
    generation: int = 7,
    of: int = 1,
    page: int | None = None,
    metadata: dict[str, Value] | None = None,
    text: str = "",
    before: str = "",
    language: str = "",
) -> StoredChunk:
    text = text or f"chunk {n} of {document}"
    return StoredChunk(
        chunk_id=chunk_id(document, generation, n),
        chunk=Chunk(n=n, start=10 * n, end=10 * n + 9, text=text, page=page, before=before),
        of=of,
        title=f"Title of {document}",
        metadata=metadata or {},
        language=language,
    )


def pointing(*angles: float) -> Vectors:
    return np.array([[np.cos(a), np.sin(a), 0.0] for a in angles], dtype=np.float32)


@pytest.fixture(scope="module")
def chroma_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with Stack.start(data_dir=tmp_path_factory.mktemp("chroma"), only=("chroma",)) as stack:
        yield stack.chroma_url


@pytest.fixture
def another(chroma_url: str) -> Iterator[Callable[[], ChromaStore]]:
    """Open one more store on Chroma, as another process would."""
    with ExitStack() as opened:
        yield lambda: opened.enter_context(closing(ChromaStore(chroma_url)))


@pytest.fixture(params=["chroma", "twin"])
def store(request: pytest.FixtureRequest) -> Iterator[CountingStore]:
    if request.param == "twin":
        yield DictVectors()
        return
    opened = ChromaStore(request.getfixturevalue("chroma_url"))
    yield opened
    opened.close()


@pytest.fixture
def inc(store: CountingStore) -> str:
    collection_id = str(ULID())
    store.create(collection_id)
    return collection_id


def test_a_chunk_comes_back_as_it_was_stored(store: CountingStore, inc: str) -> None:
    chunk = stored(
        "folder:a b.md", 3, of=4, page=2, language="es", text='Ümlaut, "quotes"\n',
        metadata={"year": 1973, "score": 0.5, "ok": True, "document": "theirs, not ours"},
    )  # fmt: skip
    chunk = replace(chunk, sentences=bytes(range(256)))
    store.upsert(inc, [chunk], pointing(0.1))

    assert store.get(inc, [chunk.chunk_id, "nothing:1:0"]) == {chunk.chunk_id: chunk}
    assert store.get(inc, []) == {}


@pytest.mark.parametrize("before", [" ", "\n\n", "\r\n\t\x0b\x0c\x1c\x1f\x85\u2028\u3000"])
def test_the_space_before_a_chunk_comes_back(store: CountingStore, inc: str, before: str) -> None:
    chunk = stored("d", 1, of=2, before=before)
    store.upsert(inc, [chunk], pointing(0.1))

    assert store.get(inc, [chunk.chunk_id]) == {chunk.chunk_id: chunk}


def test_the_nearest_chunks_come_first_with_their_cosine(store: CountingStore, inc: str) -> None:
    chunks = [stored("d", n, of=3) for n in range(3)]
    store.upsert(inc, chunks, pointing(0.0, 0.4, 1.2))
    found = store.search(inc, pointing(0.1)[0], limit=2)

    assert [name for name, _ in found] == ["d:7:0", "d:7:1"]
    assert [score for _, score in found] == pytest.approx([np.cos(0.1), np.cos(0.3)], abs=1e-4)


def test_chunks_come_with_their_vectors_in_the_order_asked_for(
    store: CountingStore, inc: str
) -> None:
    chunks, given = [stored("d", n, of=3) for n in range(3)], pointing(0.0, 0.4, 1.2)
    store.upsert(inc, chunks, given)
    there, vectors = store.get_with_vectors(inc, ["d:7:2", "nothing:1:0", "d:7:0"])
    gone = store.get_with_vectors(inc, ["nothing:1:0"])

    assert there == [chunks[2], chunks[0]]
    assert vectors == pytest.approx(given[[2, 0]], abs=1e-6)
    assert (vectors.dtype, gone[0], len(gone[1])) == (np.float32, [], 0)
    assert store.get_with_vectors(inc, [])[0] == []
    assert store.get_with_vectors(str(ULID()), ["d:7:0"])[0] == []


def test_lists_of_metadata_come_back_and_are_kept_in_by_a_filter(store: CountingStore) -> None:
    inc = str(ULID())
    store.create(inc)
    lists: list[dict[str, Value]] = [
        {"tags": ["pump", "outdoor"], "year": 1968}, {"tags": [1.5, "x", True, 2]}, {"tags": []},
        {"tags": "pump"},
    ]  # fmt: skip
    chunks = [stored(f"d{n}", metadata=known) for n, known in enumerate(lists)]
    store.upsert(inc, chunks, pointing(0.0, 0.1, 0.2, 0.3))
    asked: dict[str, dict[str, object]] = {
        "d0": {"tags": "outdoor"}, "d1": {"tags": {"gte": 2}}, "d3": {"tags": "pump"},
        "d2": {"tags": {"ne": "pump"}},
    }  # fmt: skip

    assert [
        chunk.metadata for chunk in store.get_with_vectors(inc, [c.chunk_id for c in chunks])[0]
    ] == lists
    for document, each in asked.items():
        wanted = parse(each)
        assert wanted is not None
        found = store.search_where(inc, pointing(0.0)[0], limit=9, filters=wanted)
        assert chunk_id(document, 7, 0) in [name for name, _ in found]


def test_the_store_may_be_asked_for_what_matches_alone(store: CountingStore, inc: str) -> None:
    chunks = [stored(f"d{n}", metadata={"even": n % 2 == 0}) for n in range(4)]
    store.upsert(inc, chunks, pointing(0.0, 0.1, 0.2, 0.3))
    wanted = parse({"even": True, "document_id": {"ne": "d0"}})
    assert wanted is not None
    found = store.search_where(inc, pointing(0.0)[0], limit=9, filters=wanted)

    assert [name for name, _ in found] == ["d2:7:0"]
    assert found[0][1] == pytest.approx(np.cos(0.2), abs=1e-4)


def test_more_may_be_asked_for_than_there_is(store: CountingStore, inc: str) -> None:
    store.upsert(inc, [stored("d")], pointing(0.0))

    assert len(store.search(inc, pointing(0.0)[0], limit=100)) == 1


def test_an_empty_collection_finds_nothing(store: CountingStore, inc: str) -> None:
    assert store.search(inc, pointing(0.0)[0], limit=5) == []
    assert list(chain.from_iterable(store.ids(inc))) == []
    assert store.count(inc) == 0


def test_an_upsert_replaces_equal_ids(store: CountingStore, inc: str) -> None:
    store.upsert(inc, [stored("d", text="old")], pointing(0.0))
    store.upsert(inc, [stored("d", text="new")], pointing(1.0))

    assert store.get(inc, ["d:7:0"])["d:7:0"].chunk.text == "new"
    assert store.count(inc) == 1
    assert store.search(inc, pointing(1.0)[0], limit=1)[0][1] == pytest.approx(1.0, abs=1e-4)


def test_a_chunk_is_read_as_builds_before_this_one_wrote_it(chroma_url: str) -> None:
    # Until the vectors of sentences came, each of these was an entry of its own.
    name, store = f"c{ULID()}", ChromaStore(chroma_url)
    store.create(name)
    old = {
        "document": "d", "generation": 7, "n": 0, "of": 2, "title": "Title of d", "start": 0,
        "end": 9, "page": 3, "before": "\n", "language": "en", "meta.year": 1973,
    }  # fmt: skip
    parts = urlsplit(chroma_url)
    HttpClient(host=parts.hostname or "", port=parts.port or 0).get_collection(name).add(
        ids=["d:7:0"], embeddings=pointing(0.1), documents=["text"], metadatas=[old]
    )
    new = stored("d", 1, of=2)
    store.upsert(name, [new], pointing(0.2))
    wanted = parse({"not": {"title": {"eq": "another"}}})
    assert wanted is not None

    found = store.get(name, ["d:7:0"])["d:7:0"]

    assert found.chunk == Chunk(n=0, start=0, end=9, text="text", page=3, before="\n")
    assert (found.of, found.language, found.metadata) == (2, "en", {"year": 1973})
    assert found.sentences == b""
    assert list(chain.from_iterable(store.ids(name))) == ["d:7:0", "d:7:1"]
    assert len(store.search_where(name, pointing(0.1)[0], limit=9, filters=wanted)) == 2
    store.drop(name)
    store.close()


def test_an_upsert_of_unequal_lengths_is_refused(store: CountingStore, inc: str) -> None:
    with pytest.raises(ValueError, match="1 chunks and 2 vectors"):
        store.upsert(inc, [stored("d")], pointing(0.0, 1.0))


def test_every_chunk_is_listed(
    store: CountingStore, inc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma_store, "IDS_PAGE", 2)
    chunks = [stored("a:b", n, of=3) for n in range(3)] + [stored("a:b", generation=8)]
    store.upsert(inc, chunks, pointing(0.0, 0.1, 0.2, 0.3))

    listed = list(chain.from_iterable(store.ids(inc)))
    assert sorted(listed) == [*(f"a:b:7:{n}" for n in range(3)), "a:b:8:0"]


def test_which_of_some_ids_exist_is_told(
    store: CountingStore, inc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma_store, "PAGE", 2)
    store.upsert(inc, [stored("d", n, of=3) for n in range(3)], pointing(0.0, 0.1, 0.2))

    assert store.present(inc, ["d:7:0", "d:7:2", "d:7:3", "x:1:0"]) == {"d:7:0", "d:7:2"}
    assert store.present(str(ULID()), ["d:7:0"]) == set()


def test_a_collection_keeps_its_label_and_its_chunks(store: CountingStore, inc: str) -> None:
    store.upsert(inc, [stored("d")], pointing(0.0))
    about = {"name": "papers", "embedder": '{"model": "m"}'}

    assert store.label(inc, about)
    assert store.label(inc, about)
    assert not store.label(str(ULID()), about)
    assert store.labels()[inc] == about
    assert store.count(inc) == 1
    assert store.search(inc, pointing(0.0)[0], limit=1)[0][0] == "d:7:0"


def test_deleted_chunks_are_gone_and_others_stay(
    store: CountingStore, inc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chroma_store, "PAGE", 2)
    store.upsert(inc, [stored("d", n, of=4) for n in range(4)], pointing(0.0, 0.1, 0.2, 0.3))
    store.delete(inc, ["d:7:0", "d:7:1", "d:7:2", "nothing:1:0"])

    assert set(store.get(inc, [f"d:7:{n}" for n in range(4)])) == {"d:7:3"}


def test_collections_do_not_see_each_other(store: CountingStore, inc: str) -> None:
    other = str(ULID())
    store.create(other)
    store.upsert(inc, [stored("d")], pointing(0.0))

    assert store.get(other, ["d:7:0"]) == {}
    assert store.search(other, pointing(0.0)[0], limit=5) == []


def test_a_collection_may_be_made_twice(store: CountingStore, inc: str) -> None:
    store.upsert(inc, [stored("d")], pointing(0.0))
    store.create(inc)

    assert store.count(inc) == 1


def test_of_a_dropped_collection_nothing_is_left_and_nothing_complains(
    store: CountingStore, inc: str
) -> None:
    store.upsert(inc, [stored("d")], pointing(0.0))
    store.drop(inc)
    store.drop(inc)
    store.delete(inc, ["d:7:0"])

    assert store.search(inc, pointing(0.0)[0], limit=5) == []
    assert store.get(inc, ["d:7:0"]) == {}
    assert list(chain.from_iterable(store.ids(inc))) == []
    assert store.count(inc) == 0


def test_an_upsert_into_a_dropped_collection_may_be_tried_again(
    store: CountingStore, inc: str
) -> None:
    store.drop(inc)

    with pytest.raises(StoreUnavailable):
        store.upsert(inc, [stored("d")], pointing(0.0))


# Of Chroma alone -----------------------------------------------------------------------------


def test_a_collection_that_another_process_dropped_is_made_anew_at_the_next_attempt(
    another: Callable[[], ChromaStore],
) -> None:
    mine, other, inc = another(), another(), str(ULID())
    mine.create(inc)
    mine.upsert(inc, [stored("d")], pointing(0.0))
    other.drop(inc)
    with pytest.raises(StoreUnavailable):
        mine.upsert(inc, [stored("d")], pointing(0.0))
    mine.create(inc)
    mine.upsert(inc, [stored("d")], pointing(0.0))

    assert other.count(inc) == 1


def test_a_collection_keeps_the_settings_it_was_made_with(
    chroma_url: str, another: Callable[[], ChromaStore]
) -> None:
    inc, asked = str(ULID()), HnswSettings("ip", 77, 66, 11)
    another().create(inc, asked)
    another().create(inc)
    another().create(inc, asked)
    kept = HttpClient(port=urlsplit(chroma_url).port or 0).get_collection(inc).configuration_json

    assert {name: kept["hnsw"][name] for name in asdict(asked)} == asdict(asked)


def test_a_collection_that_has_other_settings_than_were_asked_for_is_refused(
    another: Callable[[], ChromaStore],
) -> None:
    inc = str(ULID())
    another().create(inc, HnswSettings(max_neighbors=16))

    with pytest.raises(Broken, match="max_neighbors"):
        another().create(inc, HnswSettings())


@pytest.mark.parametrize("space", ["cosine", "ip", "l2"])
def test_scores_are_cosines_whatever_the_index_compares_by(chroma_url: str, space: str) -> None:
    store, inc = ChromaStore(chroma_url), str(ULID())
    store.create(inc, HnswSettings(space=space))
    store.upsert(inc, [stored("d", n, of=4) for n in range(4)], pointing(0.0, 0.5, 1.5, 3.0))
    store.close()
    found = store.search(inc, pointing(0.0)[0], limit=4)  # by a handle that is fetched anew
    store.close()

    assert [name for name, _ in found] == [f"d:7:{n}" for n in range(4)]
    assert [score for _, score in found] == pytest.approx(np.cos([0.0, 0.5, 1.5, 3.0]), abs=1e-4)


def test_a_search_goes_on_where_the_server_was_killed_and_is_back(tmp_path: Path) -> None:
    with (
        Stack.start(data_dir=tmp_path, only=("chroma",)) as stack,
        closing(ChromaStore(stack.chroma_url)) as store,
    ):
        store.create("some")
        store.upsert("some", [stored("d")], pointing(0.0))
        before = store.search("some", pointing(0.0)[0], limit=1)
        stack.wait_until_ready("chroma", other_than=stack.kill("chroma"))
        after = store.search("some", pointing(0.0)[0], limit=1)
        stack.kill("chroma", signal.SIGSTOP)
        with ThreadPoolExecutor(1) as pool:
            hanging = pool.submit(store.search, "some", pointing(0.0)[0], limit=1)
            assert not wait([hanging], timeout=0.3).done
            stack.kill("chroma", signal.SIGCONT)
            late = hanging.result()

    assert before == after == late == [("d:7:0", pytest.approx(1.0, abs=1e-4))]


def test_a_server_that_is_away_is_said_so() -> None:
    with pytest.raises(StoreUnavailable):
        ChromaStore("http://127.0.0.1:9").count("x")
