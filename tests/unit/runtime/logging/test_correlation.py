"""Which request and job a log line belongs to, and that no id stays behind on a thread."""

import threading

import pytest

from adapters.generators.openai_client import Refused
from jobs.units import Unit
from rag.errors import Broken, InvalidRequest, LeaseLost
from runtime.logging import correlation
from runtime.logging.log_words import redacted, trace, words


def test_ids_hold_within_their_block_and_outer_ones_come_back() -> None:
    with correlation.bound(request_id="r1"):
        with correlation.bound(job_id="j1", document_id=""):
            assert correlation.current() == {"request_id": "r1", "job_id": "j1"}
        assert correlation.current() == {"request_id": "r1"}
    assert correlation.current() == {}


def test_ids_do_not_stay_when_a_body_fails() -> None:
    with pytest.raises(LeaseLost), correlation.bound(job_id="j1"):
        raise LeaseLost("j1")

    assert correlation.current() == {}


def test_another_thread_starts_with_no_ids() -> None:
    seen: list[object] = []
    with correlation.bound(job_id="j1"):
        thread = threading.Thread(target=lambda: seen.append(dict(correlation.current())))
        thread.start()
        thread.join()

    assert seen == [{}]


def test_a_new_request_forgets_the_one_before_it_on_its_thread() -> None:
    correlation.begin(request_id="r1", job_id="j1")
    correlation.begin(request_id="r2")

    assert correlation.request_id() == "r2"
    assert "job_id" not in correlation.current()
    correlation.end()
    assert correlation.request_id() == ""


def test_a_document_row_carries_its_job_and_document_and_the_request() -> None:
    row = Unit("j1:0", {"job": "j1", "document": "a.txt", "request_id": "r1"})

    assert row.ids == {"job_id": "j1", "document_id": "a.txt", "request_id": "r1"}
    assert Unit("j2", {}).ids == {"job_id": "j2"}


def _fail(error: Exception) -> None:
    raise error


def _elsewhere(error: Exception) -> tuple[str, str]:
    """What is said of an error that is caught in a thread which is not the main one."""
    said: list[tuple[str, str]] = []

    def run() -> None:
        try:
            try:
                _fail(error)
            except Exception as caught:
                raise RuntimeError("around SECRET") from caught
        except RuntimeError as around:
            kind = (type(around), around, around.__traceback__)
            said.append((words(error), trace(kind)))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    return said[0]


@pytest.mark.parametrize("error", [ValueError("SECRET"), InvalidRequest("question", "SECRET")])
def test_a_message_that_may_quote_somebody_is_withheld_with_its_length(error: Exception) -> None:
    said, frames = _elsewhere(error)

    assert "SECRET" not in said
    assert f"{len(str(error))} characters" in said
    assert "SECRET" not in frames.replace('"around SECRET"', "")
    assert frames.count("Traceback") == 2


@pytest.mark.parametrize("error", [Broken("no room"), OSError(28, "No space left"), LeaseLost("u")])
def test_a_message_of_the_system_or_our_own_is_told(error: Exception) -> None:
    said, frames = _elsewhere(error)

    assert said == str(error)
    assert str(error) in frames


def test_an_error_may_bring_words_that_may_be_told() -> None:
    said, frames = _elsewhere(Refused(503, "SECRET is too much for me"))

    assert said == "the model server refuses with 503"
    assert "SECRET is" not in frames


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("at redis://user:p%40ss@host:6379/0 now", "at redis://***@host:6379/0 now"),
        ("rediss://:p@ss:w@host/1, http://u@h", "rediss://***@host/1, http://***@h"),
        ("http://host:80/a?to=x@y", "http://host:80/a?to=x@y"),
        ("someone@example.org", "someone@example.org"),
    ],
)
def test_no_address_keeps_its_user_and_password(text: str, left: str) -> None:
    assert redacted(text) == left
