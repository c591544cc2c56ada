"""`quern check` against a canned server."""

import json
from typing import Any

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.session import Session

AGREED: dict[str, Any] = {
    "collection": "papers", "documents": 1200, "passages": 5000, "consistent": True,
    "differences": {}, "findings": [], "replicas": [{"name": "here/0", "state": "same"}],
}  # fmt: skip
BROKEN: dict[str, Any] = {
    "collection": "letters", "documents": 3, "passages": 7, "consistent": False,
    "differences": {
        "passages_missing": {"found": 2, "repaired": 1},
        "orphan": {"found": 200, "repaired": 200},
    },
    "findings": [
        {
            "kind": "passages_missing", "outcome": "left", "document_id": "oil",
            "detail": "2 of 3 passages are not in the vector store; ingest it again",
        },
    ],
    "replicas": [],
}  # fmt: skip


class Server:
    """Answers with one job, which ends at the second look."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.job = {"id": "j1", "kind": "check"} | job
        self.asked: list[Any] = []
        self.looks = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            assert request.url.path == "/api/admin/check"
            self.asked.append(json.loads(request.content))
            return httpx.Response(202, json=self.job | {"state": "queued"})
        self.looks += 1
        if self.looks == 1:
            progress = {"done": 1, "total": 5, "unit": "entries"}
            return httpx.Response(200, json=self.job | {"state": "running", "progress": progress})
        return httpx.Response(200, json=self.job)


def run(server: Server, *arguments: str) -> Result:
    session = Session(given_url="http://quern.test", transport=httpx.MockTransport(server))
    return CliRunner().invoke(main, ["check", *arguments], obj=session)


def job(*collections: dict[str, Any], repair: bool = False) -> dict[str, Any]:
    consistent = all(shown["consistent"] for shown in collections)
    result = {"repair": repair, "consistent": consistent, "collections": list(collections)}
    return {"state": "succeeded", "result": result}


def test_where_all_agrees_it_says_so_and_exits_with_0() -> None:
    server = Server(job(AGREED))
    result = run(server)

    assert result.exit_code == 0
    assert server.asked == [{"repair": False}]
    assert "papers" in result.output
    assert "1,200" in result.output
    assert "none" in result.output


def test_what_remains_is_listed_and_exits_with_1() -> None:
    server = Server(job(AGREED, BROKEN, repair=True))
    result = run(server, "letters", "--repair")

    assert result.exit_code == 1
    assert server.asked == [{"collection": "letters", "repair": True}]
    assert "2 passages missing in Chroma" in result.output
    assert "ingest it again" in result.output
    assert "oil" in result.output
    assert "and 201 more differences" in result.output


def test_without_repair_it_says_how_to_repair() -> None:
    result = run(Server(job(BROKEN)))

    assert result.exit_code == 1
    assert "quern check --repair" in result.output


def test_json_is_the_job_untouched() -> None:
    result = run(Server(job(BROKEN)), "--json")

    assert json.loads(result.output)["result"]["collections"] == [BROKEN]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    "end", [{"state": "failed", "error": {"detail": "a fault"}}, {"state": "cancelled"}]
)
def test_a_check_that_did_not_end_well_is_a_failure(end: dict[str, Any]) -> None:
    result = run(Server(end))

    assert result.exit_code == 1
    assert "did not end" in result.output
