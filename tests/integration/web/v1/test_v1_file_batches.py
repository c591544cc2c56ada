"""Batches of files through OpenAI's own client."""

import os
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from jobs.errors import Full
from protocol.keys import key
from tests.integration.conftest import parts_of
from tests.support.waiting import until
from tests.support.worlds.store_house import StoreHouse
from tests.support.worlds.v1_client import attached, counts, upload

openai = pytest.importorskip("openai")

Json = dict[str, Any]


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


@pytest.mark.usefixtures("house")
def test_files_of_a_batch_may_have_their_own_attributes(api: Any, store: str) -> None:
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


@pytest.mark.usefixtures("house")
def test_a_batch_of_broken_files_has_failed(api: Any, store: str) -> None:
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


@pytest.mark.usefixtures("house")
def test_a_job_of_files_is_not_retried_as_documents(
    api: Any, client: FlaskClient, store: str
) -> None:
    bad = upload(api, "bad.txt", "x")
    made = api.vector_stores.file_batches.create_and_poll(store, file_ids=[bad])
    digits = made.id.removeprefix("vsfb_")
    job = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))

    assert client.post(f"/api/jobs/{job}/retry").status_code == 409
    assert client.get(f"/api/jobs/{job}").get_json()["state"] == "failed"


def test_a_batch_that_is_refused_in_the_middle_leaves_nothing_on_its_way(
    api: Any, app: Flask, store: str
) -> None:
    file = upload(api, "a.txt", "A.")
    parts = parts_of(app)
    redis = parts.intake.redis
    row = redis.hgetall(key("file", file))
    names = [f"file-{n:024x}" for n in range(150)]
    pipe = redis.pipeline()
    for name in names:
        pipe.hset(key("file", name), mapping=row)
    pipe.execute()
    accept = parts.intake.ingests._ledger.submissions.accept
    calls: list[int] = []

    def full(*given: Any, **named: Any) -> str:
        calls.append(len(named["rows"]))
        if len(calls) > 1:
            raise Full(limit=100, depth=100)
        return accept(*given, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts.intake.ingests._ledger.submissions, "accept", full)
        with pytest.raises(openai.RateLimitError):
            api.vector_stores.file_batches.create(store, file_ids=names)

    assert calls == [100, 50]
    until(lambda: parts.intake.ingests._long_jobs.turn() or not redis.exists(key("stopping")))
    assert counts(api.vector_stores.retrieve(store)) == (0, 0, 0, 100, 100)
    again = api.vector_stores.file_batches.create(store, file_ids=names)
    assert counts(again) == (150, 0, 0, 0, 150)
    assert counts(api.vector_stores.retrieve(store)) == (150, 0, 0, 0, 150)


@pytest.mark.usefixtures("house")
def test_a_batch_that_names_a_file_in_vain_leaves_its_document_completed(
    api: Any, store: str
) -> None:
    file = attached(api, store, "a.txt", "Apples.", colour="red")
    api.files.delete(file)
    again = api.vector_stores.file_batches.create_and_poll(store, file_ids=[file])
    told = api.vector_stores.files.retrieve(file, vector_store_id=store)

    assert (again.status, counts(again)) == ("failed", (0, 0, 1, 0, 1))
    assert (told.status, told.attributes) == ("completed", {"colour": "red"})
    assert counts(api.vector_stores.retrieve(store)) == (0, 1, 0, 0, 1)
    assert len(api.vector_stores.search(store, query="apples").data) == 1


@pytest.mark.usefixtures("house")
def test_files_of_a_batch_are_listed_page_by_page_from_a_file_of_any_state(
    api: Any, store: str
) -> None:
    names = ["0.txt", "bad1.txt", "2.txt", "bad3.txt", "4.txt"]
    files = [upload(api, name, f"Text {name}.") for name in names]
    made = api.vector_stores.file_batches.create_and_poll(store, file_ids=files)

    def page(**asked: Any) -> tuple[list[str], bool]:
        found = api.vector_stores.file_batches.list_files(
            made.id, vector_store_id=store, **({"order": "asc"} | asked)
        )
        return [file.id for file in found.data], found.has_more

    assert page(limit=2) == (files[:2], True)
    assert page(limit=2, order="desc") == ([files[4], files[3]], True)
    assert page(limit=3, after=files[1]) == (files[2:], False)
    assert page(limit=1, before=files[2]) == ([files[1]], True)
    assert page(limit=2, filter="completed", after=files[1]) == ([files[2], files[4]], False)
    assert page(limit=1, filter="completed", before=files[3]) == ([files[2]], True)
    assert page(filter="failed", order="desc", after=files[2]) == ([files[1]], False)
    for asked in ({"after": "file-nothing"}, {"before": "file-nothing", "filter": "failed"}):
        with pytest.raises(openai.NotFoundError):
            page(**asked)


@pytest.mark.usefixtures("house")
def test_a_file_may_be_deleted_once_it_is_attached(api: Any, app: Flask, store: str) -> None:
    file = upload(api, "a.txt", "Apples.")
    blobs = parts_of(app).intake._storage.blobs
    record = parts_of(app).intake._storage.files.find(file)
    assert record is not None
    (path,) = blobs._folder.glob(f"*/{record.sha256}")
    os.utime(path, (0, 0))
    api.vector_stores.files.create_and_poll(file, vector_store_id=store)
    api.files.delete(file)

    assert list(blobs.older_than(86_400)) == []  # no sweep takes its bytes
    changed = api.vector_stores.files.update(file, vector_store_id=store, attributes={"a": 1})
    assert (changed.status, changed.attributes) == ("completed", {"a": 1})
