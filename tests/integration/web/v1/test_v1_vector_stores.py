"""Vector stores through OpenAI's own client, which checks each answer against its types."""

import io
import time
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from protocol.keys import key
from tests.integration.conftest import parts_of
from tests.support.waiting import until
from tests.support.worlds.store_house import StoreHouse, served

openai = pytest.importorskip("openai")

Json = dict[str, Any]


@pytest.fixture
def house(app: Flask) -> Iterator[StoreHouse]:
    house = StoreHouse(parts_of(app))
    yield house
    house.close()


@pytest.fixture
def api(app: Flask) -> Iterator[Any]:
    with (
        served(app) as url,
        openai.OpenAI(
            base_url=f"{url}/v1", api_key="none", max_retries=0, timeout=30,
            _strict_response_validation=True,
        ) as client,
    ):  # fmt: skip
        yield client


def upload(api: Any, name: str, text: str) -> str:
    sent = api.files.create(file=(name, io.BytesIO(text.encode())), purpose="assistants")
    return str(sent.id)


def attached(api: Any, store: str, name: str, text: str, **attributes: Any) -> str:
    """Attach a file with such attributes; it is a document when this returns."""
    file = upload(api, name, text)
    done = api.vector_stores.files.create_and_poll(
        file, vector_store_id=store, attributes=attributes
    )
    assert done.status == "completed", done
    return file


def counts(told: Any) -> tuple[int, int, int, int, int]:
    c = told.file_counts
    assert c.total == c.in_progress + c.completed + c.failed + c.cancelled
    return c.in_progress, c.completed, c.failed, c.cancelled, c.total


@pytest.fixture
def store(api: Any) -> str:
    return str(api.vector_stores.create(name="papers").id)


# Stores -------------------------------------------------------------------------------------------


def test_a_store_is_made_listed_changed_and_deleted(api: Any) -> None:
    made = api.vector_stores.create()
    named = api.vector_stores.create(
        name="Papers", metadata={"team": "a"}, expires_after={"anchor": "last_active_at", "days": 3}
    )
    changed = api.vector_stores.update(made.id, name="Other", metadata={"team": "b"})

    assert (made.name, made.status, counts(made), made.metadata) == ("", "completed", (0,) * 5, {})
    assert made.id.startswith("vs_")
    assert named.expires_at == named.last_active_at + 3 * 86_400
    assert (changed.name, changed.metadata) == ("Other", {"team": "b"})
    assert [one.id for one in api.vector_stores.list(order="asc")] == [made.id, named.id]
    assert api.vector_stores.retrieve(named.id) == named
    gone = api.vector_stores.delete(made.id)
    assert (gone.id, gone.deleted) == (made.id, True)
    assert [one.id for one in api.vector_stores.list()] == [named.id]
    with pytest.raises(openai.NotFoundError):
        api.vector_stores.retrieve(made.id)


def test_a_use_is_noted_and_null_takes_away(api: Any, app: Flask) -> None:
    made = api.vector_stores.create(
        name="n", metadata={"a": "1"}, expires_after={"anchor": "last_active_at", "days": 1}
    )
    collection_id = made.id.removeprefix("vs_").upper()
    parts_of(app).intake.redis.hset(key("store", collection_id), "active", 1_000_000)
    bare = api.vector_stores.update(made.id, name=None, metadata=None, expires_after=None)

    assert (bare.name, bare.metadata, bare.expires_after, bare.expires_at) == ("", {}, None, None)
    assert bare.last_active_at >= made.last_active_at


def test_a_list_of_stores_goes_on_in_both_directions(api: Any) -> None:
    made = [api.vector_stores.create(name=str(n)).id for n in range(5)]

    assert [one.id for one in api.vector_stores.list(order="asc", limit=2)] == made
    assert [one.id for one in api.vector_stores.list(limit=2)] == made[::-1]
    before = api.vector_stores.list(order="asc", before=made[3], limit=2)
    assert ([one.id for one in before.data], before.has_more) == (made[1:3], True)


def test_a_store_that_nobody_used_expires(api: Any, app: Flask, house: StoreHouse) -> None:
    made = api.vector_stores.create(expires_after={"anchor": "last_active_at", "days": 1})
    collection_id = made.id.removeprefix("vs_").upper()
    redis = parts_of(app).intake.redis
    redis.hset(key("store", collection_id), "active", (int(time.time()) - 90_000) * 1_000_000)

    assert api.vector_stores.retrieve(made.id).status == "expired"
    with pytest.raises(openai.BadRequestError, match="expired"):
        api.vector_stores.search(made.id, query="Why?")
    with pytest.raises(openai.BadRequestError, match="expired"):
        api.vector_stores.files.create(made.id, file_id=upload(api, "a.txt", "A."))
    assert api.vector_stores.update(made.id, name="awake").status == "completed"
    assert api.vector_stores.search(made.id, query="Why?").data == []


def test_files_of_a_new_store_are_on_their_way_when_it_is_made(api: Any, house: StoreHouse) -> None:
    files = [upload(api, f"{n}.txt", f"Text {n}.") for n in range(3)]
    with house.held():
        made = api.vector_stores.create(file_ids=files)
        assert (made.status, counts(made)) == ("in_progress", (3, 0, 0, 0, 3))
    until(lambda: api.vector_stores.retrieve(made.id).status == "completed")

    done = api.vector_stores.retrieve(made.id)
    assert counts(done) == (0, 3, 0, 0, 3)
    assert done.usage_bytes == 3 * len("Text 0.")


def test_a_collection_is_a_store_too(api: Any, client: FlaskClient, house: StoreHouse) -> None:
    body = {
        "collection": "papers",
        "documents": [
            {"id": "b/two.md", "text": "Two is even.", "metadata": {"n": 2, "tags": ["a"]}},
            {"id": "a.md", "text": "One is odd."},
        ],
    }
    job = client.post("/api/ingests", json=body).get_json()["id"]
    until(lambda: client.get(f"/api/jobs/{job}").get_json()["state"] == "succeeded")
    (told,) = api.vector_stores.list().data
    files = api.vector_stores.files.list(told.id, limit=1)

    assert (told.name, counts(told)) == ("papers", (0, 2, 0, 0, 2))
    assert [file.id for file in files] == ["a.md", "b/two.md"]
    assert [hit.file_id for hit in api.vector_stores.search(told.id, query="even").data][0] == (
        "b/two.md"
    )
    assert api.vector_stores.retrieve("papers").id == told.id
    mixed = attached(api, told.id, "three.txt", "Three is odd, too.")
    assert counts(api.vector_stores.retrieve(told.id)) == (0, 3, 0, 0, 3)
    assert mixed in [file.id for file in api.vector_stores.files.list(told.id)]


# Files --------------------------------------------------------------------------------------------


def test_a_file_is_uploaded_attached_read_and_detached(
    api: Any, store: str, house: StoreHouse
) -> None:
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


def test_a_small_file_is_a_document_when_the_post_answers(
    api: Any, store: str, house: StoreHouse
) -> None:
    file = upload(api, "a.txt", "A is first.")

    assert api.vector_stores.files.create(store, file_id=file).status == "completed"


@pytest.mark.parametrize(
    ("name", "text", "reason"), [("bad.pdf", "x", "corrupt"), ("a.txt", " ", "no_text")]
)
def test_a_file_that_cannot_be_read_fails_and_says_why(
    api: Any, store: str, house: StoreHouse, name: str, text: str, reason: str
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


def test_a_file_may_be_in_two_stores_with_attributes_of_each(
    api: Any, store: str, house: StoreHouse
) -> None:
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


def test_attributes_are_replaced_and_searches_know_it(
    api: Any, store: str, house: StoreHouse
) -> None:
    file = attached(api, store, "a.txt", "Apples are red.", colour="red", n=1)
    changed = api.vector_stores.files.update(
        file, vector_store_id=store, attributes={"colour": "green"}
    )

    def found(colour: str) -> list[Any]:
        wanted = {"type": "eq", "key": "colour", "value": colour}
        data: list[Any] = api.vector_stores.search(store, query="apples", filters=wanted).data
        return data

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


def test_files_are_listed_by_their_state_and_page_by_page(
    api: Any, store: str, house: StoreHouse
) -> None:
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


def test_shorter_chunks_may_be_asked_for(api: Any, store: str, house: StoreHouse) -> None:
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


# Batches ------------------------------------------------------------------------------------------


def test_a_batch_is_born_with_all_its_files_in_progress(
    api: Any, store: str, house: StoreHouse
) -> None:
    files = [upload(api, f"{n}.txt", f"Text {n}.") for n in range(5)]
    files.append(upload(api, "bad.txt", "x"))
    with house.held():
        made = api.vector_stores.file_batches.create(store, file_ids=[*files, files[0]])
        assert (made.status, counts(made)) == ("in_progress", (6, 0, 0, 0, 6))
        assert made.object == "vector_store.files_batch"
    done = api.vector_stores.file_batches.poll(made.id, vector_store_id=store)

    assert (done.status, counts(done)) == ("completed", (0, 5, 1, 0, 6))
    assert counts(api.vector_stores.retrieve(store)) == (0, 5, 1, 0, 6)

    def listed(**asked: Any) -> list[str]:
        found = api.vector_stores.file_batches.list_files(made.id, vector_store_id=store, **asked)
        return [file.id for file in found]

    assert listed(filter="failed") == [files[-1]]
    assert listed(order="asc", limit=2) == files


def test_files_of_a_batch_may_have_their_own_attributes(
    api: Any, store: str, house: StoreHouse
) -> None:
    first, second = (upload(api, f"{n}.txt", f"Text {n}.") for n in "ab")
    done = api.vector_stores.file_batches.create_and_poll(
        store,
        files=[{"file_id": first, "attributes": {"n": 1.5}}, {"file_id": second}],
        attributes={"ignored": True},
    )

    assert done.status == "completed"
    told = [
        api.vector_stores.files.retrieve(one, vector_store_id=store).attributes
        for one in (first, second)
    ]
    assert told == [{"n": 1.5}, {}]


def test_a_batch_that_is_cancelled_keeps_what_it_has(
    api: Any, store: str, house: StoreHouse
) -> None:
    done = upload(api, "done.txt", "Done.")
    first = api.vector_stores.file_batches.create_and_poll(store, file_ids=[done])
    late = api.vector_stores.file_batches.cancel(first.id, vector_store_id=store)
    files = [upload(api, f"{n}.txt", f"Text {n}.") for n in range(3)]
    with house.held():
        made = api.vector_stores.file_batches.create(store, file_ids=files)
        over = api.vector_stores.file_batches.cancel(made.id, vector_store_id=store)

    assert (late.status, counts(late)) == ("completed", (0, 1, 0, 0, 1))
    assert (over.status, counts(over)) == ("cancelled", (0, 0, 0, 3, 3))
    assert counts(api.vector_stores.retrieve(store)) == (0, 1, 0, 3, 4)
    assert [file.id for file in api.vector_stores.files.list(store, filter="cancelled")] == (
        files[::-1]
    )


def test_a_batch_of_broken_files_has_failed(api: Any, store: str, house: StoreHouse) -> None:
    files = [upload(api, f"bad{n}.txt", "x") for n in range(2)]
    done = api.vector_stores.file_batches.create_and_poll(store, file_ids=files)

    assert (done.status, counts(done)) == ("failed", (0, 0, 2, 0, 2))


def test_a_batch_may_have_two_thousand_files(api: Any, app: Flask, store: str) -> None:
    first = upload(api, "a.txt", "A.")
    parts = parts_of(app)
    row = parts.intake.redis.hgetall(key("file", first))
    names = [f"file-{n:024x}" for n in range(2_000)]
    pipe = parts.intake.redis.pipeline()
    for name in names:
        pipe.hset(key("file", name), mapping=row)
    pipe.execute()
    made = api.vector_stores.file_batches.create(store, file_ids=names)

    assert counts(made) == (2_000, 0, 0, 0, 2_000)
    over = api.vector_stores.file_batches.cancel(made.id, vector_store_id=store)
    assert over.file_counts.total == 2_000
    with pytest.raises(openai.BadRequestError):
        api.vector_stores.file_batches.create(store, file_ids=[*names, first])


def test_a_job_of_files_is_not_retried_as_documents(
    api: Any, client: FlaskClient, store: str, house: StoreHouse
) -> None:
    bad = upload(api, "bad.txt", "x")
    made = api.vector_stores.file_batches.create_and_poll(store, file_ids=[bad])
    digits = made.id.removeprefix("vsfb_")
    job = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    assert client.post(f"/api/jobs/{job}/retry").status_code == 409
    assert client.get(f"/api/jobs/{job}").get_json()["state"] == "failed"


# Search -------------------------------------------------------------------------------------------


@pytest.fixture
def shelf(api: Any, store: str, house: StoreHouse) -> str:
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
def test_a_search_keeps_to_its_filter(
    api: Any, shelf: str, filters: Json | None, expected: str
) -> None:
    more = {} if filters is None else {"filters": filters}
    found = api.vector_stores.search(shelf, query="report about ships", **more)

    assert sorted(hit.filename[0] for hit in found.data) == list(expected)


def test_scores_tell_how_likely_a_passage_has_the_answer(
    api: Any, store: str, house: StoreHouse
) -> None:
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


def test_several_queries_are_one_list(api: Any, store: str, house: StoreHouse) -> None:
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


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": ""}, "query"),
        ({"query": "a", "max_num_results": 51}, "max_num_results"),
        ({"query": "a", "filters": {"type": "like", "key": "a", "value": "b"}}, "filters.type"),
        ({"query": "a", "filters": {"type": "and", "filters": []}}, "filters.filters"),
        ({"query": "a", "filters": {"type": "in", "key": "a", "value": "b"}}, "filters.value"),
        ({"query": "a", "ranking_options": {"ranker": "mine"}}, "ranking_options.ranker"),
        (
            {"query": "a", "ranking_options": {"score_threshold": 2}},
            "ranking_options.score_threshold",
        ),
    ],
)
def test_a_search_that_cannot_be_done_names_the_field(
    client: FlaskClient, body: Json, param: str
) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    answer = client.post(f"/v1/vector_stores/{store}/search", json=body)

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == param


@pytest.mark.parametrize(
    ("path", "body", "param"),
    [
        ("", {"name": 5}, "name"),
        ("", {"metadata": {"a": 1}}, "metadata"),
        ("", {"expires_after": {"anchor": "last_active_at", "days": 0}}, "expires_after.days"),
        ("", {"expires_after": {"anchor": "created_at", "days": 1}}, "expires_after.anchor"),
        ("", {"file_ids": ["a"] * 501}, "file_ids"),
        ("/ID/files", {}, "file_id"),
        ("/ID/files", {"file_id": "a", "attributes": {"a": []}}, "attributes.a"),
        ("/ID/files", {"file_id": "a", "attributes": {"a": "x" * 513}}, "attributes.a"),
        (
            "/ID/files",
            {"file_id": "a", "chunking_strategy": {"type": "semantic"}},
            "chunking_strategy.type",
        ),
        (
            "/ID/files",
            {
                "file_id": "a",
                "chunking_strategy": {
                    "type": "static",
                    "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 101},
                },
            },
            "chunking_strategy.static.chunk_overlap_tokens",
        ),
        ("/ID/file_batches", {}, "file_ids"),
        ("/ID/file_batches", {"file_ids": []}, "file_ids"),
        ("/ID/file_batches", {"file_ids": ["a"], "files": [{"file_id": "a"}]}, "file_ids"),
        ("/ID/file_batches", {"files": [{"file_id": 1}]}, "files[0].file_id"),
    ],
)
def test_what_cannot_be_done_is_refused_and_named(
    client: FlaskClient, path: str, body: Json, param: str
) -> None:
    store = client.post("/v1/vector_stores", json={}).get_json()["id"]
    answer = client.post(f"/v1/vector_stores{path.replace('ID', store)}", json=body)

    assert answer.status_code == 400, answer.get_data(as_text=True)
    assert answer.get_json()["error"]["param"] == param
    assert client.get(f"/v1/vector_stores/{store}").get_json()["file_counts"]["total"] == 0


# Models -------------------------------------------------------------------------------------------


def test_models_are_who_answers_who_embeds_and_each_collection(
    api: Any, client: FlaskClient, store: str
) -> None:
    client.post("/api/collections", json={"name": "papers"})
    names = [model.id for model in api.models.list()]

    assert names == ["quern-extractive", "all-MiniLM-L6-v2", "quern:papers"]
    assert api.models.retrieve("quern:papers").owned_by == "quern"
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("gpt-4o")
