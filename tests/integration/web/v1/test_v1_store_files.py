"""Files of vector stores through OpenAI's own client."""

import io
from typing import Any

import pytest

from tests.support.worlds.store_house import StoreHouse
from tests.support.worlds.v1_client import attached, counts, upload

openai = pytest.importorskip("openai")

Json = dict[str, Any]


@pytest.mark.usefixtures("house")
def test_a_file_is_uploaded_attached_read_and_detached(api: Any, store: str) -> None:
    told = api.vector_stores.files.upload_and_poll(
        vector_store_id=store, file=("notes.txt", io.BytesIO(b"Bread is baked at four."))
    )

    assert (told.status, told.last_error, told.usage_bytes) == ("completed", None, 23)
    assert told.chunking_strategy.type == "static"
    assert api.vector_stores.files.retrieve(told.id, vector_store_id=store) == told
    assert counts(api.vector_stores.retrieve(store)) == (0, 1, 0, 0, 1)
    (part,) = api.vector_stores.files.content(told.id, vector_store_id=store)
    assert part.text == "Bread is baked at four."
    assert [hit.filename for hit in api.vector_stores.search(store, query="bread").data] == [
        "notes.txt"
    ]
    gone = api.vector_stores.files.delete(told.id, vector_store_id=store)
    assert (gone.id, gone.deleted) == (told.id, True)
    assert counts(api.vector_stores.retrieve(store)) == (0,) * 5
    assert api.vector_stores.search(store, query="bread").data == []
    assert api.files.retrieve(told.id).filename == "notes.txt"
    with pytest.raises(openai.NotFoundError):
        api.vector_stores.files.retrieve(told.id, vector_store_id=store)


@pytest.mark.usefixtures("house")
def test_a_small_file_is_a_document_when_the_post_answers(api: Any, store: str) -> None:
    file = upload(api, "a.txt", "A is first.")

    assert api.vector_stores.files.create(store, file_id=file).status == "completed"


@pytest.mark.usefixtures("house")
@pytest.mark.parametrize(
    ("name", "text", "reason"), [("bad.pdf", "x", "corrupt"), ("a.txt", " ", "no_text")]
)
def test_a_file_that_cannot_be_read_fails_and_says_why(
    api: Any, store: str, name: str, text: str, reason: str
) -> None:
    file = upload(api, name, text)
    told = api.vector_stores.files.create_and_poll(file, vector_store_id=store)

    assert (told.status, told.usage_bytes) == ("failed", 0)
    assert told.last_error.code == "invalid_file"
    assert told.last_error.reason == reason
    assert told.last_error.message
    done = api.vector_stores.retrieve(store)
    assert (done.status, counts(done)) == ("completed", (0, 0, 1, 0, 1))
    with pytest.raises(openai.BadRequestError, match="failed"):
        api.vector_stores.files.content(file, vector_store_id=store)


def test_a_file_that_waits_tells_when_to_ask_again(api: Any, store: str, house: StoreHouse) -> None:
    file = upload(api, "a.txt", "A.")
    with house.held():
        raw = api.vector_stores.files.with_raw_response.create(store, file_id=file)
        again = api.vector_stores.files.with_raw_response.retrieve(file, vector_store_id=store)

        assert raw.parse().status == "in_progress"
        for answer in (raw, again):
            assert 100 <= int(answer.headers["openai-poll-after-ms"]) <= 5_000
    api.vector_stores.files.poll(file, vector_store_id=store)
    done = api.vector_stores.files.with_raw_response.retrieve(file, vector_store_id=store)
    assert "openai-poll-after-ms" not in done.headers


def test_a_file_detached_while_it_waits_is_gone(api: Any, store: str, house: StoreHouse) -> None:
    file = upload(api, "a.txt", "Apples.")
    with house.held():
        assert api.vector_stores.files.create(store, file_id=file).status == "in_progress"
        api.vector_stores.files.delete(file, vector_store_id=store)
        assert counts(api.vector_stores.retrieve(store)) == (0,) * 5
    redis_open = lambda: api.vector_stores.search(store, query="apples").data  # noqa: E731
    assert redis_open() == []


@pytest.mark.usefixtures("house")
def test_a_file_may_be_in_two_stores_with_attributes_of_each(api: Any, store: str) -> None:
    other = api.vector_stores.create().id
    file = attached(api, store, "a.txt", "Apples are red.", colour="red")
    api.vector_stores.files.create_and_poll(
        file, vector_store_id=other, attributes={"colour": "green"}
    )

    told = [
        api.vector_stores.files.retrieve(file, vector_store_id=one).attributes
        for one in (store, other)
    ]
    assert told == [{"colour": "red"}, {"colour": "green"}]


def test_attributes_are_replaced_without_another_vector_and_searches_know_it(
    api: Any, store: str, house: StoreHouse
) -> None:
    file = attached(api, store, "a.txt", "Apples are red.", colour="red", n=1)
    seen = list(house.model.seen)
    changed = api.vector_stores.files.update(
        file, vector_store_id=store, attributes={"colour": "green"}
    )
    embedded = house.model.seen[len(seen) :]

    def found(colour: str) -> list[Any]:
        wanted = {"type": "eq", "key": "colour", "value": colour}
        data: list[Any] = api.vector_stores.search(store, query="apples", filters=wanted).data
        return data

    assert embedded == []
    assert (changed.status, changed.attributes) == ("completed", {"colour": "green"})
    assert api.vector_stores.files.retrieve(file, vector_store_id=store) == changed
    assert [hit.attributes for hit in found("green")] == [{"colour": "green"}]
    assert found("red") == []
    assert counts(api.vector_stores.retrieve(store)) == (0, 1, 0, 0, 1)
    assert (
        api.vector_stores.files.update(file, vector_store_id=store, attributes=None).attributes
        == {}
    )


def test_attributes_of_a_failed_and_of_a_waiting_file_change_too(
    api: Any, store: str, house: StoreHouse
) -> None:
    bad = upload(api, "bad.txt", "x")
    api.vector_stores.files.create_and_poll(bad, vector_store_id=store)
    changed = api.vector_stores.files.update(bad, vector_store_id=store, attributes={"a": True})
    waiting = upload(api, "a.txt", "Apples.")

    assert (changed.status, changed.attributes) == ("failed", {"a": True})
    with house.held():
        api.vector_stores.files.create(store, file_id=waiting)
        api.vector_stores.files.update(waiting, vector_store_id=store, attributes={"a": 2})
    done = api.vector_stores.files.poll(waiting, vector_store_id=store)
    assert (done.status, done.attributes) == ("completed", {"a": 2})
    (hit,) = api.vector_stores.search(store, query="apples").data
    assert hit.attributes == {"a": 2}


@pytest.mark.usefixtures("house")
def test_files_are_listed_by_their_state_and_page_by_page(api: Any, store: str) -> None:
    good = [attached(api, store, f"{n}.txt", f"Text {n}.") for n in range(3)]
    bad = upload(api, "bad.txt", "x")
    api.vector_stores.files.create_and_poll(bad, vector_store_id=store)

    def listed(**asked: Any) -> list[str]:
        return [file.id for file in api.vector_stores.files.list(store, **asked)]

    assert listed() == [bad, *reversed(good)]
    assert listed(order="asc", limit=1) == [*good, bad]
    assert listed(filter="failed") == [bad]
    assert listed(filter="completed", order="asc", limit=2) == good
    assert listed(filter="cancelled") == []


@pytest.mark.usefixtures("house")
def test_shorter_chunks_may_be_asked_for(api: Any, store: str) -> None:
    text = " ".join(f"Sentence number {n} is about ships." for n in range(60))
    file = upload(api, "a.txt", text)
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 0}
    told = api.vector_stores.files.create_and_poll(
        file, vector_store_id=store, chunking_strategy={"type": "static", "static": static}
    )
    hits = api.vector_stores.search(store, query="ships", max_num_results=50).data

    assert told.chunking_strategy.static.max_chunk_size_tokens == 100
    assert len(hits) > 1
    assert all(len(hit.content[0].text.split()) <= 100 for hit in hits)
