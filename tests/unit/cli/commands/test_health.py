"""How the health of an installation is shown."""

from tests.support.fake_api import NOW, FakeApi, Quern, ok


def test_health_is_shown_part_by_part_also_when_it_fails(quern: Quern, api: FakeApi) -> None:
    body = {
        "status": "fail",
        "checks": {"redis:memory": [{"status": "fail", "observedValue": 97, "observedUnit": "%"}]},
    }
    api.on("GET", "/health", ok(body, 503))

    result = quern("health")

    assert result.exit_code == 1
    assert "not well" in result.stdout
    assert "redis:memory" in result.stdout
    assert "97 %" in result.stdout


def test_health_shows_the_worst_first_and_when_a_queue_last_finished(
    quern: Quern, api: FakeApi
) -> None:
    queue = {"status": "pass", "observedValue": 0, "observedUnit": "waiting", "lastFinished": NOW}
    stuck = {"status": "warn", "output": "retrieval/host/7: pool makes no progress for 12 s"}
    body = {"status": "warn", "checks": {"queue:embed": [queue], "workers:retrieve": [stuck]}}
    api.on("GET", "/health", ok(body))

    told = quern("health").stdout

    assert told.index("pool makes no progress for 12 s") < told.index("queue:embed")
    assert "0 waiting, last finished" in told


def test_an_ordinary_start_is_not_said_to_need_a_look(quern: Quern, api: FakeApi) -> None:
    begun = {"status": "warn", "output": "starting"}
    body = {"status": "warn", "output": "starting", "checks": {"workers:retrieve": [begun]}}
    api.on("GET", "/health", ok(body))

    told = quern("health").stdout

    assert "http://quern: starting; what is asked now waits until all is there" in told
    assert "look" not in told
