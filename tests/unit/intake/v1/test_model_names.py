"""Names of models: what answers, a collection of its, and what operators call them."""

from dataclasses import replace
from pathlib import Path

import pytest

from intake.v1.errors import Missing
from intake.v1.model_names import Model, model_named, model_names, served_model
from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings

QUOTING = Settings()
ALIASED = Settings(
    generator="openai", model="qwen", model_aliases="gpt-4o=quern, mini = quern:papers,"
)


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        (QUOTING, "quern-extractive"), (ALIASED, "qwen"),
        (Settings(generator="vllm", model="/models/Qwen2.5-7B"), "Qwen2.5-7B"),
        (Settings(model="Qwen/Qwen2.5-7B"), "Qwen/Qwen2.5-7B"),
        (Settings(generator="openai"), "quern"),
    ],
)  # fmt: skip
def test_what_answers_has_a_name(settings: Settings, name: str) -> None:
    assert served_model(settings) == name
    assert model_named(None, settings) == Model(name)
    assert model_named("quern", settings) == Model(name)
    assert model_named(name, settings) == Model(name)
    assert model_named("quern:a-b", settings) == Model(name, "a-b")


def test_aliases_are_names_of_what_answers_and_of_collections() -> None:
    assert model_named("gpt-4o", ALIASED) == Model("qwen")
    assert model_named("mini", ALIASED) == Model("qwen", "papers")
    assert model_names(ALIASED) == ["qwen", "quern", "gpt-4o", "mini"]


@pytest.mark.parametrize("name", ["gpt-9", "quern:", "quern-extractive", "*", ""])
def test_any_other_name_is_of_nothing(name: str) -> None:
    with pytest.raises(Missing) as refused:
        model_named(name, ALIASED)

    assert (refused.value.param, refused.value.code) == ("model", "model_not_found")


def test_a_star_is_any_name_but_those_that_mean_something() -> None:
    settings = replace(ALIASED, model_aliases="mini=quern:papers,*=quern:all")

    assert model_named("gpt-9", settings) == Model("qwen", "all")
    assert model_named("mini", settings) == Model("qwen", "papers")
    assert model_named("qwen", settings) == Model("qwen")
    assert model_names(settings) == ["qwen", "quern", "mini"]


@pytest.mark.parametrize(
    "told", ["gpt-4o", "gpt-4o=", "=quern", "a=qwen", "a=quern:", "a=quern: b"]
)
def test_an_alias_that_means_nothing_stops_the_process(told: str, tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="MODEL_ALIASES"):
        read_settings({"QUERN_MODEL_ALIASES": told, "QUERN_DATA_DIR": str(tmp_path)})
