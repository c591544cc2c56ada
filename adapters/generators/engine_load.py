"""What an engine has to do: the requests that it works on, and those that wait for a place."""

from typing import Final

from prometheus_client import REGISTRY, CollectorRegistry

#: vLLM's own gauges, a series for each of its processes.
_GAUGES: Final = {
    "running": "vllm:num_requests_running",
    "waiting": "vllm:num_requests_waiting",
}


def engine_load(registry: CollectorRegistry = REGISTRY) -> dict[str, int] | None:
    """Return how many requests are `running` and `waiting` in vLLM; None where it does not tell."""
    found = {
        sample.name: sum(int(one.value) for one in metric.samples if one.name == sample.name)
        for metric in registry.restricted_registry(_GAUGES.values()).collect()
        for sample in metric.samples
    }
    if not all(name in found for name in _GAUGES.values()):
        return None
    return {word: found[name] for word, name in _GAUGES.items()}
