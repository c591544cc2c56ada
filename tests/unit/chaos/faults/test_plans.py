"""What a plan chooses follows its dice alone."""

import random

import pytest

from chaos.faults.plans import FAULTS, PLANS, Plan


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_plan_names_faults_that_there_are(plan: Plan) -> None:
    assert plan.weights.keys() <= FAULTS.keys()


def test_every_fault_is_in_a_plan() -> None:
    assert set().union(*(plan.weights for plan in PLANS.values())) == FAULTS.keys()


@pytest.mark.parametrize("plan", PLANS.values(), ids=PLANS)
def test_a_seed_decides_what_is_done(plan: Plan) -> None:
    one, other = random.Random(3), random.Random(3)
    assert [plan.next_fault(one) for _ in range(50)] == [plan.next_fault(other) for _ in range(50)]
