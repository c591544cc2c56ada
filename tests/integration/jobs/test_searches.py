"""Whether people search, as the ledger knows."""

import time

from redis import Redis

from jobs import searches
from jobs.searches import SearchSight
from protocol.keys import key
from tests.support.workbench import Workbench


def test_a_search_is_under_way_from_its_submission_to_its_end_and_lately_a_moment_longer(
    bench: Workbench,
) -> None:
    sight = SearchSight(bench.redis)
    assert (sight.under_way(), sight.lately()) == (False, False)
    unit_id = bench.ask()
    assert (sight.under_way(), sight.lately()) == (True, True)
    bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})
    assert (sight.under_way(), sight.lately()) == (False, True)
    earlier = int(bench.redis.time()[0] - searches.LATELY_S - 1) * 1_000_000
    bench.redis.hset(key("pace", "retrieve"), "last_finish", earlier)

    assert (sight.under_way(), sight.lately()) == (False, False)


def test_one_that_is_under_way_is_let_pass_as_long_as_it_is_and_not_for_ever(
    bench: Workbench,
) -> None:
    unit_id = bench.ask()
    began = time.monotonic()
    SearchSight(bench.redis).let_pass(longest_s=0.1)
    assert time.monotonic() - began >= 0.1
    bench.ledger.work.finish(bench.take(unit_id), state="succeeded", fields={"result": "{}"})
    began = time.monotonic()
    SearchSight(bench.redis).let_pass(longest_s=60)

    assert time.monotonic() - began < 30


def test_documents_on_their_way_are_no_searches(bench: Workbench) -> None:
    bench.ingest(bench.collection(), "a")

    assert not SearchSight(bench.redis).lately()


def test_where_redis_is_away_nobody_searches() -> None:
    away = SearchSight(Redis(port=9, socket_connect_timeout=0.1))

    assert (away.under_way(), away.lately()) == (False, False)
