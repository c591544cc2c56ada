"""The logs of a whole run: one request is found in every process, and nobody's text in any."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.settings import Settings
from stack.logs.log_files import LogFiles, Wanted
from stack.up import Stack
from tests.support.waiting import until
from tests.support.whole_stack import WANTED, Api, quick_stack

CANARY = "canaryzeppelin"
KEY = "sk-canary-0123456789"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack of its own, whose last lines are read after it has stopped."""
    settings = Settings(
        openai_key=KEY, log_level="DEBUG", flower_url="http://user:canarypassword@127.0.0.1:0"
    )
    folder = tmp_path_factory.mktemp("logs")
    with quick_stack(data_dir=folder, settings=settings) as running:
        yield running


def lines(stack: Stack, wanted: Wanted) -> list[dict[str, Any]]:
    return list(LogFiles(Path(stack.record.data_dir) / "logs").lines(wanted))


def until_written(stack: Stack, job_id: str, *, role: str = "retrieval") -> None:
    """Wait for the lines of a job's end, by its worker, and of its last request, by the web."""

    def written() -> bool:
        told = lines(stack, Wanted(job_id=job_id))
        by = {line["role"] for line in told if line["event"] == "finished"}
        return role in by and any(line["event"] == "request" for line in told)

    until(written, told=f"the end of {job_id} is in the logs of {role} and web")


def test_a_request_is_found_in_the_web_s_and_the_worker_s_lines(stack: Stack, api: Api) -> None:
    api.ingest({"a.md": "Alpha is the first letter. Beta is the second letter."}, "letters")
    answer = api.http.post(
        "/api/queries",
        json={"question": "What is alpha?", "collection": "letters"},
        headers={"X-Request-ID": "my-request-42"},
    )
    job_id = answer.json()["id"]
    api.finished(job_id)
    until_written(stack, job_id)

    told = [line for line in lines(stack, Wanted(job_id=job_id)) if line["level"] == "INFO"]
    mine = [line for line in told if line.get("request_id") == "my-request-42"]
    events = [line["event"] for line in mine]

    assert {line["role"] for line in mine} == {"web", "retrieval"}
    assert events[0] == "accepted"
    assert events.count("started") == 1  # to retrieve, and to answer
    assert [line["state"] for line in mine if line["event"] == "finished"] == ["succeeded"]
    assert all(line["task_id"] for line in mine if line["role"] == "retrieval")
    assert all(line["job_id"] == job_id for line in mine if line["event"] != "request")


def test_no_log_holds_text_questions_keys_or_passwords(stack: Stack, api: Api) -> None:
    document = f"The {CANARY} flew. " * 30
    api.ingest({"good.md": document}, "hidden")
    body = {
        "collection": "hidden",
        "documents": [
            {
                "id": "m.md", "text": document, "title": f"About a {CANARY}",
                "metadata": {"who": CANARY},
            }
        ],
    }  # fmt: skip
    api.finished(api.post("/api/ingests", body)["id"])
    bad = {"files": ("broken.pdf", f"%PDF-1.7 {CANARY} {{".encode(), "application/pdf")}
    api.http.post("/api/ingests", data={"collection": "hidden"}, files=bad)
    api.ask(f"Where did the {CANARY} fly?", "hidden")
    api.search(f"{CANARY} flight", "hidden")
    failing = {
        "question": f"And the {CANARY}?", "collection": "hidden",
        "history": [{"role": "user", "content": CANARY}], "filters": {"who": CANARY},
    }  # fmt: skip
    api.http.post("/api/queries", json=failing)
    for path in (f"/api/{CANARY}?q={CANARY}", f"/api/jobs?cursor={CANARY}"):
        api.http.get(
            path, headers={"Authorization": f"Bearer {KEY}", "X-Request-ID": f"a {CANARY}"}
        )
    api.http.post(
        "/api/queries",
        content=f'{{"question": "{CANARY}"',
        headers={"Content-Type": "application/json"},
    )
    stack.wait_until_ready("retrieval", other_than=stack.kill("retrieval"))
    # What each process has said before this is written before this.
    until_written(stack, api.ask(f"Where did the {CANARY} land?", "hidden")["id"])
    until_written(stack, api.ingest({"last.md": document}, "hidden")["id"], role="ingestion")

    logs = Path(stack.record.data_dir) / "logs"
    files = [file for file in logs.rglob("*") if file.is_file()]

    assert len(files) >= 8
    for file in files:
        found = re.findall(
            rf"(?i).*(?:{CANARY}|{KEY}|canarypassword).*", file.read_text("utf-8", "replace")
        )
        assert not found, (file, found[:3])


def test_every_line_of_every_process_has_our_form(stack: Stack) -> None:
    logs = Path(stack.record.data_dir) / "logs"

    for name in WANTED:
        text = (logs / f"{name}.log").read_text()
        assert text, name
        for line in text.splitlines():
            fields = json.loads(line)
            assert {"ts", "level", "role", "pid", "logger", "event"} <= fields.keys(), line
            assert fields["role"] == name
