"""Which engine embeds: what was asked for, else what suits the model and the processor."""

import logging
from pathlib import Path
from typing import Any

import pytest

from rag.errors import Broken
from runtime.settings import BadSetting, Settings
from tests.twins import HashingEmbedder
from workers import models, processor
from workers.model_weights import ModelWeights
from workers.onnx_embedder import OnnxEmbedder
from workers.sentence_embedder import SentenceEmbedder


class Engines:
    """Stands in for both engines; remembers which were opened and how."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, dict[str, Any]]] = []
        self.int8_is_broken = False

    def int8(self, model: str, **options: Any) -> HashingEmbedder:
        self.opened.append((f"int8 {model}", options))
        if self.int8_is_broken:
            raise Broken("the int8 form cannot be made: no room")
        return HashingEmbedder()

    def full(self, model: str, **options: Any) -> HashingEmbedder:
        self.opened.append((f"full {model}", options))
        return HashingEmbedder()

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.opened]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    engines = Engines()
    monkeypatch.setattr(OnnxEmbedder, "open", engines.int8)
    monkeypatch.setattr(SentenceEmbedder, "open", engines.full)
    monkeypatch.setattr(processor, "multiplies_int8", lambda: True)
    monkeypatch.setattr(models, "resolve", lambda name: ModelWeights(name, "1", Path()))
    return engines


def test_the_default_model_is_computed_in_int8_where_the_processor_suits(engines: Engines) -> None:
    models.open_model(Settings(model_threads=3, data_dir=Path("/d")))

    ((name, options),) = engines.opened
    assert name == "int8 all-MiniLM-L6-v2"
    assert options["threads"] == 3
    assert options["places"][-1] == Path("/d/models")


def test_another_model_stays_with_sentence_transformers_unless_int8_is_asked_for(
    engines: Engines,
) -> None:
    models.open_model(Settings(embedding_model="other", embedding_batch=5))
    models.open_model(Settings(embedding_model="other", embedding_engine="onnx-int8"))

    assert engines.names == ["full other", "int8 other"]
    assert engines.opened[0][1] == {"batch": 5, "threads": 0}


def test_so_does_the_default_model_on_a_processor_without_the_instructions(
    engines: Engines, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(processor, "multiplies_int8", lambda: False)

    with caplog.at_level(logging.INFO):
        models.open_model(Settings())

    assert engines.names == ["full all-MiniLM-L6-v2"]
    assert "no instructions for int8 products" in caplog.records[-1].__dict__["reason"]


def test_an_int8_form_that_cannot_be_had_is_done_without_only_where_nobody_chose_it(
    engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    engines.int8_is_broken = True

    with caplog.at_level(logging.INFO):
        models.open_model(Settings())
    with pytest.raises(Broken, match="no room"):
        models.open_model(Settings(embedding_engine="onnx-int8"))

    assert engines.names == [
        "int8 all-MiniLM-L6-v2",
        "full all-MiniLM-L6-v2",
        "int8 all-MiniLM-L6-v2",
    ]
    assert "no room" in caplog.records[-1].__dict__["reason"]


def test_sentence_transformers_is_taken_where_it_is_named(engines: Engines) -> None:
    models.open_model(Settings(embedding_engine="sentence-transformers"))

    assert engines.names == ["full all-MiniLM-L6-v2"]


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadSetting, match="QUERN_EMBEDDING_ENGINE must be one of: auto, onnx-int8"):
        Settings.from_environment({"QUERN_EMBEDDING_ENGINE": "int4"})
