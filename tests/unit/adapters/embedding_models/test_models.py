"""Which engine embeds: what was asked for, else the first that works for the model."""

import logging
from pathlib import Path
from typing import Any

import pytest

from adapters.embedding_models import models
from adapters.embedding_models.model_weights import ModelWeights
from adapters.embedding_models.onnx_embedder import OnnxEmbedder
from adapters.embedding_models.onnx_form import Precision
from adapters.embedding_models.sentence_embedder import SentenceEmbedder
from rag.errors import Broken
from rag.in_memory_ports.embedder import HashingEmbedder
from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings


class Engines:
    """Stands in for all engines; remembers which were opened and how."""

    def __init__(self) -> None:
        self.opened: list[tuple[str, dict[str, Any]]] = []
        self.broken: set[str] = set()

    def form(self, model: str, *, precision: Precision, **options: Any) -> HashingEmbedder:
        self.opened.append((f"{precision.name} {model}", options))
        if precision.name in self.broken:
            raise Broken(f"the {precision.name} form cannot be made: no room")
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
    monkeypatch.setattr(OnnxEmbedder, "open", engines.form)
    monkeypatch.setattr(SentenceEmbedder, "open", engines.full)
    monkeypatch.setattr(models, "resolve", lambda name: ModelWeights(name, "1", Path()))
    return engines


def test_the_default_model_is_computed_in_int8_on_every_processor(engines: Engines) -> None:
    _, engine = models.open_model(Settings(model_threads=3, data_dir=Path("/d")))

    ((name, options),) = engines.opened
    assert name == "int8 all-MiniLM-L6-v2"
    assert options["threads"] == 3
    assert options["places"][-1] == Path("/d/models")
    assert engine.told.startswith("int8 on ONNX Runtime with ")


def test_another_model_stays_with_sentence_transformers_unless_a_form_is_asked_for(
    engines: Engines,
) -> None:
    _, engine = models.open_model(Settings(embedding_model="other", embedding_batch=5))
    models.open_model(Settings(embedding_model="other", embedding_engine="onnx-int8"))
    models.open_model(Settings(embedding_model="other", embedding_engine="onnx-float32"))

    assert engines.names == ["full other", "int8 other", "float32 other"]
    assert engines.opened[0][1] == {"batch": 5, "threads": 0}
    assert engine.told == "sentence-transformers: other is not the default model"


def test_where_int8_cannot_be_had_its_float32_form_comes_next_and_the_model_itself_last(
    engines: Engines, caplog: pytest.LogCaptureFixture
) -> None:
    engines.broken = {"int8"}
    with caplog.at_level(logging.INFO):
        _, second = models.open_model(Settings())
        engines.broken = {"int8", "float32"}
        _, third = models.open_model(Settings())

    assert second.told == "float32 on ONNX Runtime: the int8 form cannot be made: no room"
    assert third.told == "sentence-transformers: the float32 form cannot be made: no room"
    assert "no room" in caplog.records[-1].__dict__["reason"]


def test_what_somebody_chose_is_not_replaced(engines: Engines) -> None:
    engines.broken = {"int8"}

    with pytest.raises(Broken, match="no room"):
        models.open_model(Settings(embedding_engine="onnx-int8"))
    _, engine = models.open_model(Settings(embedding_engine="sentence-transformers"))

    assert engines.names == ["int8 all-MiniLM-L6-v2", "full all-MiniLM-L6-v2"]
    assert engine.told == "sentence-transformers: chosen by QUERN_EMBEDDING_ENGINE"


def test_an_engine_that_does_not_exist_is_refused() -> None:
    with pytest.raises(BadSetting, match="QUERN_EMBEDDING_ENGINE must be one of: auto, onnx-int8"):
        read_settings({"QUERN_EMBEDDING_ENGINE": "int4"})
