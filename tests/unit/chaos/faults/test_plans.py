"""What a plan chooses follows its dice alone."""

import random
from collections import Counter
from itertools import islice

import pytest

from chaos.faults.plans import FAULTS, PLANS, Plan


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_names_faults_that_there_are(plan: Plan) -> None:
    assert plan.counts.keys() <= FAULTS.keys()


def test_every_fault_is_in_a_plan() -> None:
    assert set().union(*(plan.counts for plan in PLANS.values())) == FAULTS.keys()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_seed_decides_what_is_done_and_each_round_has_every_fault(plan: Plan) -> None:
    size = sum(plan.counts.values())
    one, other = (list(islice(plan.faults(random.Random(3)), 2 * size)) for _ in range(2))

    assert one == other
    for start in (0, size):
        assert Counter(fault.what for fault in one[start : start + size]) == plan.counts


def test_a_fault_may_be_left_out() -> None:
    assert PLANS["mixed"].without(["kill"]).counts == {
        what: count for what, count in PLANS["mixed"].counts.items() if what != "kill"
    }
