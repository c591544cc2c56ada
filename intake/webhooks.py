"""Webhooks: who hears of every job that ends, and what became of telling them."""

from typing import Any

import orjson

from access.grants import current
from intake.errors import NotFound
from jobs.webhooks.deliveries import OF_JOBS, Deliveries, Form
from protocol.timestamps import rfc3339

_NONE = "there is no such webhook"
_NO_DELIVERY = "there is no such delivery, or it was forgotten"


class Webhooks:
    """Add endpoints, show and remove them, and show and repeat what was sent."""

    def __init__(self, deliveries: Deliveries) -> None:
        self._deliveries = deliveries

    def add(self, url: str, form: Form = "quern") -> dict[str, Any]:
        """
        Add an endpoint; returns it with its secret, which is not shown again.

        Raises:
            TooManyWebhooks: There are as many as there may be.

            ScopeMissing: The caller may use some collections alone.
        """
        current().require_whole_tenant()
        endpoint, secret = self._deliveries.add_endpoint(url, tenant=current().tenant, form=form)
        return self._endpoint(endpoint) | {"secret": secret}

    def all(self) -> list[dict[str, Any]]:
        """Return all endpoints of the caller's tenant, oldest first, without their secrets."""
        return [_shown(told) for told in self._own()]

    def remove(self, endpoint: str) -> None:
        """Forget an endpoint, and what is due to it; raises NotFound."""
        self._endpoint(endpoint)
        if not self._deliveries.remove_endpoint(endpoint):
            raise NotFound(_NONE)

    def test(self, endpoint: str) -> dict[str, Any]:
        """Send a `webhook.test` to an endpoint, which is active again if it takes it."""
        self._endpoint(endpoint)
        message = self._deliveries.test(endpoint)
        if message is None:
            raise NotFound(_NONE)
        return {"message_id": message}

    def deliveries(self, endpoint: str) -> list[dict[str, Any]]:
        """Return an endpoint's last deliveries, newest first; `jobs`: those to URLs of jobs."""
        if endpoint != OF_JOBS:
            self._endpoint(endpoint)
        return [_outcome(told) for told in self._deliveries.log(endpoint) if _is_callers(told)]

    def replay(self, endpoint: str, message_id: str) -> None:
        """Send a message once more; raises NotFound."""
        if endpoint != OF_JOBS:
            self._endpoint(endpoint)
        elif not self._is_own_message(message_id):
            raise NotFound(_NO_DELIVERY)
        if not self._deliveries.replay(endpoint, message_id):
            raise NotFound(_NO_DELIVERY)

    def _is_own_message(self, message_id: str) -> bool:
        """Return True if a message to the URL of a job is of one that the caller may see."""
        log = self._deliveries.log(OF_JOBS)
        return any(told["message"] == message_id and _is_callers(told) for told in log)

    def _own(self) -> list[dict[str, str]]:
        """Return the endpoints of the caller's tenant."""
        tenant = current().tenant
        return [told for told in self._deliveries.endpoints() if told["tenant"] == tenant]

    def _endpoint(self, endpoint: str) -> dict[str, Any]:
        """Return an endpoint of the caller's tenant; raises NotFound."""
        for told in self._own():
            if told["id"] == endpoint:
                return _shown(told)
        raise NotFound(_NONE)


def _is_callers(told: dict[str, Any]) -> bool:
    """Return True if a delivery tells of a job that the caller may see, or of none."""
    event = orjson.loads(told["event"])
    return "kind" not in event or current().may_use(event.get("collection"))


def _shown(told: dict[str, str]) -> dict[str, Any]:
    """Show an endpoint."""
    endpoint = told["id"]
    return {
        "id": endpoint,
        "url": told["url"],
        "form": told["form"],
        "state": "disabled" if "disabled" in told else "active",
        "created_at": rfc3339(told["created"]),
        "links": {"deliveries": f"/api/webhooks/{endpoint}/deliveries"},
    }


def _outcome(told: dict[str, str]) -> dict[str, Any]:
    """Show a delivery."""
    event = orjson.loads(told["event"])
    return {
        "message_id": told["message"],
        "type": event.get("openai") or event["type"],
        "job_id": event["id"] if "kind" in event else None,
        "url": told.get("url"),
        "state": told["state"],
        "tries": int(told.get("attempts", "0")),
        "tried_at": rfc3339(told["tried"]) if "tried" in told else None,
        "status": int(told.get("status", "0")) or None,
        "error": told.get("error") or None,
        "took_ms": int(told.get("took_ms", "0")),
    }
