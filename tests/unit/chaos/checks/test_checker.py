"""A checker that cannot fail proves nothing: each promise is broken once here."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from chaos.checks.checker import PROMISES, check
from chaos.checks.final_state import FinalState
from chaos.history import (
    Accepted,
    Answered,
    Cancelled,
    Forgotten,
    Read,
    Record,
    Seen,
    Victim,
    Write,
)

FIRST = Write(
    document="record-0-0", revision=1, deletes=False, began=1, known=3, outcome="created", chunks=3
)
SECOND = replace(FIRST, revision=2, began=10, known=12, outcome="updated")
DELETE = replace(FIRST, revision=3, deletes=True, began=20, known=22, outcome="deleted", chunks=0)
SEARCH = Read(
    how="search", document="record-0-0", began=5, ended=6, revisions=(1,), chunks=3, whole=True
)
JOB = Accepted(job="j", kind="query", at=1, deadline_s=100)
END = Seen(job="j", at=4, state="succeeded", digest="a", frame="f")
WITHHELD = replace(END, at=25, digest="b", withheld=("record-0-0",))
VICTIM = Victim(unit="u", at=2, waited_s=20, went_on=True)


def promises(history: Sequence[Record], index: dict[str, int] | FinalState) -> list[str]:
    final = index if isinstance(index, FinalState) else FinalState(index)
    return [found.promise for found in check(history, final)]


def searched(revisions: tuple[int, ...], chunks: int) -> FinalState:
    """Return a final state in which a search finds so much of the first revision's three chunks."""
    found = {"sparse": {"record-0-0": (revisions, chunks)}}
    return FinalState({"record-0-0": 1}, chunks={"record-0-0": 3}, found=found)


def test_a_history_without_faults_keeps_every_promise() -> None:
    between = replace(SEARCH, began=11, ended=11.5)  # while the second is on its way
    history = [
        FIRST, SEARCH, SECOND, between, replace(between, revisions=(2,)), DELETE, JOB, END,
        replace(END, at=9), replace(SEARCH, began=21, ended=21.5, revisions=(), chunks=0),
        replace(SEARCH, began=23, ended=24, revisions=(), chunks=0),
    ]  # fmt: skip
    assert promises(history, {}) == []
    assert promises([FIRST, SECOND], {"record-0-0": 2}) == []
    assert promises([FIRST, DELETE, JOB, END, WITHHELD, replace(WITHHELD, at=30)], {}) == []
    assert promises([JOB, Forgotten(job="j", at=602)], {}) == []


@pytest.mark.parametrize(
    ("promise", "history", "index"),
    [
        ("lost", [JOB], {}),
        ("lost", [JOB, Forgotten(job="j", at=500)], {}),
        ("late", [JOB, replace(END, at=170)], {}),
        ("twice", [JOB, replace(END, ends=2)], {}),
        ("changed_after_final", [JOB, END, replace(END, at=9, digest="b")], {}),
        ("changed_after_final", [JOB, END, replace(END, at=9, state="cancelled")], {}),
        ("changed_after_final", [FIRST, DELETE, JOB, END, replace(WITHHELD, frame="g")], {}),
        ("changed_after_final", [FIRST, DELETE, JOB, END, replace(WITHHELD, at=19)], {}),
        ("changed_after_final", [FIRST, DELETE, JOB, WITHHELD, replace(END, at=26)], {}),
        ("changed_after_final", [FIRST, DELETE, JOB, WITHHELD, replace(WITHHELD, digest="c")], {}),
        ("uncancelled", [JOB, Cancelled(job="j", at=3), END], {}),
        ("stalled", [replace(VICTIM, waited_s=46)], {}),
        ("stalled", [replace(VICTIM, went_on=False)], {}),
        ("innocent_failed", [JOB, replace(END, state="failed", error="internal")], {}),
        ("innocent_failed", [JOB, replace(END, state="expired", error="deadline")], {}),
        ("innocent_failed", [replace(FIRST, outcome="failed: internal", poisoned=True)], {}),
        ("innocent_failed", [replace(FIRST, outcome="failed: store-unavailable")], {}),
        ("half_documents", [FIRST, replace(SEARCH, chunks=2)], {"record-0-0": 1}),
        ("wrong_reads", [FIRST, SECOND, replace(SEARCH, began=13, ended=14)], {"record-0-0": 2}),
        ("wrong_reads", [FIRST, SECOND, replace(SEARCH, revisions=(2,))], {"record-0-0": 2}),
        ("wrong_reads", [FIRST, DELETE, replace(SEARCH, began=23, ended=24)], {}),
        (
            "wrong_reads",
            [FIRST, DELETE, replace(SEARCH, how="answer", began=23, ended=24)],
            {},
        ),
        ("missing_documents", [FIRST, replace(SEARCH, revisions=(), chunks=0)], {"record-0-0": 1}),
        ("wrong_index", [FIRST, SECOND], {"record-0-0": 1}),
        ("wrong_index", [FIRST, DELETE], {"record-0-0": 1}),
        ("wrong_index", [FIRST], {}),
        ("wrong_index", [FIRST, replace(SECOND, outcome="superseded")], {"record-0-0": 1}),
        ("wrong_search", [FIRST], searched((1,), 2)),
        ("wrong_search", [FIRST], searched((), 0)),
        ("wrong_vectors", [], FinalState({}, extra_rows=("record-0-0:7:0",))),
        ("wrong_vectors", [], FinalState({}, missing_rows=("record-0-0:7:0",))),
        ("server_errors", [Answered(at=1, status=500, call="GET /")], {}),
    ],
)
def test_a_broken_promise_is_found(
    promise: str, history: Sequence[Record], index: dict[str, int] | FinalState
) -> None:
    assert promises(history, index) == [promise]


@pytest.mark.parametrize("how", ["search", "answer"])
def test_two_versions_in_one_search_or_answer_are_found(how: str) -> None:
    torn = replace(SEARCH, how=how, began=10, ended=13, revisions=(1, 2), chunks=6)
    assert "two_versions" in promises([FIRST, SECOND, torn], {"record-0-0": 2})


def test_what_a_search_finds_at_the_end_is_what_is_listed() -> None:
    assert promises([FIRST], searched((1,), 3)) == []


def test_a_job_is_late_by_its_own_end_not_by_when_a_client_heard_of_it() -> None:
    assert promises([JOB, replace(END, at=400, took_s=20)], {}) == []
    assert promises([JOB, replace(END, at=400, took_s=161)], {}) == ["late"]


def test_a_question_in_haste_may_expire_but_not_late() -> None:
    hasty = replace(JOB, deadline_s=10)
    expired = replace(END, state="expired", error="deadline")
    assert promises([hasty, expired], {}) == []
    assert promises([hasty, replace(expired, at=80)], {}) == ["late"]


def test_a_cancelled_job_that_stays_so_and_a_unit_that_goes_on_in_time_break_nothing() -> None:
    cancelled = replace(END, state="cancelled")
    assert promises([JOB, Cancelled(job="j", at=3), cancelled, VICTIM], {}) == []


def test_every_promise_is_broken_here() -> None:
    [mark] = [m for m in test_a_broken_promise_is_found.pytestmark if m.name == "parametrize"]
    assert {case[0] for case in mark.args[1]} | {"two_versions"} == set(PROMISES)


def test_a_search_that_lacks_a_retriever_may_lack_chunks_but_not_be_wrong() -> None:
    part = replace(SEARCH, chunks=1, whole=False)
    assert promises([FIRST, part], {"record-0-0": 1}) == []
    late = replace(part, began=13, ended=14)
    assert promises([FIRST, SECOND, late], {"record-0-0": 2}) == ["wrong_reads"]


def test_poison_fails_without_a_violation() -> None:
    poison = replace(FIRST, outcome="failed: too_many_attempts", poisoned=True)
    assert promises([poison], {}) == []


def test_an_answer_or_a_status_that_says_come_back_is_no_error() -> None:
    assert promises([Answered(at=1, status=503, call="GET /")], {}) == []
