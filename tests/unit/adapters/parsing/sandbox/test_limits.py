"""How a parser ended says what to tell of its file."""

import signal

import pytest

from adapters.parsing.sandbox.limits import Death, Limits

LIMITS = Limits(memory=100 * 2**20, text=2**20)


@pytest.mark.parametrize(
    ("death", "reason"),
    [
        (Death(signal.SIGSEGV, 0), "parser_crashed"),
        (Death(0, 0), "parser_crashed"),
        (Death(signal.SIGXCPU, 0), "parser_timeout"),
        (Death(signal.SIGABRT, 60 * 2**20), "parser_memory"),
        (Death(signal.SIGKILL, 60 * 2**20), "parser_memory"),
    ],
)
def test_a_file_that_ended_its_parser_is_told_the_limit_that_it_broke(
    death: Death, reason: str
) -> None:
    broken = LIMITS.broken_by(death, timeout_s=3)

    assert broken is not None
    assert broken.reason == reason


@pytest.mark.parametrize("death", [None, Death(signal.SIGKILL, 0), Death(signal.SIGTERM, 0)])
def test_a_parser_that_was_killed_from_outside_says_nothing_of_its_file(
    death: Death | None,
) -> None:
    assert LIMITS.broken_by(death, timeout_s=3) is None
