"""A stand-in for the API, as small as the tests of the command need."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx
from click.testing import Result

PROBLEM = "application/problem+json"
SOURCES = [
    {"document_id": "a.pdf", "title": "Ranking", "page": 7, "text": "k1 is 1.2.", "score": 0.5}
]
ANSWER = {
    "answer": "It is 1.2. [1]",
    "citations": [{"marker": 1, "source": 0, "start": 0, "end": 10, "quote": "k1 is\n1.2."}],
    "sources": SOURCES,
    "answered": True,
    "confidence": 0.9,
    "generator": "extractive",
    "degraded": [],
}
NOW = "2026-01-01T00:00:00.000Z"

Quern = Callable[..., Result]


def question(**changes: Any) -> dict[str, Any]:
    job = {
        "id": "j1", "kind": "query", "state": "succeeded", "collection": "default",
        "created_at": NOW, "request": {"question": "What is k1?"}, "result": ANSWER,
        "timings_ms": {"queued": 1.5, "retrieve": 20.0, "total": 1_500.0},
    }  # fmt: skip
    return job | changes


@dataclass
class FakeApi:
    """Answers each (method, path) in turn, the last answer for ever; remembers what was asked."""

    answers: dict[tuple[str, str], list[httpx.Response]] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def on(self, method: str, path: str, *responses: httpx.Response) -> None:
        self.answers[method, path] = list(responses)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        waiting = self.answers[request.method, request.url.path]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    def bodies(self, method: str, path: str) -> list[Any]:
        return [
            json.loads(request.content)
            for request in self.asked
            if (request.method, request.url.path) == (method, path)
        ]


def ok(body: object, status: int = 200, **headers: str) -> httpx.Response:
    return httpx.Response(status, json=body, headers=headers)


def refused(status: int, **problem: object) -> httpx.Response:
    headers = {"Content-Type": PROBLEM}
    return httpx.Response(status, content=json.dumps(problem), headers=headers)
