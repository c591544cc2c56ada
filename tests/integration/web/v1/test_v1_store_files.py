"""Files of vector stores through OpenAI's own client."""

import io
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from flask import Flask
from flask.testing import FlaskClient

from corpus.catalogue.records import FIELDS
from protocol.keys import key
from tests.integration.conftest import parts_of
from tests.support.waiting import until
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


@pytest.fixture
def meanwhile(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], None]:
    """Do something once, after a change of attributes has read its file and before it is sent."""

    def set_up(act: Callable[[], object]) -> None:
        ingests = parts_of(app).intake.ingests
        submit, acts = ingests.submit_kept, [act]

        def sent_late(*given: Any, **named: Any) -> str:
            if acts:
                acts.pop()()
            return submit(*given, **named)

        monkeypatch.setattr(ingests, "submit_kept", sent_late)

    return set_up


@pytest.mark.usefixtures("house")
def test_a_change_of_attributes_does_not_attach_again_what_was_detached_meanwhile(
    api: Any, store: str, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    file = attached(api, store, "a.txt", "Apples.", colour="red")
    meanwhile(lambda: api.vector_stores.files.delete(file, vector_store_id=store))
    with pytest.raises(openai.NotFoundError):
        api.vector_stores.files.update(file, vector_store_id=store, attributes={"colour": "green"})

    assert counts(api.vector_stores.retrieve(store)) == (0,) * 5
    assert api.vector_stores.search(store, query="apples").data == []


@pytest.mark.usefixtures("house")
def test_a_change_of_attributes_keeps_how_a_file_was_attached_anew_meanwhile(
    api: Any, store: str, meanwhile: Callable[[Callable[[], object]], None]
) -> None:
    file = attached(api, store, "a.txt", "Apples.", colour="red")
    static = {"max_chunk_size_tokens": 100, "chunk_overlap_tokens": 50}
    meanwhile(
        lambda: api.vector_stores.files.create_and_poll(
            file, vector_store_id=store, chunking_strategy={"type": "static", "static": static}
        )
    )
    api.vector_stores.files.update(file, vector_store_id=store, attributes={"colour": "green"})
    told = api.vector_stores.files.retrieve(file, vector_store_id=store)

    assert (told.status, told.attributes) == ("completed", {"colour": "green"})
    assert told.chunking_strategy.static.max_chunk_size_tokens == 100


@pytest.mark.usefixtures("house")
def test_attributes_of_a_document_whose_bytes_are_not_known_do_not_change(
    api: Any, app: Flask, store: str
) -> None:
    file = attached(api, store, "a.txt", "Apples.", colour="red")
    redis = parts_of(app).intake.redis
    name = key("documents", store.removeprefix("vs_").upper())
    kept = orjson.loads(redis.hget(name, file))
    kept[FIELDS.index("sha256")] = ""  # as of one that was repaired
    redis.hset(name, file, orjson.dumps(kept))
    with pytest.raises(openai.BadRequestError, match="attach it again"):
        api.vector_stores.files.update(file, vector_store_id=store, attributes={"colour": "green"})

    told = api.vector_stores.files.retrieve(file, vector_store_id=store)
    assert told.attributes == {"colour": "red"}


def test_a_file_whose_bytes_are_lost_is_not_attached(api: Any, app: Flask, store: str) -> None:
    file = upload(api, "a.txt", "A.")
    storage = parts_of(app).intake._storage
    record = storage.files.find(file)
    assert record is not None
    (path,) = storage.blobs._folder.glob(f"*/{record.sha256}")
    path.unlink()
    with pytest.raises(openai.BadRequestError, match="upload the file again"):
        api.vector_stores.files.create(store, file_id=file)

    assert counts(api.vector_stores.retrieve(store)) == (0,) * 5


@pytest.mark.usefixtures("house")
def test_a_document_that_was_ingested_by_name_is_changed_where_it_came_from(
    api: Any, client: FlaskClient, app: Flask, store: str
) -> None:
    own = f"vs-{store.removeprefix('vs_')}"
    documents = [{"id": "a.md", "text": "Apples."}]
    for collection in (own, "papers"):
        body = {"collection": collection, "documents": documents}
        job = client.post("/api/ingests", json=body).get_json()["id"]
        until(lambda job=job: client.get(f"/api/jobs/{job}").get_json()["state"] == "succeeded")
    files = api.vector_stores.files

    for act in (files.retrieve, files.delete, files.content):
        with pytest.raises(openai.NotFoundError):
            act("a.md", vector_store_id=store)
    with pytest.raises(openai.NotFoundError):
        files.update("a.md", vector_store_id=store, attributes={})
    kept = parts_of(app).intake._storage.catalogue.documents
    assert kept.record(store.removeprefix("vs_").upper(), "a.md") is not None
    with pytest.raises(openai.BadRequestError, match="was not attached"):
        files.update("a.md", vector_store_id="papers", attributes={})
    assert files.delete("a.md", vector_store_id="papers").deleted


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
