"""Files of ended batches, which are made whether or not somebody looks."""

from flask import Flask
from flask.testing import FlaskClient

from tests.integration.conftest import HandWorker, parts_of
from tests.integration.web.v1.batches.test_v1_batch_crashes import begin, job_of
from web.v1.shapes.batch_lines import output_line


def test_files_of_an_ended_batch_are_made_though_nobody_looks(
    app: Flask, client: FlaskClient, worker: HandWorker
) -> None:
    service = parts_of(app).intake.batch_service
    batch = begin(client, 2)
    assert not service.turn(output_line)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)

    assert service.turn(output_line)
    job = worker.ledger.rows.job(job_of(batch))
    assert job is not None
    assert job["output_file"]
    assert not service.turn(output_line)
    assert worker.storage.redis.zcard("quern:unmade") == 0


def test_one_process_at_a_time_makes_the_files_of_a_batch(
    client: FlaskClient, worker: HandWorker
) -> None:
    first, second = begin(client, 1), begin(client, 1)
    for batch in (first, second):
        for row in worker.rows(job_of(batch)):
            worker.generate(row)
    slices, redis = worker.ledger.slices, worker.storage.redis
    taken = [slices.take_ended_batch(held_s=60) for _ in range(3)]

    assert taken == [job_of(first), job_of(second), None]
    redis.zadd("quern:unmade", {job_of(second): 1})  # its process died a minute ago
    assert slices.take_ended_batch(held_s=60) == job_of(second)


def test_a_batch_that_is_gone_waits_for_no_files(
    app: Flask, client: FlaskClient, worker: HandWorker
) -> None:
    batch = begin(client, 1)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)
    worker.storage.redis.delete(f"quern:job:{job_of(batch)}")
    service = parts_of(app).intake.batch_service

    assert service.turn(output_line)
    assert not service.turn(output_line)


def test_a_batch_is_not_forgotten_before_its_files_are_there(
    client: FlaskClient, worker: HandWorker
) -> None:
    batch = begin(client, 1)
    for row in worker.rows(job_of(batch)):
        worker.generate(row)
    shed(worker)
    assert worker.ledger.rows.job(job_of(batch)) is not None
    client.get(f"/v1/batches/{batch['id']}")
    shed(worker)

    assert worker.ledger.rows.job(job_of(batch)) is None


def shed(worker: HandWorker) -> None:
    at = worker.ledger.shedding.forget(after="", least_age_s=0)[1]
    while at:
        at = worker.ledger.shedding.forget(after=at, least_age_s=0)[1]
