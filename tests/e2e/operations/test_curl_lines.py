"""The lines that the page of the API shows: each is run as it stands, against a whole stack."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from runtime.settings import Settings
from stack.up import Stack
from tests.support.whole_stack import Api
from web.openapi.document import openapi_document
from web.openapi.examples.job_examples import TEXT
from web.openapi.page.curl import curl
from web.openapi.pieces import DOCUMENT_ID, JOB_ID, WEBHOOK_ID

DOCUMENT = openapi_document(version="0", settings=Settings())
#: They send something elsewhere, or need a job that failed.
NOT_HERE = {"testWebhook", "replayDelivery", "retryJob"}
#: They need an ingest that is open, or a list of questions.
OF = {
    "addDocuments": "open", "closeIngest": "open", "listQuestions": "list", "exportAnswers": "list",
}  # fmt: skip
LINES = [
    (path, method, media)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if "x-confirm" not in operation and operation["operationId"] not in NOT_HERE
    for media in operation.get("requestBody", {}).get("content", {None: None})
]


@pytest.fixture(scope="module")
def ids(stack: Stack) -> Iterator[dict[str, str]]:
    """Take the example's document in, ask, and open an ingest; yields the ids of all."""
    with Api(stack.url) as api:
        api.ingest({DOCUMENT_ID: TEXT}, "default")
        asked = api.ask("How long is parental leave?", "default")
        listed = api.post("/api/questions", {"questions": [{"question": "Who may take it?"}]})
        opened = api.post("/api/ingests", {"open": True})
        webhook = api.post("/api/webhooks", {"url": "https://example.org/hook"})
        yield {
            "asked": asked["id"], "open": opened["id"], "list": listed["id"],
            "webhook": webhook["id"],
        }  # fmt: skip
        api.http.delete(f"/api/jobs/{opened['id']}")
        for one in api.get("/api/webhooks")["webhooks"]:
            api.http.delete(f"/api/webhooks/{one['id']}")
        api.finished(api.http.delete("/api/collections/default").json()["id"])


@pytest.mark.parametrize("which", LINES, ids=str)
def test_a_line_does_what_its_call_says(
    stack: Stack, ids: dict[str, str], tmp_path: Path, which: tuple[str, str, str | None]
) -> None:
    path, method, media = which
    operation = DOCUMENT["paths"][path][method]
    (tmp_path / "handbook.pdf").write_text("No PDF, but a file.")
    (tmp_path / "questions.csv").write_text("question\nWho may take it?\n")
    job_id = ids[OF.get(operation["operationId"], "asked")]
    line = curl(stack.url, method, path, operation, media=media)
    line = line.replace(JOB_ID, job_id).replace(WEBHOOK_ID, ids["webhook"])

    # Its own proxy variables are none of the line's business.
    ran = subprocess.run(
        ["sh", "-c", f"{line} \\\n  -sS -w '\\n%{{http_code}}'"],
        cwd=tmp_path, env={"PATH": "/usr/bin:/bin"}, capture_output=True, text=True,
        check=True, timeout=60,
    )  # fmt: skip

    told, _, status = ran.stdout.rpartition("\n")
    check_answer(operation["responses"], status, told)
    if operation["operationId"] == "getFile":
        assert (tmp_path / "leave.md").read_text() == TEXT


def check_answer(responses: dict[str, Any], status: str, told: str) -> None:
    """Check that an answer is one that the call describes, with the fields of its example."""
    assert status in responses, told
    assert status < "300", told
    if content := responses[status].get("content", {}).get("application/json"):
        answer = json.loads(told)
        schema = content["schema"] | {"components": DOCUMENT["components"]}
        Draft202012Validator(schema).validate(answer)
        if isinstance(answer, dict):
            assert set(content["example"]) <= set(answer)
