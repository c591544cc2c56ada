"""The change log on a real Redis: what it forgets, and who waits for whom."""

import pytest

from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from tests.support.workbench import Workbench


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_the_log_is_trimmed_to_the_slowest_live_follower(bench: Workbench, inc: str) -> None:
    for name in "abc":
        bench.publish(bench.ingest(inc, name)[1][0])
    entries = [entry.id for entry in bench.change_log.read(inc, "0-0")]
    bench.change_log.follow(inc, "quick", entries[2])
    bench.change_log.follow(inc, "slow", entries[1])
    bench.change_log.trim([inc])
    told = bench.change_log.follow(inc, "slow", entries[1])

    # The entry at the slowest cursor itself stays; the newest that went is what is told.
    assert [entry.id for entry in bench.change_log.read(inc, "0-0")] == entries[1:]
    assert told is not None
    assert told[1] == entries[0]


def test_a_follower_that_is_not_live_holds_nothing_up(bench: Workbench, inc: str) -> None:
    for name in "ab":
        bench.publish(bench.ingest(inc, name)[1][0])
    entries = [entry.id for entry in bench.change_log.read(inc, "0-0")]
    bench.change_log.follow(inc, "live", entries[1])
    bench.change_log.follow(inc, "dead", entries[0])
    bench.redis.zincrby(key("followers", inc), -2 * timings.FOLLOWER_LIVE_MS, "dead")
    bench.change_log.trim([inc])

    assert [entry.id for entry in bench.change_log.read(inc, "0-0")] == entries[1:]


def test_a_trim_that_removes_nothing_moves_nobody_out(bench: Workbench, inc: str) -> None:
    bench.change_log.follow(inc, "new", "")
    for _ in range(2):
        bench.change_log.trim([inc])

    assert bench.redis.hget(key("log_state", inc), "trimmed_to") is None


def test_the_log_holds_a_bounded_number_of_entries(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "LOG_ENTRIES", 2)
    bench = Workbench(redis_url)
    inc = bench.collection()
    bench.change_log.follow(inc, "stuck", "0-1")
    for name in "abcde":
        bench.publish(bench.ingest(inc, name)[1][0])
    bench.change_log.trim([inc])
    left = len(bench.change_log.read(inc, "0-0"))
    bench.close()

    assert left <= 3


def test_a_publish_waits_for_live_followers_only_and_not_for_ever(
    bench: Workbench, inc: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(timings, "PUBLISH_WAIT_S", 1.0)
    (row,) = bench.ingest(inc, "a")[1]
    bench.parse(row)
    entry = bench.log_add(bench.take(row))
    looks: list[str] = []

    def wait() -> bool:
        return bench.change_log.wait_for_followers(
            inc, entry, give_up=lambda: looks.append(new_id())
        )

    assert wait() is False
    assert looks == []
    bench.change_log.follow(inc, "behind", "0-1")
    assert wait() is False
    assert looks
    bench.change_log.follow(inc, "there", entry)
    assert wait() is True
    bench.change_log.unfollow([inc], "behind")
    looks.clear()
    assert wait() is True
    assert looks == []
