"""Searches of vector stores through OpenAI's own client."""

from typing import Any

import pytest

from tests.support.worlds.v1_client import attached

openai = pytest.importorskip("openai")

Json = dict[str, Any]


@pytest.fixture
def shelf(api: Any, store: str) -> str:
    """Four files of the same words, with other attributes."""
    for name, attributes in {
        "a": {"region": "us", "year": 2020, "good": True},
        "b": {"region": "us", "year": 2022.5, "good": False},
        "c": {"region": "eu", "year": 2024, "good": True},
        "d": {"other": "x"},
    }.items():
        attached(api, store, f"{name}.txt", f"Report {name} is about ships.", **attributes)
    return store


def eq(name: str, value: object) -> Json:
    return {"type": "eq", "key": name, "value": value}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (eq("region", "us"), "ab"),
        ({"type": "ne", "key": "region", "value": "us"}, "cd"),
        ({"type": "gt", "key": "year", "value": 2020}, "bc"),
        ({"type": "gte", "key": "year", "value": 2020}, "abc"),
        ({"type": "lt", "key": "year", "value": 2022.5}, "a"),
        ({"type": "lte", "key": "year", "value": 2022.5}, "ab"),
        ({"type": "in", "key": "region", "value": ["eu", "asia"]}, "c"),
        ({"type": "nin", "key": "region", "value": ["eu"]}, "abd"),
        (eq("good", True), "ac"),
        (eq("year", "2020"), ""),
        (eq("region", 1), ""),
        ({"type": "and", "filters": [eq("region", "us"), eq("good", True)]}, "a"),
        ({"type": "or", "filters": [eq("region", "eu"), eq("other", "x")]}, "cd"),
        (
            {
                "type": "or",
                "filters": [
                    {"type": "and", "filters": [eq("region", "us"), eq("year", 2020)]},
                    {"type": "and", "filters": [eq("region", "eu")]},
                ],
            },
            "ac",
        ),
        (None, "abcd"),
    ],
)
@pytest.mark.usefixtures("house")
def test_a_search_keeps_to_its_filter(
    api: Any, shelf: str, filters: Json | None, expected: str
) -> None:
    more = {} if filters is None else {"filters": filters}
    found = api.vector_stores.search(shelf, query="report about ships", **more)

    assert sorted(hit.filename[0] for hit in found.data) == list(expected)


@pytest.mark.usefixtures("house")
def test_scores_tell_how_likely_a_passage_has_the_answer(api: Any, store: str) -> None:
    attached(api, store, "oven.txt", "The oven is lit at four in the morning.")
    attached(api, store, "ships.txt", "Ships leave the harbour with the tide.")
    near = api.vector_stores.search(store, query="When is the oven lit in the morning?").data
    far = api.vector_stores.search(store, query="Who was elected mayor of Lisbon?").data
    good = api.vector_stores.search(
        store, query="When is the oven lit in the morning?",
        ranking_options={"score_threshold": 0.5},
    ).data  # fmt: skip

    assert near[0].filename == "oven.txt"
    assert [hit.score for hit in near] == sorted((hit.score for hit in near), reverse=True)
    assert all(0 <= hit.score <= 1 for hit in (*near, *far))
    assert near[0].score > 0.5 > near[1].score
    assert all(hit.score < 0.5 for hit in far)
    assert [hit.filename for hit in good] == ["oven.txt"]


@pytest.mark.usefixtures("house")
def test_several_queries_are_one_list(api: Any, store: str) -> None:
    attached(api, store, "oven.txt", "The oven is lit at four.")
    attached(api, store, "ships.txt", "Ships leave with the tide.")
    found = api.vector_stores.search(
        store, query=["oven lit", "ships tide"], max_num_results=2, rewrite_query=True,
        extra_body={"brand_new": {"x": 1}},
    )  # fmt: skip

    assert sorted(hit.filename for hit in found.data) == ["oven.txt", "ships.txt"]
    assert found.model_extra["search_query"] == ["oven lit", "ships tide"]
    assert found.data[0].chunk_id
    one = api.vector_stores.search(store, query="oven", max_num_results=1)
    assert len(one.data) == 1
