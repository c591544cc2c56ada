"""From a file that is uploaded to an answer that cites it, through OpenAI's own client."""

from typing import Any

import pytest

from tests.support.worlds.store_house import StoreHouse
from tests.support.worlds.v1_client import attached

openai = pytest.importorskip("openai")

TEXT = "Calibration\n\nThe calibration log hangs beside the door. It is blue."


@pytest.fixture
def file(api: Any, house: StoreHouse, store: str) -> str:
    assert house
    attached(api, store, "other.txt", "Doors are repainted each spring.", year=1999)
    return attached(api, store, "notes of 2020.txt", TEXT, year=2020)


def ask(api: Any, store: str, **tool: Any) -> Any:
    return api.responses.create(
        input="Where does the calibration log hang?",
        tools=[{"type": "file_search", "vector_store_ids": [store], **tool}],
        include=["file_search_call.results"],
    )


def test_an_answer_cites_the_file_that_was_uploaded(api: Any, store: str, file: str) -> None:
    answer = ask(api, store)

    call, message = answer.output
    assert (answer.status, call.status) == ("completed", "completed")
    (note, *_) = message.content[0].annotations
    assert (note.file_id, note.filename) == (file, "notes of 2020.txt")
    assert note.quote == "The calibration log hangs beside the door."
    content = api.vector_stores.files.content(file, vector_store_id=store).data[0].text
    assert content[note.start : note.end] == note.quote
    best = call.results[0]
    assert (best.file_id, best.filename, best.attributes) == (
        file, "notes of 2020.txt", {"year": 2020},
    )  # fmt: skip


def test_results_of_an_answer_are_those_of_a_search(api: Any, store: str, file: str) -> None:
    assert file
    found = api.vector_stores.search(store, query="Where does the calibration log hang?").data
    results = ask(api, store).output[0].results

    assert [(one.file_id, one.filename, one.score) for one in results] == [
        (one.file_id, one.filename, one.score) for one in found
    ]


def test_filters_of_attributes_hold(api: Any, store: str, file: str) -> None:
    assert file
    answer = ask(api, store, filters={"type": "lt", "key": "year", "value": 2000})

    assert [one.filename for one in answer.output[0].results] == ["other.txt"]


def test_what_is_detached_is_cited_no_more(api: Any, store: str, file: str) -> None:
    before = ask(api, store)
    api.vector_stores.files.delete(file, vector_store_id=store)
    answer = ask(api, store)

    assert file not in [one.file_id for one in answer.output[0].results]
    assert "calibration log" in before.output_text
    assert "calibration log" not in api.responses.retrieve(before.id).output_text


def test_a_store_that_is_gone_is_not_found(api: Any, store: str, file: str) -> None:
    assert file
    api.vector_stores.delete(store)

    with pytest.raises(openai.NotFoundError):
        ask(api, store)
