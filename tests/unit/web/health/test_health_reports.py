"""Models, cards, word indexes and stores, as health judges them."""

from typing import Any

from jobs.heartbeats import WorkerState
from jobs.memory import MemorySight
from runtime.redis_options import COMPACT
from runtime.settings import Settings
from web.health.check import Check
from web.health.reports import reports
from web.health.stores import compact, eviction, history, persistence, queue_memory, redis_memory

SETTINGS = Settings(model="/models/little", embedding_model="mini")


def judged(
    details: dict[str, Any], *, failed: str = "", settings: Settings = SETTINGS
) -> dict[str, Check]:
    worker = WorkerState("retrieval/host/7/abc", "retrieval", 7, "host", (), 8, details=details)
    failures = {"generate": failed} if failed else {}
    checks = reports([worker], failures=failures, settings=settings)
    return {check.name: check for check in checks}


def sparse(**told: Any) -> dict[str, Any]:
    return {"sparse": {"collections": 1, "behind": [], "rebuilding": []} | told}


def test_a_model_is_loaded_missing_or_failed() -> None:
    loaded = judged({"models": {"llm": "vllm:little", "embedding": "mini"}})
    missing, failed = judged({}), judged({}, failed="out of memory")

    assert loaded["models:llm"].status == loaded["models:embedding"].status == "pass"
    assert missing["models:llm"].status == "warn"
    assert (failed["models:llm"].status, failed["models:llm"].output) == (
        "fail", "not loaded: out of memory",
    )  # fmt: skip


def test_what_embeds_and_why_is_told_in_a_line() -> None:
    line = "int8 on ONNX Runtime with AVX2: the default where nothing else is set"

    assert judged({"embedding_engine": line})["embedding:engine"].value == line
    assert "embedding:engine" not in judged({})


def test_what_keeps_the_network_from_the_readers_of_files_is_told_in_a_line() -> None:
    named, filtered, bare = (
        judged({"isolation": way})["parsing:isolation"]
        for way in ("namespace", "seccomp", "rlimits")
    )

    assert (named.status, filtered.status, bare.status) == ("pass", "pass", "warn")
    assert "namespace" in str(named.value)
    assert "filter on system calls" in str(filtered.value)
    assert bare.output is not None
    assert "nothing keeps the network from their readers on host" in bare.output
    assert "parsing:isolation" not in judged({})


def test_of_several_hosts_the_one_whose_readers_have_a_network_is_named() -> None:
    workers = [
        WorkerState(
            f"ingestion/{host}/7/a", "ingestion", 7, host, (), 4, details={"isolation": way}
        )
        for host, way in (("one", "seccomp"), ("two", "rlimits"), ("three", "namespace"))
    ]
    (check,) = (
        check
        for check in reports(workers, failures={}, settings=SETTINGS)
        if check.name == "parsing:isolation"
    )

    assert check.status == "warn"
    assert str(check.output).endswith(" on two")
    assert str(check.value).count("without network") == 2


def test_where_a_model_lies_is_not_told() -> None:
    assert judged({})["models:llm"].value == "little"


def test_without_a_language_model_none_is_missed() -> None:
    assert "models:llm" not in judged({}, settings=Settings())


def test_a_card_is_judged_by_its_memory_and_its_heat() -> None:
    card = {"card": 0, "memory_free": 0.08, "celsius": 60}
    well = judged({"gpu": {"cards": [card], "lost": 0}})
    hot = judged({"gpu": {"cards": [card | {"celsius": 90}], "lost": 0}})
    full = judged({"gpu": {"cards": [card | {"memory_free": 0.001}], "lost": 0}})

    assert well["gpu:memory"].status == well["gpu:temperature"].status == "pass"
    assert hot["gpu:temperature"].status == "warn"
    assert full["gpu:memory"].status == "warn"


def test_a_lost_card_is_a_failure_and_a_machine_without_one_is_none() -> None:
    assert judged({"gpu": {"cards": [], "lost": 1}})["gpu:memory"].status == "fail"
    assert "gpu:memory" not in judged({"gpu": {"cards": [], "lost": 0}})


def test_a_word_index_far_behind_is_named_with_its_worker() -> None:
    late = {"collection": "papers", "entries": 40, "seconds": 12.0}
    check = judged(sparse(behind=[late]))["index:sparse"]

    assert (check.status, check.value) == ("warn", 12.0)
    assert check.output == "retrieval/host/7: papers is 40 entries behind, 12 s"
    assert judged(sparse(behind=[late | {"seconds": 3.0}]))["index:sparse"].status == "pass"
    assert judged(sparse(rebuilding=["papers"]))["index:sparse"].status == "warn"


def test_a_queue_redis_that_evicts_has_failed() -> None:
    assert eviction({"maxmemory_policy": "noeviction"}).status == "pass"
    assert eviction({"maxmemory_policy": "allkeys-lru"}).status == "fail"


def test_a_redis_that_keeps_rows_in_much_memory_is_told_what_to_set() -> None:
    by_default = {
        "hash-max-ziplist-entries": 512, "hash-max-ziplist-value": 64,
        "stream-node-max-bytes": 4096,
    }  # fmt: skip
    check = compact(by_default)

    assert check.status == "warn"
    assert "hash-max-ziplist-value 8192, stream-node-max-bytes 512" in str(check.output)
    assert compact(by_default | COMPACT).status == "pass"
    assert compact({}).status == "pass"  # a Redis that tells nobody its options


def test_jobs_forgotten_before_their_time_are_told_for_an_hour() -> None:
    def judged_at(now: float) -> str:
        sight = MemorySight(
            at=0, most=100, used=70, reserved=0, admitted=0, forgotten_at=1_000_000.0
        )
        return history(sight, now=now).status

    assert (judged_at(1_000_010), judged_at(1_003_601)) == ("warn", "pass")


def test_a_queue_redis_that_does_not_write_is_a_warning() -> None:
    well = {"aof_enabled": 1, "aof_last_write_status": "ok", "aof_last_bgrewrite_status": "ok"}

    assert persistence(well).status == "pass"
    assert persistence(well | {"aof_last_write_status": "err"}).status == "warn"
    assert persistence(well | {"aof_enabled": 0}).status == "warn"


def test_a_queue_redis_is_judged_by_what_is_used_and_promised() -> None:
    def judged_at(used: int, reserved: int) -> Check:
        return queue_memory(MemorySight(at=0, most=100, used=used, reserved=reserved, admitted=0))

    seen = [judged_at(used, reserved) for used, reserved in ((50, 0), (50, 25), (60, 35))]

    assert [(check.status, check.value) for check in seen] == [
        ("pass", 0.5), ("warn", 0.75), ("fail", 0.95),
    ]  # fmt: skip
    assert "documents" in str(seen[1].output)
    assert redis_memory("cache", {"maxmemory": 100, "used_memory": 99}).status == "pass"
