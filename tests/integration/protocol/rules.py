"""Rules of the scripts: what holds as they are shipped, and would not without a part of them."""

from collections.abc import Callable

from tests.support.workbench import Rules, Workbench

Scenario = Callable[[Workbench], bool]


def with_and_without(scenario: Scenario, without: Rules, redis_url: str) -> tuple[bool, bool]:
    """
    Return whether a rule holds as shipped, and whether it does not where a part of it is lacking.

    Args:
        scenario: Tells whether all went well.

        without: What of the scripts is replaced, and by what.
    """
    shipped, lacking = Workbench(redis_url), None
    try:
        safe = scenario(shipped)
        lacking = Workbench(redis_url, without=without)
        return safe, not scenario(lacking)
    finally:
        shipped.close()
        if lacking is not None:
            lacking.close()
