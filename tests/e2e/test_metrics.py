"""What Prometheus is told after a known workload, against what the ledger says of it."""

import json
import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.metrics.families import FAMILIES
from runtime.settings import Settings
from tests.support.waiting import until
from tests.support.whole_stack import WANTED, Api, quick_stack

USAGE = {"prompt_tokens": 70, "completion_tokens": 3, "total_tokens": 73}
TEXTS = {
    name: f"The {name} is red. It lies in the garden.".encode()
    for name in ("apple", "cherry", "rose")
}
OUTCOME_OF = {"succeeded": "ok"}


class Model(BaseHTTPRequestHandler):
    """A model server: it answers, refuses, or writes for ever, as the question says."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.reply(200, {"data": [{"id": "some/model", "max_model_len": 8_192}]})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "refuse" in body:
            self.reply(400, {"error": {"message": "I will not", "code": 400}})
            return
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            while "for ever" in body:
                self.event({"choices": [{"index": 0, "delta": {"content": "x"}}]})
                threading.Event().wait(0.02)
            for piece in ("It ", "is ", "red [1]."):
                self.event({"choices": [{"index": 0, "delta": {"content": piece}}]})
            self.event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            self.event({"choices": [], "usage": USAGE})
            self.wfile.write(b"data: [DONE]\n\n")
        except OSError:
            pass  # it was cancelled

    def reply(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def event(self, data: Any) -> None:
        self.wfile.write(f"data: {json.dumps(data)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: Any) -> None:
        pass


def whole(scrape: str) -> str:
    """A scrape of the web if all that it asks others for is in it, nothing else."""
    asked = ("quern_jobs_finished_total{", "quern_cache_entries{", "quern_disk_free_bytes{")
    return scrape if all(name in scrape for name in asked) else ""


class Numbers:
    """A scrape of the web and of every worker that the web names."""

    def __init__(self, api: Api) -> None:
        # What cannot be read within a quarter second is absent from that scrape.
        web = until(lambda: whole(api.http.get("/metrics").raise_for_status().text))
        self.texts = {"web": web}
        for target in api.http.get("/prometheus/sd").raise_for_status().json():
            url = f"http://{target['targets'][0]}/metrics"
            self.texts[target["labels"]["role"]] = httpx.get(url, trust_env=False).text
        self.samples = [
            (role, sample)
            for role, text in self.texts.items()
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        ]

    def sum(self, name: str, role: str = "", **labels: str) -> float:
        found = [
            sample.value
            for where, sample in self.samples
            if sample.name == name
            and labels.items() <= sample.labels.items()
            and role in ("", where)
        ]
        assert found, f"{name} {labels} is not there"
        return sum(found)


class Workload:
    """What was asked of the stack, and what its jobs say of it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.jobs: list[dict[str, Any]] = []
        self.before = Numbers(api)
        self.searches = self._run()
        self.after = until(lambda: self._settled(Numbers(api)), told="the last body has ended")

    def more(self, name: str, role: str = "", **labels: str) -> float:
        return self.after.sum(name, role, **labels) - self.before.sum(name, role, **labels)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [job for job in self.jobs if job["kind"] == kind]

    def _settled(self, numbers: Numbers) -> Numbers | None:
        """The numbers once the worker has let go of what was cancelled, and Chroma was seen."""
        name = "gen_ai_client_operation_duration_seconds_count"
        ends = [s.labels["error_type"] for _, s in numbers.samples if s.name == name and s.value]
        over = all(
            numbers.sum(left) == 0 for left in ("quern_queue_unacked", "quern_jobs_in_progress")
        )
        seen = [
            s.value
            for _, s in numbers.samples
            if s.name == "quern_health_status" and s.labels["check"] == "chroma:responseTime"
        ]
        return numbers if over and "Cancelled" in ends and any(seen) else None

    def _run(self) -> int:
        api = self.api
        files = [("files", (f"{name}.txt", text)) for name, text in TEXTS.items()]
        bad = ("files", ("broken.pdf", b"%PDF-1.7 and then nothing that a reader could use"))
        sent = api.http.post("/api/ingests", files=[*files, bad], data={"collection": "garden"})
        self.end(sent.raise_for_status().json()["id"])
        opened = api.post("/api/ingests", {"collection": "garden", "open": True})["id"]
        api.http.delete(f"/api/jobs/{opened}")
        self.end(opened)
        queries = ["what is red", "where is the rose", "what is red", "what is red"]
        for query in queries:
            api.post("/api/search", {"query": query, "collection": "garden"})
        for question in ("What is red?", "Where is the rose?", "What do you refuse to tell?"):
            asked = api.post("/api/queries", {"question": question, "collection": "garden"})
            self.end(asked["id"])
        hanging = api.post("/api/queries", {"question": "Write for ever.", "collection": "garden"})
        self.until_generating(hanging["id"])
        self.in_progress = Numbers(api).sum("quern_jobs_in_progress", kind="query")
        api.http.delete(f"/api/jobs/{hanging['id']}")
        self.end(hanging["id"])
        assert api.http.post("/api/queries", json={"question": ""}).status_code == 422
        assert api.http.get("/api/jobs/nobody-knows").status_code == 404
        return len(queries)

    def end(self, job_id: str) -> None:
        self.jobs.append(self.api.finished(job_id))

    def until_generating(self, job_id: str) -> None:
        until(lambda: self.api.get(f"/api/jobs/{job_id}").get("stage") == "generate")
        with self.api.http.stream("GET", f"/api/jobs/{job_id}/events") as events:
            next(line for line in events.iter_lines() if line == "event: token")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workload]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Model)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = Settings(
        generator="openai", openai_url=f"http://127.0.0.1:{server.server_address[1]}/v1"
    )
    folder = tmp_path_factory.mktemp("measured")
    try:
        with (
            quick_stack(data_dir=folder, settings=settings, only=[*WANTED, "generation"]) as stack,
            Api(stack.url) as api,
        ):
            yield Workload(api)
    finally:
        server.shutdown()
        server.server_close()


def test_jobs_are_counted_once_and_as_what_they_became(work: Workload) -> None:
    ends = Counter((job["kind"], OUTCOME_OF.get(job["state"], job["state"])) for job in work.jobs)

    assert ends == {
        ("ingest", "partial"): 1,
        ("ingest", "cancelled"): 1,
        ("query", "ok"): 2,
        ("query", "failed"): 1,
        ("query", "cancelled"): 1,
    }
    for (kind, outcome), number in ends.items():
        assert work.more("quern_jobs_finished_total", kind=kind, outcome=outcome) == number
    for kind in ("query", "ingest"):
        assert work.more("quern_jobs_submitted_total", kind=kind) == len(work.of(kind))
        assert work.more("quern_jobs_finished_total", kind=kind) == len(work.of(kind))
    assert work.more("quern_jobs_finished_total", kind="search", outcome="ok") == work.searches
    assert work.more("quern_jobs_finished_total", outcome="lost") == 0


def test_the_time_of_jobs_is_what_their_rows_say(work: Workload) -> None:
    for kind in ("query", "ingest"):
        took_s = sum(job["timings_ms"]["total"] for job in work.of(kind)) / 1000
        assert work.more("quern_job_duration_seconds_count", kind=kind) == len(work.of(kind))
        assert work.more("quern_job_duration_seconds_sum", kind=kind) == pytest.approx(
            took_s, abs=0.01
        )


def test_waits_are_what_the_rows_say(work: Workload) -> None:
    questions = work.of("query")
    claims = {"retrieve": len(questions) + work.searches, "generate": len(questions)}
    for queue, number in claims.items():
        assert work.more("quern_job_queue_wait_seconds_count", queue=queue) == number
        assert work.more("quern_task_started_total", queue=queue) == number
        assert work.more("quern_task_redelivered_total", queue=queue) == 0
    waited_s = sum(job["timings_ms"]["queued"] for job in questions) / 1000
    told_s = sum(work.more("quern_job_queue_wait_seconds_sum", queue=queue) for queue in claims)
    assert waited_s <= told_s + 0.001
    assert told_s < waited_s + 5  # the searches' own


def test_documents_are_counted_with_their_bytes_and_the_reason_of_the_bad_one(
    work: Workload,
) -> None:
    (job,) = [job for job in work.of("ingest") if job["state"] == "partial"]
    rows = work.api.get(f"/api/jobs/{job['id']}/documents")["documents"]
    outcomes = Counter(row.get("outcome") or row["state"] for row in rows)

    assert outcomes == {"created": 3, "failed": 1}
    for outcome, number in outcomes.items():
        assert work.more("quern_documents_finished_total", outcome=outcome) == number
    assert work.more("quern_ingest_bytes_total", type="text") == sum(map(len, TEXTS.values()))
    assert work.more("quern_ingest_rejected_total", reason="corrupt") == 1
    assert work.more("quern_ingest_rejected_total") == 1
    assert work.more("quern_stage_duration_seconds_count", stage="parse") == 4
    assert work.more("quern_stage_duration_seconds_count", stage="chunk") == 3
    assert work.after.sum("quern_index_documents", collection="garden") == 3
    assert work.after.sum("quern_index_chunks", collection="garden") == 3


def test_the_cache_answers_what_was_asked_before(work: Workload) -> None:
    asked = work.searches + len(work.of("query"))

    def more(tier: str, result: str) -> float:
        name = "quern_cache_requests_total"
        return work.more(name, "retrieval", cache="embedding", tier=tier, result=result)

    # Two searches repeat another; every question is asked for the first time.
    assert (more("l1", "hit"), more("l1", "miss")) == (2, asked - 2)
    assert (more("redis", "hit"), more("redis", "miss")) == (0, asked - 2)
    assert work.more("quern_embedding_batch_size_count", "retrieval") == asked - 2
    assert work.more("quern_embedding_batch_size_sum", "ingestion") == 3


def test_searches_and_answers_are_measured_stage_by_stage(work: Workload) -> None:
    asked = work.searches + len(work.of("query"))
    for stage in ("embed", "dense", "sparse", "fuse"):
        assert work.more("quern_stage_duration_seconds_count", "retrieval", stage=stage) == asked, (
            stage
        )
    assert work.more("quern_retrieval_results_count", retriever="fused") == asked
    assert work.more("quern_stage_duration_seconds_count", stage="generate") == 2
    assert work.more("quern_stage_duration_seconds_count", stage="prompt") == len(work.of("query"))
    assert work.in_progress == 1
    assert work.after.sum("quern_jobs_in_progress") == 0


def test_tokens_are_those_of_the_answers(work: Workload) -> None:
    answered = [job for job in work.of("query") if job["state"] == "succeeded"]
    model = {"gen_ai_request_model": "model", "gen_ai_provider_name": "openai"}
    used = [job["result"]["usage"] for job in answered]

    def tokens(kind: str) -> float:
        return work.after.sum("gen_ai_client_token_usage_sum", gen_ai_token_type=kind, **model)

    assert [usage["prompt_tokens"] for usage in used] == [70, 70]
    assert tokens("input") == sum(usage["prompt_tokens"] for usage in used)
    assert tokens("output") == sum(usage["completion_tokens"] for usage in used)
    name = "gen_ai_client_operation_duration_seconds_count"
    assert work.after.sum(name, error_type="", **model) == 2
    assert work.after.sum(name, error_type="InvalidRequest", **model) == 1
    assert work.after.sum(name, error_type="Cancelled", **model) == 1
    assert work.after.sum("gen_ai_server_time_to_first_token_seconds_count", **model) == 2


def test_requests_are_counted_by_the_routes_template(work: Workload) -> None:
    name = "quern_http_requests_total"

    assert work.more(name, method="POST", route="/api/queries", status_class="2xx") == 4
    assert work.more(name, method="POST", route="/api/queries", status_class="4xx") == 1
    assert work.more(name, route="/api/jobs/<job_id>", status_class="4xx") == 1
    assert work.more("quern_http_rejected_total", reason="invalid") == 1
    assert work.more("quern_http_rejected_total") == 1
    for job in work.jobs:
        assert job["id"] not in work.after.texts["web"]


def test_queues_stores_and_health_are_told_by_the_web_alone(work: Workload) -> None:
    for queue in ("retrieve", "generate", "ingest", "embed"):
        assert work.after.sum("quern_queue_depth", queue=queue) == 0
        assert work.after.sum("quern_queue_workers", queue=queue) == 1
    assert work.after.sum("quern_queue_unacked") == 0
    assert work.after.sum("quern_redis_up") == 1
    assert work.after.sum("quern_redis_aof_last_write_ok") == 1
    assert work.after.sum("quern_redis_memory_max_bytes", redis="queue") == 512 << 20
    assert work.after.sum("quern_disk_free_bytes") > 0
    assert work.after.sum("quern_health_status", check="chroma:responseTime") > 0
    assert {where for where, s in work.after.samples if s.name == "quern_queue_depth"} == {"web"}


def test_every_counter_that_can_be_there_at_the_start_is(work: Workload) -> None:
    told = {sample.name for _, sample in work.before.samples}
    missing = [
        family.name
        for family in FAMILIES
        if all(family.labels.values())  # known values
        and not {family.name, f"{family.name}_count"} & told
    ]

    assert missing == ["quern_gpu_up"]  # there is no card


def test_promtool_finds_nothing_to_say(work: Workload) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    for role, text in work.after.texts.items():
        told = subprocess.run(
            [promtool, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        ours = [line for line in told.stderr.splitlines() if line.startswith(("quern", "gen_ai"))]
        assert ours == [], role
