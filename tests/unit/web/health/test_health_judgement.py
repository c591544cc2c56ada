"""What is said of a part follows what is seen, but not at every twitch."""

import pytest

from web.health.check import Check, Status
from web.health.judgement import Judgement, settled


def said(*seen: Status, name: str = "redis:responseTime") -> list[Status]:
    judgement = Judgement()
    return [judgement.settle([Check(name, status, "datastore")])[0].status for status in seen]


def test_the_first_look_counts_at_once() -> None:
    assert said("fail") == ["fail"]


def test_one_bad_look_is_no_outage_and_two_are() -> None:
    assert said("pass", "fail", "pass", "fail", "fail") == ["pass", "pass", "pass", "pass", "fail"]


def test_it_recovers_with_the_third_good_look_in_a_row() -> None:
    probes: list[Status] = ["fail", "pass", "pass", "fail", "pass", "pass", "pass"]

    assert said(*probes) == ["fail"] * 6 + ["pass"]


def test_it_worsens_to_the_milder_and_recovers_to_the_worse_of_what_was_seen() -> None:
    assert settled("pass", ["pass", "warn", "fail"]) == "warn"
    assert settled("warn", ["warn", "fail", "fail"]) == "fail"
    assert settled("fail", ["pass", "warn", "pass"]) == "warn"
    assert settled("fail", ["fail", "warn", "warn"]) == "fail"


@pytest.mark.parametrize("name", ["cache:responseTime", "flower:responseTime"])
def test_what_is_not_vital_is_a_warning_at_most(name: str) -> None:
    assert said("fail", "fail", "fail", name=name) == ["warn"] * 3


def test_each_check_has_a_past_of_its_own() -> None:
    judgement = Judgement()
    for _ in range(2):
        judgement.settle([Check("a", "pass", "system"), Check("b", "fail", "system")])
    a, b = judgement.settle([Check("a", "fail", "system"), Check("b", "fail", "system")])

    assert (a.status, b.status) == ("pass", "fail")


def test_what_ails_is_told_until_it_is_well_and_no_longer() -> None:
    judgement = Judgement()
    probes = [Check("a", "fail", "system", output="no answer")] * 2
    probes += [Check("a", "pass", "system")] * 3
    outputs = [judgement.settle([probe])[0].output for probe in probes]

    assert outputs == [
        "no answer", "no answer", "recovering; it was: no answer",
        "recovering; it was: no answer", None,
    ]  # fmt: skip


def test_a_single_bad_look_says_nothing_yet() -> None:
    judgement = Judgement()
    judgement.settle([Check("a", "pass", "system")])

    assert judgement.settle([Check("a", "fail", "system", output="slow")])[0].output is None
