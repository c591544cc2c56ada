"""Each rule of the files of vector stores that has a failing run without it, and that run."""

from collections.abc import Callable

import orjson
import pytest

from access.grants import Grant, acting_for
from corpus.vector_stores.attachments import Attachments, Counts, Told
from protocol.ids import new_id
from protocol.keys import key
from tests.integration.protocol.rules import Scenario, with_and_without
from tests.support.workbench import Rules, Workbench

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
    first = attach(bench, "red")
    bench.publish(first)
    fail(bench, attach(bench, "blue", renews=first))
    return colour(bench) == "red" and counted(bench).completed == 1


def a_change_does_not_attach_again_what_was_detached_meanwhile(bench: Workbench) -> bool:
    first = attach(bench, "red")
    bench.publish(first)
    bench.delete(bench.collection(), FILE)
    late = attach(bench, "blue", renews=first)
    return counted(bench).total == 0 and bench.state(late) == "failed"


def a_change_leaves_alone_what_was_attached_anew_meanwhile(bench: Workbench) -> bool:
    first = attach(bench, "red")
    bench.publish(first)
    bench.publish(attach(bench, "green"))
    late = attach(bench, "blue", renews=first)
    if bench.state(late) == "queued":
        bench.publish(late)
    return colour(bench) == "green"


def refused(bench: Workbench) -> str:
    """Name the file once more, of which there is nothing any more to attach."""
    error = {"type": "not_found", "title": "No", "detail": "There is no such file."}
    return attach(bench, "none", rejected=orjson.dumps(error).decode())


def a_refused_row_takes_no_file_from_its_document(bench: Workbench) -> bool:
    bench.publish(attach(bench, "red"))
    late = refused(bench)
    is_told = bench.state(late) == "failed" and bench.field(late, "attached_end") == "failed"
    return is_told and colour(bench) == "red" and counted(bench).completed == 1


def a_refused_row_takes_no_file_from_the_row_that_is_at_it(bench: Workbench) -> bool:
    first = attach(bench, "red")
    refused(bench)
    bench.publish(first)
    return colour(bench) == "red" and counted(bench).completed == 1


def a_refused_row_costs_nothing(bench: Workbench) -> bool:
    with acting_for(Grant(key_id="k")):
        refused(bench)
        attach(bench, "red")
    return bench.redis.hget(key("spent", "k", "all"), "documents") == "1"


def lasts(bench: Workbench, use: Callable[[str], object]) -> bool:
    """Return True if a store that was long unused is in use once *use* is called."""
    collection_id = bench.collection()
    bench.redis.hset(key("store", collection_id), mapping={"label": "", "active": "1"})
    use(collection_id)
    return int(bench.redis.hget(key("store", collection_id), "active")) > 1


def ask(bench: Workbench, collection: str, **more: str) -> None:
    bench.ledger.submissions.submit(
        new_id(), stage="retrieve", limit=9, deadline_s=9,
        fields={
            "kind": "query", "class": "interactive", "owner": "interactive", "priority": 0,
            "request": "{}", "collection": collection,
        } | more,
    )  # fmt: skip


def a_store_that_is_asked_by_its_collection_lasts(bench: Workbench) -> bool:
    return lasts(bench, lambda _: ask(bench, "papers"))


def a_store_that_is_asked_beside_another_lasts(bench: Workbench) -> bool:
    bench.collection("other")
    return lasts(bench, lambda _: ask(bench, "other", also="papers"))


def a_store_that_is_asked_a_list_of_questions_lasts(bench: Workbench) -> bool:
    job = {"kind": "questions", "collection": "papers", "priority": "batch", "fill_total": 1}
    return lasts(
        bench,
        lambda collection_id: bench.ledger.slices.begin_list(
            new_id(), job=job | {"incarnation": collection_id}, deadline_s=9
        ),
    )


def a_store_that_gets_documents_by_its_collection_lasts(bench: Workbench) -> bool:
    return lasts(bench, lambda collection_id: bench.ingest(collection_id, "a.md"))


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
    (
        a_change_does_not_attach_again_what_was_detached_meanwhile,
        ((r"if r\.renews and r\.renews ~= unit then return false end", ""),),
    ),
    (
        a_change_leaves_alone_what_was_attached_anew_meanwhile,
        ((r"if r\.renews and r\.renews ~= unit then return false end", ""),),
    ),
    (
        a_refused_row_takes_no_file_from_its_document,
        ((r"\(r\.renews or r\.rejected\) and state", "r.renews and state"),),
    ),
    (
        a_refused_row_takes_no_file_from_the_row_that_is_at_it,
        ((r" or r\.rejected and state == 'in_progress'", ""),),
    ),
    (
        a_refused_row_costs_nothing,
        ((r"if not \(there\[i\] or r\.rejected\) then", "if not there[i] then"),),
    ),
    (
        a_store_that_is_asked_by_its_collection_lasts,
        ((r"if fields\.incarnation then note_use\(fields\.incarnation\) end", ""),),
    ),
    (
        a_store_that_is_asked_beside_another_lasts,
        ((r"note_use\(redis\.call\('HGET', K\.collections\(\), name\) or ''\)", ""),),
    ),
    (
        a_store_that_is_asked_a_list_of_questions_lasts,
        ((r"note_use\(fields\.incarnation\)\nkeep_key", "keep_key"),),
    ),
    (
        a_store_that_gets_documents_by_its_collection_lasts,
        ((r"if from == '' and fresh > 0 then note_use\(inc\) end", ""),),
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
    safe, unsafe = with_and_without(scenario, without, redis_url)

    assert safe, "the rule is broken as shipped"
    assert unsafe, "the scenario cannot fail: it does not show what the rule is for"
