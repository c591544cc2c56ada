"""Each rule of the files of vector stores that has a failing run without it, and that run."""

from collections.abc import Callable

import orjson
import pytest

from corpus.vector_stores.attachments import Attachments, Counts, Told
from protocol.keys import key
from tests.support.workbench import Rules, Workbench

Scenario = Callable[[Workbench], bool]

FILE = "file-a"


def attach(bench: Workbench, colour: str, **more: str) -> str:
    """Attach a file; returns the row that makes its document."""
    told = Told(filename="a.txt", attributes={"colour": colour}).as_json()
    row = bench.row(FILE, content=colour) | {"attached": told} | more
    _, (unit,) = bench.ingest(bench.collection(), rows=[row])
    return unit


def counted(bench: Workbench) -> Counts:
    (counts,) = Attachments(bench.redis, bench.scripts).counts([bench.collection()])
    return counts


def colour(bench: Workbench) -> str:
    one = Attachments(bench.redis, bench.scripts).find(bench.collection(), FILE)
    return str(one.told.attributes["colour"]) if one else ""


def fail(bench: Workbench, unit: str) -> None:
    error = orjson.dumps({"type": "corrupt", "title": "No", "detail": "Broken."}).decode()
    bench.ledger.work.finish(bench.take(unit), state="failed", fields={"error": error})


def what_was_attached_anew_does_not_end_with_the_first_row(bench: Workbench) -> bool:
    first = attach(bench, "red")
    attach(bench, "blue")
    fail(bench, first)
    return counted(bench) == Counts(1, 0, 0, 0)


def a_file_that_was_detached_does_not_come_back_with_its_row(bench: Workbench) -> bool:
    unit = attach(bench, "red")
    taken = bench.take(unit)
    bench.delete(bench.collection(), FILE)
    bench.ledger.work.finish(taken, state="succeeded", fields={})
    return counted(bench).total == 0


def what_makes_a_detached_file_stops(bench: Workbench) -> bool:
    unit = attach(bench, "red")
    bench.delete(bench.collection(), FILE)
    return bench.state(unit) == "cancelled"


def attributes_that_failed_to_change_are_not_told(bench: Workbench) -> bool:
    bench.publish(attach(bench, "red"))
    fail(bench, attach(bench, "blue", renews="1"))
    return colour(bench) == "red" and counted(bench).completed == 1


def a_file_without_text_has_failed(bench: Workbench) -> bool:
    unit = attach(bench, "red")
    bench.ledger.work.finish(bench.take(unit), state="succeeded", fields={"outcome": "empty"})
    return counted(bench).failed == 1


def a_file_whose_document_was_lost_has_failed(bench: Workbench) -> bool:
    bench.publish(attach(bench, "red"))
    inc = bench.collection()
    now = bench.catalogue.generations.current_of(inc, FILE)
    assert now is not None
    bench.catalogue.repairs.withdraw(inc, FILE, now)
    return counted(bench) == Counts(0, 0, 1, 0)


def an_attach_whose_answer_was_lost_counts_once(bench: Workbench) -> bool:
    told = Told(filename="a.txt", attributes={}).as_json()
    row = bench.row(FILE) | {"attached": told}
    for _ in range(2):
        bench.ingest(bench.collection(), rows=[row], job_id="job", keep_open=True)
    return int(bench.redis.hget(key("job", "job"), "total")) == 1 and counted(bench).total == 1


RULES: list[tuple[Scenario, Rules]] = [
    (
        what_was_attached_anew_does_not_end_with_the_first_row,
        ((r"elseif unit == id and fields", "elseif unit and fields"),),
    ),
    (
        a_file_that_was_detached_does_not_come_back_with_its_row,
        (
            (r"elseif unit == id then\n", "else size = size or '0'\n"),
            (r"redis\.call\('ZSCORE', K\.attached_in\(inc, 'all'\), file\)", "1"),
        ),
    ),
    (
        what_makes_a_detached_file_stops,
        ((r"if r\.stage == 'remove' then detach_deleted\(doc\) end", ""),),
    ),
    (
        attributes_that_failed_to_change_are_not_told,
        ((r"if unit == u\.renews and became_current then", "if unit == u.renews then"),),
    ),
    (a_file_without_text_has_failed, ((r" and outcome ~= 'empty'", ""),)),
    (
        a_file_whose_document_was_lost_has_failed,
        ((r"if unit and attached_state\(inc, doc\) == 'completed' then", "if false then"),),
    ),
    (
        an_attach_whose_answer_was_lost_counts_once,
        ((r"if not there\[i\] and [^\n]* then\n", "if true then\n"),),
    ),
]


@pytest.mark.parametrize(
    ("scenario", "without"), RULES, ids=[scenario.__name__ for scenario, _ in RULES]
)
def test_a_rule_is_kept_and_its_absence_would_show(
    scenario: Scenario, without: Rules, redis_url: str
) -> None:
    shipped, lacking = Workbench(redis_url), None
    try:
        safe = scenario(shipped)
        lacking = Workbench(redis_url, without=without)
        unsafe = not scenario(lacking)
    finally:
        shipped.close()
        if lacking is not None:
            lacking.close()

    assert safe, "the rule is broken as shipped"
    assert unsafe, "the scenario cannot fail: it does not show what the rule is for"
