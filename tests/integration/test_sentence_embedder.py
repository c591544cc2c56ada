"""The real model: its weights, its vectors, its limits. Loads it once."""

import threading
from pathlib import Path

import numpy as np
import pytest

from rag.errors import Broken, InvalidRequest
from workers import model_weights
from workers.sentence_embedder import SentenceEmbedder

TEXTS = ["How do I reset my password?", "Password reset instructions", "The Amazon rainforest", ""]


@pytest.fixture(scope="module")
def embedder() -> SentenceEmbedder:
    return SentenceEmbedder.open("all-MiniLM-L6-v2", batch=4, threads=1)


def test_the_identity_names_the_published_weights_and_the_real_limit(
    embedder: SentenceEmbedder,
) -> None:
    identity = embedder.identity

    assert (identity.model, identity.revision) == (
        "all-MiniLM-L6-v2",
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    )
    assert (identity.dimension, identity.max_tokens) == (384, 254)
    assert identity.engine.startswith("sentence-transformers-fp32")


def test_vectors_are_unit_float32_and_near_where_meanings_are(embedder: SentenceEmbedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (4, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > 0.7
    assert vectors[0] @ vectors[2] < 0.3


def test_neither_order_nor_company_changes_a_vector(embedder: SentenceEmbedder) -> None:
    texts = [("word " * n).strip() for n in (200, 1, 50, 3, 120, 7)]

    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])

    assert np.sum(together * alone, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed([]).shape == (0, 384)


def test_tokens_are_counted_uncut_and_without_the_special_ones(embedder: SentenceEmbedder) -> None:
    assert embedder.count_tokens(["", "hello world", "word " * 5_000]) == [0, 2, 5_000]


def test_a_text_of_the_longest_length_is_read_to_its_end(embedder: SentenceEmbedder) -> None:
    limit = embedder.identity.max_tokens
    full, changed = ["word"] * limit, ["word"] * (limit - 1) + ["rainforest"]

    vectors = embedder.embed([" ".join(full), " ".join(changed)])

    assert vectors[0] @ vectors[1] < 0.9999


def test_a_longer_text_is_refused_unless_it_may_be_cut(embedder: SentenceEmbedder) -> None:
    limit = embedder.identity.max_tokens
    long = "word " * limit

    with pytest.raises(InvalidRequest, match=f"text 1 has {limit + 1} tokens"):
        embedder.embed(["short", long + "rainforest"])
    cut = embedder.embed([long + "rainforest", long], truncate=True)
    assert cut[0] @ cut[1] == pytest.approx(1, abs=1e-6)


def test_threads_get_the_same_vectors(embedder: SentenceEmbedder) -> None:
    expected = embedder.embed(TEXTS)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(embedder.embed(TEXTS))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert all(np.allclose(result, expected, atol=1e-6) for result in results)


def test_vectors_that_are_none_are_refused(
    embedder: SentenceEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for wrong in (np.full((1, 384), np.nan), np.zeros((1, 384)), np.ones((1, 7))):
        with monkeypatch.context() as patch:
            patch.setattr(embedder._model, "encode", lambda *_, wrong=wrong, **__: wrong)
            with pytest.raises(Broken, match="the model answered"):
                embedder.embed(["a"])


def test_the_default_model_comes_from_the_package_and_both_its_names_mean_it() -> None:
    short, long = (
        model_weights.resolve(name)
        for name in ("all-MiniLM-L6-v2", "sentence-transformers/all-MiniLM-L6-v2")
    )

    assert short == long
    assert (short.path / "model.safetensors").is_file()
    assert model_weights.resolve(str(short.path)) == short


def test_other_weights_under_the_default_name_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"other")
    monkeypatch.setattr(model_weights, "_packaged", lambda _: tmp_path)

    with pytest.raises(Broken, match="as published"):
        model_weights.resolve("all-MiniLM-L6-v2")


def test_a_folder_is_named_by_its_weights(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="holds no weights"):
        model_weights.resolve(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    first = model_weights.resolve(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"others")

    assert first.name == tmp_path.name
    assert model_weights.resolve(str(tmp_path)).revision != first.revision


def test_a_folder_that_is_not_there_or_no_model_is_said_in_plain_words(tmp_path: Path) -> None:
    with pytest.raises(Broken, match="there is no such folder"):
        SentenceEmbedder.open(str(tmp_path / "none"))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(Broken, match="does not load"):
        SentenceEmbedder.open(str(tmp_path))
