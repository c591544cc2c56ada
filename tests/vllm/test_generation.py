"""The generation worker on the real engine, with web, Redis and retrieval around it."""

import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from protocol.timings import MAX_DEATHS, QUARANTINE_DEATHS
from tests.support.collector import Collector
from tests.support.waiting import below
from tests.vllm.generating import Generating, told, wait_until

pytestmark = pytest.mark.timeout(300)

THEIRS = "ab" * 16
CANARY = "zanzibarcanary"
LONG = 3_000  # tokens: still running when a test has done what it wanted to
PLACES, RESERVE, THREADS = 64, 8, 96


def test_many_questions_at_once_all_get_as_many_tokens_as_asked_for(service: Generating) -> None:
    wanted = [16 + n % 48 for n in range(128)]
    with ThreadPoolExecutor(16) as pool:
        jobs = list(
            pool.map(lambda pair: service.submit(f"Q{pair[0]}", max_tokens=pair[1]),
                     enumerate(wanted))
        )  # fmt: skip
        results = list(pool.map(service.finished, jobs))

    assert [job["state"] for job in results] == ["succeeded"] * len(wanted)
    assert [job["result"]["usage"]["completion_tokens"] for job in results] == wanted
    assert {job["result"]["finish_reason"] for job in results} == {"length"}
    assert {job["attempts"] for job in results} == {1}
    assert all(job["timings_ms"]["first_token"] > 0 for job in results)


def test_a_stream_tells_the_answer_in_order_and_can_be_taken_up_anywhere(
    service: Generating,
) -> None:
    job = service.submit("Tell me everything", max_tokens=400)

    live = service.events(job)
    answer = service.finished(job)["result"]["answer"]

    late = service.events(job)
    middle = [event for event in live if event.kind == "token"][2].id
    rest = service.events(job, after=middle)
    assert told(live) == answer
    assert late == live
    assert live[: len(live) - len(rest)] + rest == live
    assert len([event for event in live if event.kind == "token"]) >= 4
    assert live[-1].kind == "done"


def test_a_batch_question_writes_no_token_events(service: Generating) -> None:
    job = service.submit("Quietly", max_tokens=64, priority="batch")
    told = service.events(job)  # as they come; afterwards they would be told from the row
    result = service.finished(job)["result"]

    assert result["usage"]["completion_tokens"] == 64
    assert service.get(f"/api/jobs/{job}")["timings_ms"]["first_token"] > 0
    assert told[-1].kind == "done"
    assert "token" not in {event.kind for event in told}


def test_cancelled_questions_leave_the_engine_at_once(service: Generating) -> None:
    def left_after() -> float:
        with ThreadPoolExecutor(16) as pool:
            asked = (f"Long {n}" for n in range(PLACES))
            jobs = list(pool.map(lambda text: service.submit(text, max_tokens=LONG), asked))
            service.wait_until_running(PLACES)

            list(pool.map(service.cancel, jobs[:32]))
            took = wait_until(lambda: service.running() == 32, within_s=10)
            list(pool.map(service.cancel, jobs[32:]))
            results = service.results(jobs)

        assert {job["state"] for job in results} == {"cancelled"}
        service.wait_until_running(0)
        return took

    below(left_after, 0.5)


def test_a_question_past_its_deadline_expires_and_leaves_the_engine(service: Generating) -> None:
    def left_after() -> float:
        began = time.monotonic()
        job = service.finished(service.submit("Hurry", max_tokens=8_000, deadline_s=1))
        assert job["state"] == "expired"
        service.wait_until_running(0)
        return time.monotonic() - began

    below(left_after, 5)


def test_what_does_not_fit_the_model_fails_with_a_reason(service: Generating) -> None:
    job = service.finished(service.submit("word " * 1_500, max_tokens=7_500))

    assert job["state"] == "failed"
    assert "too long" in job["error"]["detail"]


def test_questions_over_the_same_passages_share_their_prompt(service: Generating) -> None:
    text = " ".join(f"Sentence {n} tells of the lighthouse keeper." for n in range(120))
    service.ingest({"keeper": text}, "shared")
    hits = service.metric("vllm:prefix_cache_hits_total")
    question = {"collection": "shared", "top_k": 3, "max_tokens": 8}

    asked = [
        service.finished(
            service.post("/api/queries", {"question": f"Who keeps {n}?"} | question)["id"]
        )
        for n in range(4)
    ]

    assert [job["state"] for job in asked] == ["succeeded"] * 4
    assert asked[-1]["result"]["usage"]["cached_tokens"] > 0
    assert asked[-1]["result"]["usage"]["passages"] > 0
    assert service.metric("vllm:prefix_cache_hits_total") > hits


def test_a_follow_up_is_searched_for_with_what_it_leans_on(service: Generating) -> None:
    service.ingest({"keeper": "The lighthouse at Skerry was built in 1811."}, "towers")
    history = [
        {"role": "user", "text": "Who keeps the lighthouse at Skerry?"},
        {"role": "assistant", "text": "Ines Duarte does. [1]"},
    ]
    body = {"question": "And when was it built?", "collection": "towers", "max_tokens": 8}
    job = service.finished(service.post("/api/queries", body | {"history": history})["id"])

    assert job["state"] == "succeeded"
    assert job["result"]["usage"]["passages"] == 1
    assert job["attempts"] == 1


def test_what_the_engine_does_for_a_question_is_in_the_questions_trace(
    service: Generating, collector: Collector, model: Path
) -> None:
    answer = service.http.post(
        "/api/queries",
        json={"question": CANARY, "top_k": 0, "max_tokens": 8},
        headers={"traceparent": f"00-{THEIRS}-{'cd' * 8}-01"},
    )
    assert service.finished(answer.json()["id"])["state"] == "succeeded"
    spans = collector.until(
        lambda spans: (
            {"generate", "llm_request"} <= {span.name for span in spans if span.trace == THEIRS}
        )
    )

    told = {span.name: span for span in spans if span.trace == THEIRS}
    assert told["llm_request"].service == "quern-engine"
    assert told["llm_request"].parent == told["generate"].span
    assert told["generate"].attributes["gen_ai.usage.output_tokens"] == 8
    assert told["generate"].attributes["gen_ai.provider.name"] == "vllm"
    assert [raw for raw in collector.raw if CANARY.encode() in raw] == []
    assert [raw for raw in collector.raw if str(model).encode() in raw] == []


def test_batch_leaves_room_in_which_the_interactive_are_answered(service: Generating) -> None:
    with ThreadPoolExecutor(16) as pool:
        batch = list(
            pool.map(
                lambda n: service.submit(f"Batch {n}", max_tokens=LONG, priority="batch"),
                range(2 * THREADS),
            )
        )
        service.wait_until_running(PLACES - RESERVE)
        wait_until(lambda: service.busy_threads() >= THREADS - RESERVE, within_s=10)
        busy = service.busy_threads()
        answered = service.results([service.submit(f"Now {n}", max_tokens=8) for n in range(4)])
        still_running = service.running()
        list(pool.map(service.cancel, batch))

    assert {job["state"] for job in answered} == {"succeeded"}
    assert still_running == PLACES - RESERVE
    assert busy == THREADS - RESERVE
    assert max(job["timings_ms"]["first_token"] for job in answered) < 2_000
    service.wait_until_running(0)


def test_an_engine_that_dies_is_started_again_and_every_question_ends_once(
    service: Generating,
) -> None:
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda n: service.submit(f"Again {n}", max_tokens=800), range(32)))
    service.wait_until_running(32)
    worker = service.stack.process("generation")
    left = service.engine_processes()

    left[0].kill()
    waiting = service.submit("Meanwhile", max_tokens=4)
    worker.wait(timeout=30)
    service.stack.wait_until_ready("generation", other_than=worker.pid, timeout_s=150)
    results = service.results([*jobs, waiting], within_s=150)

    assert {job["state"] for job in results} == {"succeeded"}
    assert {job["attempts"] for job in results[:32]} == {2}
    assert [service.ends(job) for job in jobs] == [1] * 32
    events = service.events(jobs[0])
    assert "reset" in {event.kind for event in events}
    assert told(events) == results[0]["result"]["answer"]
    assert "it ended with exit code 70" in service.stack.log("up")
    assert not any(process.is_running() for process in left)


def test_a_question_that_kills_the_engine_is_given_up_and_buries_no_other(
    service: Generating,
) -> None:
    poison = service.submit("Poison", max_tokens=LONG)
    innocent = [service.submit(f"Beside it {n}", max_tokens=300) for n in range(4)]
    killed = 0
    while service.get(f"/api/jobs/{poison}")["state"] != "failed":
        # It kills the engine whenever it runs, which the log of its attempts tells.
        attempts = [event for event in service.so_far(poison) if event.kind == "token"]
        if {event.data["attempt"] for event in attempts} - set(range(1, killed + 1)):
            killed += 1
            if killed > QUARANTINE_DEATHS:  # the engine takes long to start: not all it may have
                service.write_deaths(poison, MAX_DEATHS - 1)
            worker = service.stack.process("generation").pid
            service.engine_processes()[0].kill()
        time.sleep(0.1)
    results = service.results(innocent, within_s=200)
    # The innocent may have been answered before the last death: the next test needs an engine.
    service.stack.wait_until_ready("generation", other_than=worker, timeout_s=150)

    assert killed == QUARANTINE_DEATHS + 1
    assert service.get(f"/api/jobs/{poison}")["error"]["type"] == "too_many_attempts"
    assert {job["state"] for job in results} == {"succeeded"}
    assert max(job["attempts"] for job in results) <= QUARANTINE_DEATHS + 1
    assert [service.ends(job) for job in [poison, *innocent]] == [1] * 5


# The last one: it ends the worker.
def test_a_worker_asked_to_end_finishes_what_it_has_and_leaves_no_process(
    service: Generating,
) -> None:
    with ThreadPoolExecutor(16) as pool:
        jobs = list(pool.map(lambda n: service.submit(f"Last {n}", max_tokens=400), range(PLACES)))
    service.wait_until_running(PLACES)
    below = service.engine_processes()
    worker = psutil.Process(service.stack.kill("generation", signal.SIGTERM))

    worker.wait(timeout=60)
    results = service.results(jobs)

    assert {job["state"] for job in results} == {"succeeded"}
    assert {job["attempts"] for job in results} == {1}
    assert below
    assert not any(process.is_running() for process in below)
    assert "it ended with exit code 0" in service.stack.log("up")
