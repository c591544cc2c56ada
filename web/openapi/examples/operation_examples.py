"""Examples of what operators call: webhooks, administration, health."""

from collections.abc import Mapping
from typing import Final

from intake.fields import Json
from web.openapi.examples.example import Example
from web.openapi.examples.job_examples import ended, waiting
from web.openapi.pieces import JOB_ID, MESSAGE_ID, WEBHOOK_ID

_WEBHOOK: Final[Json] = {
    "id": WEBHOOK_ID,
    "url": "https://example.org/hook",
    "form": "quern",
    "state": "active",
    "created_at": "2026-01-01T00:00:00.000Z",
    "links": {"deliveries": f"/api/webhooks/{WEBHOOK_ID}/deliveries"},
}
_DELIVERY: Final[Json] = {
    "message_id": MESSAGE_ID,
    "type": "job.succeeded",
    "job_id": JOB_ID,
    "url": None,
    "state": "delivered",
    "tries": 1,
    "tried_at": "2026-01-01T00:00:01.000Z",
    "status": 204,
    "error": None,
    "took_ms": 41,
}
_CHECKED: Final[Json] = {
    "repair": False,
    "consistent": True,
    "collections": [
        {
            "collection": "default",
            "documents": 1,
            "passages": 1,
            "consistent": True,
            "differences": {},
            "findings": [],
            "replicas": [{"name": "host/0", "state": "same", "documents": 1}],
        }
    ],
}
_COUNTED: Final[Json] = {"done": 2, "total": 2, "unit": "entries", "failed": 0}

_SPENT: Final[Json] = {
    "jobs": 12, "questions": 11, "documents": 40, "tokens": 0, "prompt_tokens": 0,
    "completion_tokens": 0,
}  # fmt: skip
_KEY: Final[Json] = {
    "id": "5f0c2a9d1e77",
    "name": "the wiki",
    "tenant": "default",
    "scopes": ["ask", "ingest"],
    "collections": None,
    "limits": {
        "requests_per_minute": 600,
        "questions_per_day": None,
        "documents_per_day": None,
        "tokens_per_day": None,
    },
    "created_at": "2026-01-01T00:00:00.000Z",
    "expires_at": None,
    "used_at": "2026-01-02T00:00:00.000Z",
    "today": _SPENT,
    "all": _SPENT | {"questions": 311, "jobs": 320},
}

OPERATION_EXAMPLES: Final[Mapping[str, Example]] = {
    "usage": Example(answers={200: {"keys": [_KEY]}}),
    "listWebhooks": Example(answers={200: {"webhooks": [_WEBHOOK]}}),
    "addWebhook": Example(
        sent={"url": "https://example.org/hook"},
        answers={201: _WEBHOOK | {"secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="}},
    ),
    "testWebhook": Example(answers={202: {"message_id": MESSAGE_ID}}),
    "listDeliveries": Example(answers={200: {"deliveries": [_DELIVERY]}}),
    "check": Example(
        sent={"collection": "default", "repair": False},
        answers={
            202: waiting("check", "check"),
            200: ended("check", "check", result=_CHECKED, progress=_COUNTED),
        },
    ),
    "purge": Example(
        sent={"older_than_s": 2_592_000, "dry_run": True},
        answers={200: {"jobs": 12, "documents": 340, "next_cursor": None}},
    ),
    "reindex": Example(
        sent={"collection": "default"}, answers={202: waiting("reindex", "reindex")}
    ),
    "livez": Example(answers={200: {"status": "pass"}}),
    "readyz": Example(
        answers={200: {"status": "pass"}, 503: {"status": "fail", "output": "starting"}}
    ),
    "health": Example(
        answers={
            200: {
                "status": "pass",
                "checks": {
                    "redis:responseTime": [
                        {"status": "pass", "observedValue": 0.07, "observedUnit": "ms"}
                    ],
                    "workers:retrieve": [
                        {"status": "pass", "observedValue": 1, "observedUnit": "count"}
                    ],
                },
            }
        }
    ),
    "history": Example(
        answers={
            200: {
                "step_s": 30,
                "until": "2026-01-01T00:00:00.000Z",
                "series": [{"name": "questions", "unit": "per_min", "values": [None, 12.0, 14.0]}],
            }
        }
    ),
    "metrics": Example(
        answers={
            200: (
                "# HELP quern_queue_depth Units that no worker has claimed.\n"
                "# TYPE quern_queue_depth gauge\n"
                'quern_queue_depth{queue="retrieve"} 0.0\n'
            )
        }
    ),
    "targets": Example(
        answers={
            200: [
                {
                    "targets": ["127.0.0.1:9110"],
                    "labels": {"job": "quern-retrieval", "role": "retrieval", "worker": "host/0"},
                }
            ]
        }
    ),
    "openapi": Example(
        answers={200: {"openapi": "3.1.0", "info": {"title": "Quern"}, "paths": {}}}
    ),
}
