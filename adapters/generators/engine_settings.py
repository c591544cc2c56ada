"""The engine's arguments, made from Quern's settings; every name is vLLM's own."""

from collections.abc import Collection
from dataclasses import fields
from pathlib import Path
from typing import Any

import psutil

from rag.errors import Broken
from runtime.environment import engine_options
from runtime.settings import PREFIX, Settings
from runtime.tracing import traces

#: On a CPU the cache lies in main memory, which other processes need too.
CPU_CACHE_SHARE = 0.25
CPU_CACHE_MOST = 4 * 2**30

#: Settings that are passed on as they are.
_PLAIN = (
    "model", "max_num_seqs", "max_num_batched_tokens", "enable_prefix_caching",
    "enable_chunked_prefill", "tensor_parallel_size", "dtype", "cpu_offload_gb",
)  # fmt: skip
#: Settings whose empty value leaves the choice to the engine.
_OPTIONAL = ("max_model_len", "quantization", "kv_offloading_size")


def model_name(settings: Settings) -> str:
    """Return what people may know the model by: a folder's own name, not the way to it."""
    folder = Path(settings.model)
    return folder.resolve().name if folder.is_dir() else settings.model


def engine_arguments(settings: Settings, *, known: Collection[str], on_cpu: bool) -> dict[str, Any]:
    """
    Return the arguments for vLLM's AsyncEngineArgs.

    Args:
        settings: Quern's.

        known: The names that this vLLM takes.

        on_cpu: Whether the engine has no card; its cache is then bounded by main memory.

    Raises:
        Broken: A setting is unknown to the engine, or is there twice.
    """
    arguments: dict[str, Any] = {name: getattr(settings, name) for name in _PLAIN}
    arguments |= {name: value for name in _OPTIONAL if (value := getattr(settings, name))}
    arguments |= {"scheduling_policy": "priority", "seed": 0}
    # A folder's path is nobody's business; this name stands in the engine's metrics.
    arguments["served_model_name"] = model_name(settings)
    more = engine_options(settings)
    if unknown := sorted(set(more) - set(known)):
        raise Broken(
            f"{PREFIX}ENGINE_OPTIONS names engine settings that vLLM does not have: "
            f"{', '.join(unknown)}"
        )
    ours = {f.name for f in fields(Settings)} | {"scheduling_policy"}
    if twice := sorted(ours.intersection(more)):
        raise Broken(
            f"{PREFIX}ENGINE_OPTIONS may not name {', '.join(twice)}: Quern has its own setting "
            f"or its own choice for that"
        )
    if not on_cpu:
        arguments["gpu_memory_utilization"] = settings.gpu_memory_utilization
    elif "kv_cache_memory_bytes" not in more:
        free = psutil.virtual_memory().available
        arguments["kv_cache_memory_bytes"] = min(CPU_CACHE_MOST, int(free * CPU_CACHE_SHARE))
    return arguments | traces.engine_arguments(settings) | more
