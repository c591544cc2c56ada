"""The pages show what the description has, and all of it."""

from runtime.settings import Settings
from web.openapi.document import openapi_document
from web.openapi.page.calls import all_refused, call, groups
from web.openapi.refusals import REFUSALS

DOCUMENT = openapi_document(version="0", settings=Settings())
BASE = "http://127.0.0.1:8000"


def test_every_call_stands_in_one_group() -> None:
    names = [entry.id for group in groups(DOCUMENT) for entry in group.calls]
    described = [
        operation["operationId"]
        for methods in DOCUMENT["paths"].values()
        for operation in methods.values()
    ]

    assert sorted(names) == sorted(described)
    assert all(group.calls for group in groups(DOCUMENT))


def test_a_call_that_is_not_described_is_none() -> None:
    assert call(DOCUMENT, "none", base=BASE) is None


def test_a_call_shows_its_bodies_answers_and_the_types_that_these_speak_of() -> None:
    shown = call(DOCUMENT, "ingest", base=BASE)

    assert shown is not None
    assert [sent.label for sent in shown.sent] == ["a form", "JSON"]
    assert shown.sent[0].curl.startswith(f"curl {BASE}/api/ingests \\\n  -F files=@")
    assert [answer.status for answer in shown.answers] == ["200", "202"]
    assert [name for name, _, _ in shown.types][:1] == ["Job"]
    assert {"Progress", "JobError", "Answer", "Source", "Citation"} <= {
        name for name, _, _ in shown.types
    }


def test_a_refusal_means_what_the_call_says_or_what_all_mean() -> None:
    shown = call(DOCUMENT, "reindex", base=BASE)

    assert shown is not None
    told = {one.status: str(one.meaning) for one in shown.refusals}
    assert told[409] == "Another job does it; <code>job_id</code> names it."
    assert told[404] == REFUSALS[404].meaning
    assert [one.status for one in all_refused()] == list(REFUSALS)


def test_a_failure_of_health_is_an_answer_and_no_refusal() -> None:
    shown = call(DOCUMENT, "health", base=BASE)

    assert shown is not None
    assert [answer.status for answer in shown.answers] == ["200", "503"]
    assert 503 not in [one.status for one in shown.refusals]
