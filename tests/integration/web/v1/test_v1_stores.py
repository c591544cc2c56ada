"""Vector stores through OpenAI's own client."""

import asyncio
import time
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.errors import Full
from protocol.keys import key
from rag.errors import Unreadable
from tests.integration.conftest import parts_of
from tests.support.waiting import until
from tests.support.workbench import LineParser
from tests.support.worlds.http_server import served
from tests.support.worlds.store_house import StoreHouse
from tests.support.worlds.v1_client import attached, counts, upload

openai = pytest.importorskip("openai")

Json = dict[str, Any]


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


def test_a_use_is_noted_once_in_each_second(
    api: Any, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = api.vector_stores.create()
    intake = parts_of(app).intake
    record = key("store", made.id.removeprefix("vs_").upper())
    now_s = intake.redis.time()[0]
    monkeypatch.setattr("intake.vector_stores.stores.time.time_ns", lambda: now_s * 10**9)

    def noted(active_us: int) -> bool:
        intake.redis.hset(record, "active", active_us)
        intake.vector_stores.stores.usable(made.id)
        return intake.redis.hget(record, "active") != str(active_us)

    assert not noted(now_s * 1_000_000)
    assert not noted(now_s * 1_000_000 - 900_000)
    assert noted(now_s * 1_000_000 - 1_000_000)
    # By a clock that goes before Redis': better once more than never.
    assert noted(now_s * 1_000_000 + 60_000_000)


def test_a_list_of_stores_goes_on_in_both_directions(api: Any) -> None:
    made = [api.vector_stores.create(name=str(n)).id for n in range(5)]

    assert [one.id for one in api.vector_stores.list(order="asc", limit=2)] == made
    assert [one.id for one in api.vector_stores.list(limit=2)] == made[::-1]
    before = api.vector_stores.list(order="asc", before=made[3], limit=2)
    assert ([one.id for one in before.data], before.has_more) == (made[1:3], True)


def test_a_store_whose_files_are_refused_is_not_made(api: Any, app: Flask) -> None:
    file = upload(api, "a.txt", "A.")
    submissions = parts_of(app).intake.ingests._ledger.submissions

    def full(*_: Any, **__: Any) -> str:
        raise Full(limit=100, depth=100)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(submissions, "accept", full)
        with pytest.raises(openai.RateLimitError):
            api.vector_stores.create(name="papers", file_ids=[file])

    assert api.vector_stores.list().data == []


def test_a_list_goes_on_from_a_store_that_was_deleted_meanwhile(
    api: Any, client: FlaskClient
) -> None:
    made: list[str] = []
    for n in range(4):
        made.append(api.vector_stores.create(name=str(n)).id)
        time.sleep(0.002)  # an id tells the millisecond
    api.vector_stores.delete(made[1])

    def page(**asked: Any) -> list[str]:
        return [one.id for one in api.vector_stores.list(**asked).data]

    assert page(after=made[1]) == [made[0]]
    assert page(after=made[1], order="asc") == made[2:]
    assert page(before=made[1]) == [made[3], made[2]]
    assert page(before=made[1], order="asc") == [made[0]]
    for wrong in ("vs_nothing", "nothing"):
        with pytest.raises(openai.NotFoundError):
            page(after=wrong)
    for path in ("/v1/vector_stores", f"/v1/vector_stores/{made[0]}/files", "/v1/files"):
        assert client.get(f"{path}?after=").status_code == 200


@pytest.mark.usefixtures("house")
def test_a_store_that_nobody_used_expires(api: Any, app: Flask) -> None:
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


@pytest.mark.usefixtures("house")
def test_a_collection_is_a_store_too(api: Any, client: FlaskClient) -> None:
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
    assert next(hit.file_id for hit in api.vector_stores.search(told.id, query="even").data) == (
        "b/two.md"
    )
    assert api.vector_stores.retrieve("papers").id == told.id
    mixed = attached(api, told.id, "three.txt", "Three is odd, too.")
    assert counts(api.vector_stores.retrieve(told.id)) == (0, 3, 0, 0, 3)
    assert mixed in [file.id for file in api.vector_stores.files.list(told.id)]


@pytest.mark.usefixtures("store")
def test_models_are_who_answers_who_embeds_and_each_collection(
    api: Any, client: FlaskClient
) -> None:
    client.post("/api/collections", json={"name": "papers"})
    names = [model.id for model in api.models.list()]

    assert names == ["quern-extractive", "quern", "all-MiniLM-L6-v2", "quern:papers"]
    assert api.models.retrieve("quern:papers").owned_by == "quern"
    with pytest.raises(openai.NotFoundError):
        api.models.retrieve("gpt-4o")


@pytest.mark.usefixtures("house")
def test_of_files_of_a_new_store_one_that_is_not_there_fails_alone(api: Any) -> None:
    good = upload(api, "good.txt", "Good.")
    store = api.vector_stores.create(file_ids=["file-nothing", good])
    counts = store.file_counts
    told = api.vector_stores.files.retrieve("file-nothing", vector_store_id=store.id)

    assert (counts.completed, counts.failed, counts.total) == (1, 1, 2)
    assert (told.status, told.last_error.code) == ("failed", "invalid_file")
    assert "file-nothing" in told.last_error.message


def test_files_of_a_collection_are_listed_once_page_by_page(
    api: Any, client: FlaskClient, house: StoreHouse
) -> None:
    documents = [{"id": f"{name}.md", "text": f"Text {name}."} for name in "ba"]
    job = client.post(
        "/api/ingests", json={"collection": "papers", "documents": documents}
    ).get_json()["id"]
    until(lambda: client.get(f"/api/jobs/{job}").get_json()["state"] == "succeeded")
    good = attached(api, "papers", "good.txt", "Good.")
    bad = upload(api, "bad.txt", "x")
    api.vector_stores.files.create_and_poll(bad, vector_store_id="papers")
    waiting = upload(api, "waiting.txt", "Waits.")

    def listed(**asked: Any) -> list[str]:
        return [file.id for file in api.vector_stores.files.list("papers", **asked)]

    with house.held():
        api.vector_stores.files.create("papers", file_id=waiting)
        whole = [waiting, bad, *sorted(["a.md", "b.md", good])]
        assert listed() == listed(limit=1) == listed(limit=2) == whole
        assert listed(filter="failed") == [bad]
        assert listed(filter="completed", limit=1) == whole[2:]
        assert counts(api.vector_stores.retrieve("papers")) == (1, 3, 1, 0, 5)


def broken(*_: Any, **__: Any) -> Any:
    """Read no file."""
    raise Unreadable("corrupt", "It is broken.")


@pytest.mark.usefixtures("house")
def test_a_document_that_is_attached_again_in_vain_is_counted_and_listed_once(
    api: Any, client: FlaskClient
) -> None:
    body = {"collection": "papers", "documents": [{"id": "a.md", "text": "Text a."}]}
    job = client.post("/api/ingests", json=body).get_json()["id"]
    until(lambda: client.get(f"/api/jobs/{job}").get_json()["state"] == "succeeded")
    good = attached(api, "papers", "good.txt", "Good.", colour="red")
    again = attached(api, "papers", "again.txt", "Again.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LineParser, "parse", broken)
        told = api.vector_stores.files.create_and_poll(
            again, vector_store_id="papers", attributes={"colour": "blue"}
        )
    listed = list(api.vector_stores.files.list("papers", limit=1))

    assert told.status == "failed"
    assert [(file.id, file.status) for file in listed] == [
        (again, "failed"), *sorted([("a.md", "completed"), (good, "completed")]),
    ]  # fmt: skip
    assert next(file.attributes for file in listed if file.id == good) == {"colour": "red"}
    assert counts(api.vector_stores.retrieve("papers")) == (0, 2, 1, 0, 3)


@pytest.mark.parametrize("asked", ["order=asc", "before=a.md"])
def test_a_list_of_a_collection_refuses_what_it_cannot_do(client: FlaskClient, asked: str) -> None:
    client.post("/api/collections", json={"name": "papers"})
    answer = client.get(f"/v1/vector_stores/papers/files?{asked}")

    assert answer.status_code == 400
    assert answer.get_json()["error"]["param"] == asked.split("=", maxsplit=1)[0]


@pytest.mark.usefixtures("house")
def test_the_client_of_coroutines_does_the_same(app: Flask) -> None:
    async def attach(url: str) -> Any:
        async with openai.AsyncOpenAI(
            base_url=f"{url}/v1", api_key="none", max_retries=0,
            _strict_response_validation=True,
        ) as client:  # fmt: skip
            store = await client.vector_stores.create(name="papers")
            files = [(f"{n}.txt", f"Text {n}.".encode()) for n in range(5)]
            batch = await client.vector_stores.file_batches.upload_and_poll(store.id, files=files)
            listed = [one.id async for one in client.vector_stores.files.list(store.id, limit=2)]
            return batch, listed

    with served(app) as url:
        batch, listed = asyncio.run(attach(url))

    assert (batch.status, counts(batch)) == ("completed", (0, 5, 0, 0, 5))
    assert len(set(listed)) == 5
