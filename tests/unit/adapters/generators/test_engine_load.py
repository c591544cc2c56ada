from prometheus_client import CollectorRegistry, Gauge

from adapters.generators.engine_load import engine_load

LABELS = ["model_name", "engine"]


def test_what_an_engine_runs_and_what_waits_in_it_is_summed_over_its_processes() -> None:
    registry = CollectorRegistry()
    running = Gauge("vllm:num_requests_running", "Running.", LABELS, registry=registry)
    waiting = Gauge("vllm:num_requests_waiting", "Waiting.", LABELS, registry=registry)
    for engine, number in (("0", 3), ("1", 4)):
        running.labels("m", engine).set(number)
        waiting.labels("m", engine).set(0)

    assert engine_load(registry) == {"running": 7, "waiting": 0}
    assert engine_load(CollectorRegistry()) is None
