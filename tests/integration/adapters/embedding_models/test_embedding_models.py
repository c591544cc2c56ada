"""The real model: its weights, its identity, and what is refused."""

from pathlib import Path

import pytest

from adapters.embedding_models import model_weights
from adapters.embedding_models.sentence_embedder import SentenceEmbedder
from rag.errors import Broken


def test_the_identity_names_the_published_weights_and_the_real_limit() -> None:
    identity = SentenceEmbedder.open("all-MiniLM-L6-v2", threads=1).identity

    assert (identity.model, identity.revision) == (
        "all-MiniLM-L6-v2",
        "1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
    )
    assert (identity.dimension, identity.max_tokens) == (384, 254)
    assert identity.engine.startswith("sentence-transformers-fp32")


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
