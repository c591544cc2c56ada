"""Scripts on a real Redis: what one took of its processor is told with the answer."""

import time

import pytest
from redis.exceptions import ResponseError

from tests.support.workbench import Workbench


def test_a_script_tells_what_it_took_and_not_how_long_its_caller_waited(bench: Workbench) -> None:
    with bench.redis.client() as other:
        assert other.connection is not None
        other.connection.send_command("DEBUG", "SLEEP", "0.5")
        time.sleep(0.05)  # Redis has begun with it
        began = time.monotonic()
        answer, spent_s = bench.scripts.timed("look", "nothing")
        waited_s = time.monotonic() - began
        other.connection.read_response()

    assert answer[:4] == [[], [], [], ""]
    assert waited_s > 0.2
    assert spent_s < waited_s / 2


def test_a_script_of_many_rows_takes_longer_than_one_of_few(bench: Workbench) -> None:
    job, _ = bench.ingest(bench.collection(), *(f"d{n}" for n in range(300)))
    bench.ledger.submissions.cancel_job(job)
    (cursor, few, *_), spent_s = bench.scripts.timed("cancel_rows", job, "0", 5)
    (_, many, *_), longer_s = bench.scripts.timed("cancel_rows", job, cursor, 300)

    assert (int(few) < 20, int(many) > 200) == (True, True)
    assert 0 < spent_s < longer_s


def test_a_script_that_redis_has_forgotten_is_timed_all_the_same(bench: Workbench) -> None:
    job, _ = bench.ingest(bench.collection(), "a", "b")
    bench.ledger.submissions.cancel_job(job)
    bench.redis.script_flush()
    answer, _ = bench.scripts.timed("cancel_rows", job, "0", 10)

    assert answer[:2] == ["0", "2"]
    assert bench.job_state(job) == "cancelled"


def test_a_script_that_fails_raises_though_it_is_timed(bench: Workbench) -> None:
    with pytest.raises(ResponseError):
        bench.scripts.timed("accept", "a job")


def test_a_redis_that_knows_no_threads_tells_the_time_of_all(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protocol.scripts._CPU", ("used_cpu_of_a_thread",))
    job, _ = bench.ingest(bench.collection(), *(f"d{n}" for n in range(100)))
    bench.ledger.submissions.cancel_job(job)
    _, spent_s = bench.scripts.timed("cancel_rows", job, "0", 100)

    assert 0 < spent_s < 60
