"""Filters on a whole stack: what a filter excludes is never found, whatever happens meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stack.up import Stack
from tests.support.waiting import until
from tests.support.whole_stack import Api, quick_stack

#: Every third document is of each year; all say nearly the same.
YEARS = (1968, 1969, 1973)
MODES = ("hybrid", "dense", "sparse")


def document(n: int, **changes: Any) -> dict[str, Any]:
    text = f"Volume {n} treats sorting and searching. Sorting number {n} takes {n + 2} passes."
    return {"id": f"v/{n}.md", "text": text, "metadata": {"year": YEARS[n % 3], "n": n} | changes}


def ingest(api: Api, documents: list[dict[str, Any]], collection: str) -> None:
    job = api.post("/api/ingests", {"collection": collection, "documents": documents})
    assert api.finished(job["id"])["state"] == "succeeded"


def found(api: Api, filters: dict[str, Any], collection: str, mode: str) -> set[str]:
    """Return what both retrievers find, once neither is on its way."""

    def whole() -> tuple[set[str]] | None:
        names, degraded = searched(api, filters, collection, mode)
        return None if degraded else (names,)

    return until(whole, told="no retriever lacks")[0]


def searched(
    api: Api, filters: dict[str, Any], collection: str, mode: str
) -> tuple[set[str], list[str]]:
    body = {
        "query": "sorting and searching", "collection": collection, "mode": mode, "top_k": 50,
        "filters": filters,
    }  # fmt: skip
    answer = api.post("/api/search", body)
    return {source["document_id"] for source in answer["results"]}, answer["degraded"]


def volumes(*numbers: int) -> set[str]:
    return {f"v/{n}.md" for n in numbers}


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Stack, Api, Path]]:
    """A stack that may be hurt."""
    with quick_stack(data_dir=tmp_path) as running, Api(running.url) as api:
        yield running, api, tmp_path


def test_a_filtered_search_finds_what_matches_and_nothing_else(api: Api) -> None:
    ingest(api, [document(n) for n in range(12)], "filtered")

    for mode in MODES:
        assert found(api, {"year": 1968}, "filtered", mode) == volumes(0, 3, 6, 9)
        assert found(api, {"n": {"gte": 10}}, "filtered", mode) == volumes(10, 11)
        assert found(api, {"document_id": "v/4.md"}, "filtered", mode) == volumes(4)
        assert found(api, {"not": {"year": {"in": [1968, 1969]}}, "language": "en"},
                     "filtered", mode) == volumes(2, 5, 8, 11)  # fmt: skip
        assert found(api, {"year": "1968"}, "filtered", mode) == set()
        assert found(api, {}, "filtered", mode) == volumes(*range(12))


def test_lists_are_found_by_each_value_and_what_matches_nothing_says_why(api: Api) -> None:
    documents = [document(n) for n in range(4)]
    for n, tags in enumerate((["pump", "outdoor"], ["pump"], "outdoor", [])):
        documents[n]["metadata"] |= {"tags": tags, "version": f"1.{n}0"}
    ingest(api, documents, "listed")

    for mode in MODES:
        assert found(api, {"tags": "outdoor"}, "listed", mode) == volumes(0, 2)
        assert found(api, {"tags": {"in": ["pump", "x"]}}, "listed", mode) == volumes(0, 1)
        assert found(api, {"not": {"tags": "pump"}}, "listed", mode) == volumes(2, 3)
        assert found(api, {"tags": {"exists": False}}, "listed", mode) == volumes(3)
        assert found(api, {"version": "1.10"}, "listed", mode) == volumes(1)
    shown = api.get("/api/collections/listed/documents/v/0.md")["metadata"]
    assert (shown["tags"], shown["version"]) == (["pump", "outdoor"], "1.00")

    body = {"question": "What does volume 2 treat?", "collection": "listed"}
    for filters, hint in (
        ({"Version": "1.10"}, "no document has a field 'Version'; did you mean 'version'?"),
        ({"version": 1.1},
         "the field 'version' holds text in these documents, and the filter asks for numbers"),
    ):  # fmt: skip
        asked = api.post("/api/queries", body | {"filters": filters})
        result = api.finished(asked["id"])["result"]
        assert (result["answered"], result["why"]) == (False, "nothing_matches_filter")
        assert result["filter_hints"] == [hint]


def test_an_answer_rests_on_matching_documents_alone_in_a_follow_up_too(api: Api) -> None:
    ingest(api, [document(n) for n in range(12)], "answered")
    filters = {"year": {"lt": 1970}, "n": {"gt": 6}}
    body = {
        "question": "How many passes does sorting number 2 take?", "collection": "answered",
        "filters": filters, "trace": True,
    }  # fmt: skip
    turns = [{"role": "user", "text": "What does volume 2 treat?"}]
    for more in ({}, {"priority": "batch"}, {"history": turns}):
        job = api.finished(api.post("/api/queries", body | more)["id"])
        used = {source["document_id"] for source in job["result"]["sources"]}

        assert job["state"] == "succeeded"
        assert used <= volumes(7, 9, 10)
        assert used
        assert job["request"]["filters"] == filters
        assert job["result"]["trace"]["filter"]["matching"] == 3


def test_a_filter_sees_documents_as_they_are_now(api: Api) -> None:
    ingest(api, [document(n) for n in range(6)], "changing")
    ingest(api, [document(0, year=2000), document(1, year="unknown")], "changing")
    gone = api.http.delete("/api/collections/changing/documents/v/3.md").json()["id"]
    api.finished(gone)

    for mode in MODES:
        assert found(api, {"year": 1968}, "changing", mode) == set()
        assert found(api, {"year": 2000}, "changing", mode) == volumes(0)
        assert found(api, {"year": {"gte": 0}}, "changing", mode) == volumes(0, 2, 4, 5)
        assert found(api, {"year": {"gte": ""}}, "changing", mode) == volumes(1)


def test_filters_outlive_a_killed_worker_and_rows_that_were_damaged_meanwhile(
    own: tuple[Stack, Api, Path],
) -> None:
    stack, api, folder = own
    ingest(api, [document(n) for n in range(12)], "hurt")
    before = found(api, {"year": 1973}, "hurt", "hybrid")
    for damage in (b"", None):
        worker = stack.kill("retrieval")
        (rows,) = folder.glob("index/*/*/rows/vectors-*")
        if damage is not None:
            rows.write_bytes(damage)
        stack.wait_until_ready("retrieval", other_than=worker)

        def whole() -> bool:
            """While its index is built anew, a replica leaves to Chroma what it lacks itself."""
            names, degraded = searched(api, {"year": 1973}, "hurt", "hybrid")
            assert names <= before
            return not degraded

        assert until(whole)
        for mode in MODES:
            assert found(api, {"year": 1973}, "hurt", mode) == before == volumes(2, 5, 8, 11)
