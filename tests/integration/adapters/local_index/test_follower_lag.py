"""How far a replica says that it is behind, on a real Redis."""

from adapters.local_index.follower_lag import lag
from protocol.keys import key
from tests.support.workbench import Workbench


def written(bench: Workbench, collection_id: str, entries: int) -> list[str]:
    """Write entries to a collection's log as publishing does."""
    ids = [
        bench.redis.xadd(key("log", collection_id), {"op": "add", "document": f"d{n}"})
        for n in range(entries)
    ]
    bench.redis.hset(key("log_state", collection_id), "tail", ids[-1])
    return ids


def test_a_replica_in_step_is_behind_in_nothing(bench: Workbench) -> None:
    papers = bench.collection("papers")
    ids = written(bench, papers, 3)
    told = lag(
        bench.redis, collections={"papers": papers}, cursors={papers: ids[-1]}, rebuilding=""
    )

    assert told == {"collections": 1, "behind": [], "rebuilding": []}


def test_what_is_not_applied_is_counted_and_its_age_told(bench: Workbench) -> None:
    papers, notes = bench.collection("papers"), bench.collection("notes")
    ids = written(bench, papers, 5)
    written(bench, notes, 2)
    told = lag(
        bench.redis,
        collections={"papers": papers, "notes": notes},
        cursors={papers: ids[1], notes: "0-0"},
        rebuilding=notes,
    )

    behind = {late["collection"]: late for late in told["behind"]}
    assert behind["papers"]["entries"] == 3
    assert 0 <= behind["papers"]["seconds"] < 60
    assert behind["notes"]["entries"] == 2
    assert told["rebuilding"] == ["notes"]


def test_a_collection_nothing_was_published_to_is_not_behind(bench: Workbench) -> None:
    empty = bench.collection("empty")
    told = lag(bench.redis, collections={"empty": empty}, cursors={empty: "0-0"}, rebuilding="")

    assert told["behind"] == []
