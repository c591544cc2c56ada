"""A check that was interrupted goes on where it was, and gives way to searches."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from corpus.catalogue import generations
from corpus.check_and_repair import scope
from corpus.check_and_repair.checker import Checker, Walk, checker_of
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from tasks import checking
from tests.support.workbench import Workbench
from tests.support.worlds.reindexed_house import House, Killed
from workers.maintenance import BackgroundCheck

DOCUMENTS = [f"d{n:02}" for n in range(40)]


class Watched:
    """A vector store that notes which documents somebody looked for."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.looked_for: list[str] = []
        self.killed_after: int | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def present(self, collection_id: str, chunk_ids: Sequence[str]) -> set[str]:
        if self.killed_after is not None and len(self.looked_for) >= self.killed_after:
            raise Killed
        self.looked_for += [name.rsplit(":", 2)[0] for name in chunk_ids]
        found: set[str] = self._inner.present(collection_id, chunk_ids)
        return found


@pytest.fixture
def house(bench: Workbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 0.0)
    monkeypatch.setattr(timings, "AUDIT_WAIT_S", 0.0)
    monkeypatch.setattr(generations, "PAGE", 4)
    monkeypatch.setattr(scope, "BATCH", 4)
    house = House(bench, tmp_path)
    for name in DOCUMENTS:
        house.put(name, f"{name} text")
    # A hash is read in pages only as a table, which one with a long entry is.
    bench.redis.hset(key("current", house.collection_id), "x" * 10_000, "1:0:1")
    return house


@pytest.fixture
def watched(house: House) -> Watched:
    return Watched(house.vectors)


def checker(house: House, watched: Watched) -> Checker:
    return checker_of(house.storage, watched, house.suited)  # type: ignore[arg-type]  # passes all on


def half(walk: Walk, watched: Watched) -> Iterator[object]:
    """Walk until half of the documents were looked for."""
    for step in walk:
        if len(watched.looked_for) >= len(DOCUMENTS) / 2:
            return
        yield step


@pytest.mark.parametrize("reports", [True, False])
def test_another_walk_goes_on_and_counts_as_one_that_did_it_all(
    house: House, watched: Watched, *, reports: bool
) -> None:
    house.bench.redis.hdel(key("documents", house.collection_id), *DOCUMENTS[::7])
    first = checker(house, watched).walk(None, repair=False)
    for _ in half(first, watched):
        pass
    standing = orjson.loads(orjson.dumps(first.standing(reports=reports)))
    before = set(watched.looked_for)
    watched.looked_for = []
    second = checker(house, watched).walk(None, repair=False, after=standing)
    for _ in second:
        pass
    (told,) = second.result()["collections"]

    assert 0 < len(set(watched.looked_for)) < 30
    assert before | set(watched.looked_for) == set(DOCUMENTS)
    assert (told["documents"], told["passages"]) == (40, 40)
    assert told["differences"] == {"record_missing": {"found": 6, "repaired": 0}}
    if reports:
        assert {one["document_id"] for one in told["findings"]} == set(DOCUMENTS[::7])


def test_a_walk_that_gets_no_further_says_the_same_so_that_its_deaths_count(
    house: House, watched: Watched
) -> None:
    first = checker(house, watched).walk(None, repair=False)
    for _ in half(first, watched):
        pass
    standing = first.standing(reports=True)
    second = checker(house, watched).walk(None, repair=False, after=standing)
    steps = iter(second)
    seen = []
    while len(seen) < 3 and second.standing(reports=True).get("at") in (None, standing["at"]):
        next(steps)
        seen.append(second.standing(reports=True))

    assert standing in seen


def test_after_a_restart_of_redis_the_collection_is_begun_anew(
    house: House, watched: Watched
) -> None:
    first = checker(house, watched).walk(None, repair=True)
    for _ in half(first, watched):
        pass
    watched.looked_for = []
    standing = first.standing(reports=True) | {"run_id": "another"}
    second = checker(house, watched).walk(None, repair=True, after=standing)
    for _ in second:
        pass

    assert set(watched.looked_for) == set(DOCUMENTS)
    assert second.result()["collections"][0]["documents"] == 40


def test_a_check_job_whose_worker_died_goes_on_and_tells_all(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checking, "PROGRESS_S", -1.0)
    monkeypatch.setattr(checking, "STANDING_S", -1.0)
    house.bench.collection("empty")
    job = house.bench.ledger.submissions.submit(
        new_id(),
        stage="check",
        fields={
            "kind": "check", "class": "ingest", "owner": "batch", "priority": 9,
            "request": '{"collection":null,"repair":false}',
        },
        limit=100,
        deadline_s=300,
    )  # fmt: skip
    watched.killed_after = 20

    def run() -> None:
        with house.leases.claim(job, "check") as lease:
            assert lease is not None
            checking.run_check(lease, checker(house, watched), house.blobs)

    with pytest.raises(Killed):
        run()
    house.bench.die_and_be_found(job)
    assert house.bench.field(job, "at")
    watched.looked_for, watched.killed_after = [], None
    run()
    told = orjson.loads(house.bench.field(job, "result"))

    assert house.bench.state(job) == "succeeded"
    assert len(set(watched.looked_for)) < 30
    assert {one["collection"]: one["documents"] for one in told["collections"]} == {
        "empty": 0, "papers": 40,
    }  # fmt: skip
    assert house.bench.field(job, "at") == ""


def test_the_check_in_the_background_goes_on_in_another_process_and_ends(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "CHECK_TURN_S", 0.001)
    first = BackgroundCheck(checker(house, watched), house.bench.catalogue)
    while len(watched.looked_for) < 20:
        first.turn()
    watched.looked_for = []
    monkeypatch.setattr(timings, "CHECK_TURN_S", 60.0)
    second = BackgroundCheck(checker(house, watched), house.bench.catalogue)
    second.turn()

    assert second._rounds.rests
    assert 0 < len(set(watched.looked_for)) < 30
    assert not house.bench.redis.exists(key("check_at"))
    watched.looked_for = []
    BackgroundCheck(checker(house, watched), house.bench.catalogue).turn()
    assert set(watched.looked_for) == set(DOCUMENTS)


def test_while_people_search_the_check_in_the_background_has_short_turns(
    house: House, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "CHECK_TURN_S", 60.0)
    monkeypatch.setattr(timings, "CHECK_SHARED_TURN_S", 0.0001)
    passed: list[float] = []
    check = BackgroundCheck(own := checker(house, watched), house.bench.catalogue)
    monkeypatch.setattr(own.searches, "let_pass", lambda *, longest_s: passed.append(longest_s))
    house.bench.ask()
    for _ in range(3):
        check.turn()

    assert not check._rounds.rests
    assert passed
    assert max(passed) < 60
