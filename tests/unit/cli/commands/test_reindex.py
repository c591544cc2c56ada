"""How a reindex is watched."""

from tests.support.fake_api import FakeApi, Quern, ok, question


def test_a_reindex_is_watched_to_its_end(quern: Quern, api: FakeApi) -> None:
    job = question(id="j9", kind="reindex", state="running", collection="work")
    counted = {"progress": {"done": 1, "total": 2, "unit": "documents"}}
    ended = {"state": "succeeded", "result": {"documents": 2}, "timings_ms": {"total": 1500}}
    api.on("POST", "/api/admin/reindex", ok(job, 202))
    api.on("GET", "/api/jobs/j9", ok(job | counted), ok(job | counted | ended))

    result = quern("reindex", "work")

    assert api.bodies("POST", "/api/admin/reindex") == [{"collection": "work"}]
    assert result.stdout == "work: 2 documents reindexed in 1.5 s.\n"


def test_a_reindex_names_the_documents_that_it_left_out(quern: Quern, api: FakeApi) -> None:
    told = {"documents": 2, "left_out": ["minutes/may.md", "noise"]}
    job = question(id="j9", kind="reindex", state="partial", result=told)
    api.on("POST", "/api/admin/reindex", ok(job, 202))
    api.on("GET", "/api/jobs/j9", ok(job))

    result = quern("reindex", "work")

    assert result.exit_code == 1
    assert result.stdout.startswith("work: 2 documents reindexed")
    assert result.stderr.endswith("with another model:\nminutes/may.md\nnoise\n")


def test_a_reindex_that_fails_says_why(quern: Quern, api: FakeApi) -> None:
    error = {"type": "passages_missing", "title": "No", "detail": "Passages are missing."}
    job = question(id="j9", kind="reindex", state="failed", error=error)
    api.on("POST", "/api/admin/reindex", ok(job, 202))
    api.on("GET", "/api/jobs/j9", ok(job))

    result = quern("reindex", "work")

    assert result.exit_code == 1
    assert "Passages are missing." in result.stderr


def test_a_reindex_can_be_asked_for_without_waiting(quern: Quern, api: FakeApi) -> None:
    api.on("POST", "/api/admin/reindex", ok(question(id="j9", kind="reindex"), 202))

    assert quern("reindex", "work", "--no-watch-progress").stdout == "Job j9\n"
