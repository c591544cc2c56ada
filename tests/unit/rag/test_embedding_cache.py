import threading
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from rag.embedding_cache import L2_BATCH, CachedEmbedder, Kept, decode, encode, vector_key
from rag.errors import Broken, InvalidRequest
from rag.in_memory_ports.bytes_store import DictStore
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import PassageText, Vectors


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_text_is_embedded_once_however_often_it_is_asked_for() -> None:
    embedder, store = HashingEmbedder(), DictStore()
    cache = CachedEmbedder(embedder, store, ttl_s=60)

    first = cache.embed(["tax", "law", "tax"])
    second = cache.embed(["law"])

    assert embedder.seen == ["tax", "law"]
    assert np.array_equal(first[0], first[2])
    assert np.array_equal(second[0], first[1])
    assert set(store.ttls.values()) == {60}
    assert (cache.counts.misses, cache.counts.hits_l1, cache.counts.hits_l2) == (2, 1, 0)


def test_another_process_finds_what_the_first_one_stored() -> None:
    store = DictStore()
    fresh = CachedEmbedder(HashingEmbedder(), store, ttl_s=60).embed(["tax", "law"])
    other = HashingEmbedder()
    cache = CachedEmbedder(other, store, ttl_s=60)

    found = cache.embed(["law", "tax"])

    assert other.seen == []
    assert np.array_equal(found, fresh[::-1])
    assert cache.counts.hits_l2 == 2


def test_vectors_are_unit_float32_near_those_of_the_model() -> None:
    model = HashingEmbedder()
    texts = ["one two three", "four", ""]

    vectors = CachedEmbedder(model, DictStore(), ttl_s=60).embed(texts)

    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-6)
    assert np.sum(vectors * model.embed(texts), axis=1) == pytest.approx(1, abs=1e-6)


def test_no_texts_give_no_vectors_and_ask_nobody() -> None:
    embedder, store = HashingEmbedder(dimension=8), DictStore()

    vectors = CachedEmbedder(embedder, store, ttl_s=60).embed([])

    assert vectors.shape == (0, 8)
    assert (embedder.seen, store.reads) == ([], 0)


@pytest.mark.parametrize("damage", ["flipped", "short", "empty", "of another text"])
def test_a_corrupt_value_is_a_miss_and_never_a_wrong_vector(damage: str) -> None:
    store = DictStore()
    right = CachedEmbedder(HashingEmbedder(), store, ttl_s=60).embed(["tax", "law"])
    keys = [vector_key(HashingEmbedder().identity, text) for text in ("tax", "law")]
    value = store.values[keys[0]]
    store.values[keys[0]] = {
        "flipped": bytes([value[0] ^ 1]) + value[1:],
        "short": value[:-1],
        "empty": b"",
        "of another text": store.values[keys[1]],
    }[damage]
    embedder = HashingEmbedder()
    cache = CachedEmbedder(embedder, store, ttl_s=60)

    vectors = cache.embed(["tax", "law"])

    assert embedder.seen == ["tax"]
    assert np.array_equal(vectors, right)
    assert (cache.counts.corrupt, cache.counts.misses, cache.counts.hits_l2) == (1, 1, 1)


@pytest.mark.parametrize(
    "wrong",
    [
        np.full(256, np.nan),
        np.full(256, np.inf),
        np.zeros(256),
        np.full(256, 0.5 / 16),
        np.full(256, 1.01 / 16),
        np.full(255, 255**-0.5),
        np.full(512, 512**-0.5),
    ],
    ids=["nan", "infinite", "zero", "too short", "too long", "a number less", "two vectors"],
)
def test_what_is_no_unit_vector_is_a_miss_even_with_the_right_checksum(wrong: Vectors) -> None:
    store, embedder = DictStore(), HashingEmbedder()
    key = vector_key(embedder.identity, "tax")
    store.values[key] = encode(Kept(wrong.astype(np.float32)), key=key)
    cache = CachedEmbedder(embedder, store, ttl_s=60)

    vector = cache.embed(["tax"])[0]

    assert embedder.seen == ["tax"]
    assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-6)
    assert (cache.counts.corrupt, cache.counts.misses) == (1, 1)
    assert np.array_equal(CachedEmbedder(embedder, store, ttl_s=60).embed(["tax"])[0], vector)


class WrongEmbedder(HashingEmbedder):
    """Answers what it was told to, once."""

    def __init__(self, wrong: Vectors) -> None:
        super().__init__(dimension=4)
        self.wrong: Vectors | None = wrong

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        wrong, self.wrong = self.wrong, None
        return super().embed(texts, truncate=truncate) if wrong is None else wrong


@pytest.mark.parametrize(
    "wrong",
    [
        [[0.5, 0.5, 0.5, 0.5], [1, 0, 0, np.nan]],
        [[0.5, 0.5, 0.5, 0.5], [1, 0, 0, np.inf]],
        [[0.5, 0.5, 0.5, 0.5], [0, 0, 0, 0]],
        [[0.5, 0.5, 0.5, 0.5], [0.99, 0, 0, 0]],
        [[0.5, 0.5, 0.5, 0.5], [1e6, 0, 0, 0]],
        [[0.5, 0.5, 0.5, 0.5]],
        [[0.6, 0.8, 0], [0.6, 0.8, 0]],
    ],
    ids=["nan", "infinite", "zero", "too short", "too large", "one too few", "wrong dimension"],
)
def test_what_is_no_unit_vector_is_never_cached(wrong: list[list[float]]) -> None:
    store = DictStore()
    cache = CachedEmbedder(WrongEmbedder(np.array(wrong, dtype=np.float32)), store, ttl_s=60)

    with pytest.raises(Broken, match=r"norm 1|of shape"):
        cache.embed(["tax", "law"])

    assert store.values == {}
    assert cache.embed(["tax", "law"]).shape == (2, 4)
    assert cache.counts.hits_l1 == 0


def test_the_store_is_asked_in_batches() -> None:
    store = DictStore()
    texts = [f"text {n}" for n in range(2 * L2_BATCH + 1)]
    CachedEmbedder(HashingEmbedder(), store, ttl_s=60).embed(texts)
    cache = CachedEmbedder(HashingEmbedder(), store, ttl_s=60)
    reads = store.reads

    cache.embed(texts)

    assert store.reads - reads == 3
    assert cache.counts.hits_l2 == len(texts)


def test_a_write_tells_the_store_what_the_process_answered_by_itself() -> None:
    embedder, store = HashingEmbedder(), DictStore()
    cache = CachedEmbedder(embedder, store, ttl_s=60)
    cache.embed(["tax", "law"])
    cache.embed(["tax"])
    cache.embed(["tax"])

    told_before = list(store.used)
    cache.embed(["new"])
    cache.embed(["newer"])

    assert told_before == []
    assert store.used == [vector_key(embedder.identity, "tax")]


def test_what_the_store_lost_of_what_is_in_use_is_written_again_as_it_was() -> None:
    store = DictStore()
    embedder = HashingEmbedder()
    cache = CachedEmbedder(embedder, store, ttl_s=60)
    texts = [f"the warden of gate {n} keeps {n * n} keys" for n in range(300)]
    cache.embed(texts)
    before = dict(store.values)
    store.values.clear()

    cache.embed(texts[:200])
    cache.embed(["new"])
    held = dict(store.values)
    new = vector_key(embedder.identity, "new")

    assert held.pop(new)
    assert held == {key: before[key] for key in list(before)[:200]}
    assert cache.counts.misses == 301


def test_packing_a_vector_again_changes_no_bit() -> None:
    chance = np.random.default_rng(5)
    vectors = chance.standard_normal((500, 384)) * chance.choice([1e-6, 0.01, 1], (500, 384))
    for vector in (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32):
        packed = encode(Kept(vector, b"and more"), key="k")
        unpacked = decode(packed, key="k", dimension=384)

        assert unpacked is not None
        assert encode(unpacked, key="k") == packed


def test_the_report_counts_and_tells_of_a_store_in_trouble() -> None:
    store = DictStore()
    cache = CachedEmbedder(HashingEmbedder(), store, ttl_s=60)
    cache.embed(["tax"])
    cache.embed(["tax", "law"])
    store.trouble = "away"

    assert cache.report() == {
        "hits_l1": 1, "hits_l2": 0, "misses": 2, "joined": 0, "corrupt": 0, "trouble": "away",
    }  # fmt: skip


def test_everything_that_changes_a_vector_changes_its_key() -> None:
    identity = HashingEmbedder().identity
    others = [
        replace(identity, model="other"),
        replace(identity, revision="2"),
        replace(identity, engine="other"),
        replace(identity, dimension=1),
        replace(identity, max_tokens=1),
        replace(identity, normalised=False),
    ]

    keys = {vector_key(each, "tax") for each in [identity, *others]}
    keys |= {vector_key(identity, text) for text in ("Tax", "tax ", "ta\u0301x", "")}
    keys |= {vector_key(identity, "tax", truncate=True)}

    assert len(keys) == 12
    assert vector_key(identity, "tax") == vector_key(identity, "tax")


def test_the_process_keeps_the_most_recently_used_until_they_are_too_old() -> None:
    clock, store = Clock(), DictStore()
    cache = CachedEmbedder(HashingEmbedder(), store, ttl_s=60, entries=2, timer=clock)
    cache.embed(["a"])
    cache.embed(["b"])
    cache.embed(["a"])
    cache.embed(["c"])  # pushes out b

    reads = store.reads
    cache.embed(["a"])
    kept = store.reads - reads
    cache.embed(["b"])
    pushed_out = store.reads - reads
    clock.now = 61
    cache.embed(["b"])
    too_old = store.reads - reads

    assert (kept, pushed_out, too_old) == (0, 1, 2)


def test_a_text_that_is_too_long_is_refused_unless_it_may_be_cut() -> None:
    cache = CachedEmbedder(HashingEmbedder(max_tokens=2), DictStore(), ttl_s=60)

    cut = cache.embed(["one two three"], truncate=True)

    assert cut.shape == (1, 256)
    with pytest.raises(InvalidRequest):
        cache.embed(["one two three"])


class SlowEmbedder(HashingEmbedder):
    """Waits inside each call until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = threading.Event()
        self.go_on = threading.Event()

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        self.entered.set()
        assert self.go_on.wait(10)
        return super().embed(texts, truncate=truncate)


def test_threads_that_ask_for_the_same_text_share_one_computation() -> None:
    embedder = SlowEmbedder()
    cache = CachedEmbedder(embedder, DictStore(), ttl_s=60)
    results: list[Vectors] = []
    threads = [
        threading.Thread(target=lambda: results.append(cache.embed(["tax"]))) for _ in range(4)
    ]
    threads[0].start()
    assert embedder.entered.wait(10)
    for thread in threads[1:]:
        thread.start()
    while cache.counts.joined < 3:
        threading.Event().wait(0.001)
    embedder.go_on.set()
    for thread in threads:
        thread.join(10)

    assert embedder.seen == ["tax"]
    assert all(np.array_equal(result, results[0]) for result in results)
    assert len(results) == 4


def test_a_failed_computation_fails_its_own_caller_only() -> None:
    embedder = SlowEmbedder()
    cache = CachedEmbedder(embedder, DictStore(), ttl_s=60)
    failures: list[Exception] = []
    results: list[Vectors] = []

    def fail() -> None:
        try:
            cache.embed(["tax", "word " * 300])
        except InvalidRequest as error:
            failures.append(error)

    first = threading.Thread(target=fail)
    second = threading.Thread(target=lambda: results.append(cache.embed(["tax"])))
    first.start()
    assert embedder.entered.wait(10)
    second.start()
    while not cache.counts.joined:
        threading.Event().wait(0.001)
    embedder.go_on.set()
    first.join(10)
    second.join(10)

    assert len(failures) == 1
    assert results[0].shape == (1, 256)
    assert cache.embed(["tax"]).shape == (1, 256)


def test_a_passage_and_its_sentences_are_embedded_once() -> None:
    embedder, store = HashingEmbedder(), DictStore()
    passage = PassageText("Tax\n", "The first one. And a second.", [(0, 14), (15, 28)])

    first = CachedEmbedder(embedder, store, ttl_s=60).embed_passages([passage, passage])
    again = CachedEmbedder(embedder, store, ttl_s=60).embed_passages([passage])

    assert embedder.seen == [passage.whole]
    assert np.array_equal(first.vectors[0], again.vectors[0])
    assert first.sentences == again.sentences * 2
    assert first.sentences[0] == embedder.embed_passages([passage]).sentences[0]


def test_other_sentences_of_a_text_are_other_values() -> None:
    embedder, store = HashingEmbedder(), DictStore()
    cache = CachedEmbedder(embedder, store, ttl_s=60)
    text = "The first one. And a second."

    cut = [cache.embed_passages([PassageText("", text, spans)]).sentences[0] for spans in (
        [(0, 14), (15, 28)], [(0, 28)], [],
    )]  # fmt: skip
    alone = cache.embed([text])

    assert len({*cut}) == 3
    assert cut[2] == b""
    assert len(embedder.seen) == 4
    assert alone.shape == (1, 256)
