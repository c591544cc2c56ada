"""`quern purge` against a stand-in for the API."""

from tests.support.fake_api import FakeApi, Quern, ok

PATH = "/api/admin/purge"


def told(jobs: int, documents: int = 0, cursor: str | None = None) -> dict[str, object]:
    return {"jobs": jobs, "documents": documents, "next_cursor": cursor}


def test_a_purge_goes_on_to_the_end_and_says_what_was_forgotten(quern: Quern, api: FakeApi) -> None:
    api.on("POST", PATH, ok(told(2, 5, "next")), ok(told(1)))

    done = quern("purge", "--older-than", "30d", "-c", "work", "--yes")

    assert done.stdout == "3 jobs with 5 records of documents or questions forgotten.\n"
    asked = {"older_than_s": 30 * 86_400, "collection": "work"}
    assert api.bodies("POST", PATH) == [asked, asked | {"cursor": "next"}]


def test_a_dry_run_and_a_question_that_is_not_answered_forget_nothing(
    quern: Quern, api: FakeApi
) -> None:
    api.on("POST", PATH, ok(told(3)))

    assert quern("purge", "--older-than", "2w", "--dry-run").stdout == (
        "3 jobs would be forgotten.\n"
    )
    assert quern("purge", "--older-than", "48h").exit_code == 1
    assert all(body["dry_run"] for body in api.bodies("POST", PATH))


def test_a_span_that_is_none_is_refused(quern: Quern) -> None:
    done = quern("purge", "--older-than", "a month")

    assert done.exit_code == 2
    assert "30d" in done.output
