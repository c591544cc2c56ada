"""What Quern's settings become for the engine, and which ones stop the worker."""

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.generators.engine_settings import CPU_CACHE_MOST, engine_arguments, model_name
from rag.errors import Broken
from runtime.environment import BadSetting, read_settings
from runtime.settings import Settings

KNOWN = {
    "model", "served_model_name", "max_num_seqs", "max_num_batched_tokens", "max_model_len",
    "enable_prefix_caching", "enable_chunked_prefill", "tensor_parallel_size", "dtype",
    "quantization", "cpu_offload_gb", "kv_offloading_size", "gpu_memory_utilization",
    "scheduling_policy", "seed", "enforce_eager", "kv_cache_memory_bytes", "otlp_traces_endpoint",
}  # fmt: skip


def arguments(*, on_cpu: bool = False, **settings: Any) -> dict[str, Any]:
    return engine_arguments(Settings(model="m", **settings), known=KNOWN, on_cpu=on_cpu)


def test_the_defaults_suit_one_card_and_are_named_as_vllm_names_them() -> None:
    given = arguments()

    assert given["gpu_memory_utilization"] == 0.92
    assert given["max_num_seqs"] == 64
    assert given["max_num_batched_tokens"] == 8192
    assert given["enable_prefix_caching"] is True
    assert given["enable_chunked_prefill"] is True
    assert given["scheduling_policy"] == "priority"
    assert set(given) <= KNOWN


def test_what_is_empty_is_left_to_the_engine() -> None:
    assert not {"max_model_len", "quantization", "kv_offloading_size"} & set(arguments())
    assert arguments(max_model_len=4096)["max_model_len"] == 4096


def test_on_a_cpu_the_cache_leaves_memory_to_others() -> None:
    given = arguments(on_cpu=True)

    assert "gpu_memory_utilization" not in given
    assert 0 < given["kv_cache_memory_bytes"] <= CPU_CACHE_MOST


def test_further_engine_options_are_passed_on() -> None:
    more = {"enforce_eager": True, "kv_cache_memory_bytes": 7}
    given = arguments(on_cpu=True, engine_options=json.dumps(more))

    assert {name: given[name] for name in more} == more


@pytest.mark.parametrize("name", ["no_such_thing", "max_num_seqs", "scheduling_policy"])
def test_an_engine_option_that_is_unknown_or_ours_stops_the_worker(name: str) -> None:
    with pytest.raises(Broken, match=name):
        arguments(engine_options=json.dumps({name: 1}))


@pytest.mark.parametrize("name", ["swap_space", "swap_space_gb"])
def test_swap_space_is_refused_with_what_replaced_it(name: str) -> None:
    replaced = "QUERN_KV_OFFLOADING_SIZE"

    with pytest.raises(BadSetting, match=replaced):
        read_settings({f"QUERN_{name.upper()}": "4"})
    with pytest.raises(BadSetting, match=replaced):
        read_settings({"QUERN_ENGINE_OPTIONS": json.dumps({name: 4})})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ENGINE_OPTIONS", "{"), ("ENGINE_OPTIONS", "[]"), ("ENABLE_PREFIX_CACHING", "perhaps"),
        ("GPU_MEMORY_UTILIZATION", "1.5"), ("MAX_NUM_SEQS", "0"), ("GENERATOR", "vllm"),
        ("INGESTION_NICE", "20"), ("INGESTION_NICE", "-1"), ("FUSION_WEIGHT", "1.1"),
        ("FUSION_WEIGHT", "nan"),
    ],
)  # fmt: skip
def test_a_number_or_word_that_cannot_work_is_named(name: str, value: str) -> None:
    with pytest.raises(BadSetting, match=f"QUERN_{name}"):
        read_settings({f"QUERN_{name}": value})


@pytest.mark.parametrize(("text", "value"), [("1", True), ("true", True), ("False", False)])
def test_booleans_are_read_in_any_usual_spelling(text: str, value: bool) -> None:
    settings = read_settings({"QUERN_ENABLE_PREFIX_CACHING": text})

    assert settings.enable_prefix_caching is value
    assert read_settings(settings.environment()) == settings


def test_a_model_alone_makes_the_engine_answer() -> None:
    assert Settings().answerer == "extractive"
    assert Settings(model="m").answerer == "vllm"
    assert Settings(model="m", generator="openai").answerer == "openai"


def test_batch_never_takes_more_than_its_places() -> None:
    assert Settings().reserved == 8
    assert Settings(max_num_seqs=4).reserved == 2
    assert Settings(max_num_seqs=1).reserved == 0


def test_a_folder_is_known_by_its_own_name(tmp_path: Path) -> None:
    folder = tmp_path / "private" / "tiny"
    folder.mkdir(parents=True)

    assert model_name(Settings(model=str(folder))) == "tiny"
    assert model_name(Settings(model="org/model")) == "org/model"


def test_the_engine_tells_the_same_collector_unless_another_is_named() -> None:
    here, there = "http://c:4318", "http://d:4318/v1/traces"
    more = json.dumps({"otlp_traces_endpoint": there})

    assert "otlp_traces_endpoint" not in arguments()
    assert arguments(otlp_endpoint=here)["otlp_traces_endpoint"] == f"{here}/v1/traces"
    assert arguments(otlp_endpoint=here, engine_options=more)["otlp_traces_endpoint"] == there
