"""Deliveries: one message to one endpoint, recorded in the script that ends the job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
from redis import Redis

from jobs.errors import TooManyWebhooks
from jobs.webhooks.signing import new_secret
from protocol import timings
from protocol.ids import new_id
from protocol.keys import key
from protocol.names import DEFAULT_TENANT, shown_name
from protocol.scripts import Scripts
from protocol.timestamps import rfc3339

#: Endpoints of an installation: every end of a job writes a delivery for each.
MOST_ENDPOINTS: Final = 10
#: Under which deliveries to the URLs of single jobs are kept.
OF_JOBS: Final = "jobs"
#: Deliveries of an endpoint whose outcome is kept.
KEPT: Final = 100
#: Whose messages an endpoint takes for its own.
Form = Literal["quern", "openai"]
#: What is told of an endpoint; those of earlier builds have no form.
_ENDPOINT: Final = ("url", "created", "disabled", "tenant", "form")


@dataclass(frozen=True, slots=True)
class Delivery:
    """
    A message to be sent now, taken for a while by one sender.

    Args:
        name: `endpoint/message`.

        attempt: Number of this try, the fence of its outcome.

        tries: Which try this is, from 1; from 1 again after a replay.

        url: Where it goes; of an endpoint, or of the job itself.

        secret: By which it is signed; empty for the URL of a job.

        event: What is told.

        group: What is sent at the same time a few times only: an endpoint, or a host.
    """

    name: str
    attempt: int
    tries: int
    url: str
    secret: str
    event: Mapping[str, Any]
    group: str

    @property
    def endpoint(self) -> str:
        """The endpoint's id; `jobs` for the URL of a job."""
        return self.name.partition("/")[0]

    @property
    def message_id(self) -> str:
        """The message's id, the same however often it is sent."""
        return self.name.partition("/")[2]

    def payload(self) -> bytes:
        """Return what is sent: the type, the time and the job; never text of a document."""
        event = self.event
        if "openai" in event:
            return self._as_openai()
        told: dict[str, Any] = {"type": event["type"], "timestamp": rfc3339(event["at"])}
        data = {
            name: event[name] for name in ("id", "kind", "state", "collection") if name in event
        }
        if "collection" in data:
            data["collection"] = shown_name(data["collection"])
        if "created" in event:
            data["created_at"] = rfc3339(event["created"])
            data["finished_at"] = rfc3339(event["at"])
            data["links"] = {"self": f"/api/jobs/{event['id']}"}
        return orjson.dumps(told | {"data": data})

    def _as_openai(self) -> bytes:
        """Return what is sent as OpenAI does: the type, and the id of the batch or response."""
        kind = self.event["openai"]
        plain = self.event["id"].replace("-", "")
        told = {
            "id": f"evt_{self.message_id.removeprefix('msg_').replace('-', '')}",
            "object": "event",
            "type": kind,
            "created_at": int(self.event["at"]) // 1_000_000,
            "data": {"id": ("batch_" if kind.startswith("batch.") else "resp_") + plain},
        }
        return orjson.dumps(told)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one try: *status* is 0 where nothing was answered, *error* says why."""

    delivered: bool
    gone: bool = False
    status: int = 0
    error: str = ""
    took_ms: int = 0


class Deliveries:
    """Endpoints, and the deliveries that are due; every change is one script."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    # Endpoints -------------------------------------------------------------------------------

    def add_endpoint(
        self, url: str, *, tenant: str = DEFAULT_TENANT, form: Form = "quern"
    ) -> tuple[str, str]:
        """
        Add an endpoint that hears of every job that ends from now on; return its id and secret.

        It hears of the jobs of its own *tenant* alone; in the *form* of OpenAI of its batches and
        responses alone.

        Raises:
            TooManyWebhooks: There are ten already.
        """
        endpoint, secret = f"wh_{new_id().replace('-', '')}", new_secret()
        whose = "" if tenant == DEFAULT_TENANT else tenant
        if self._run("webhook_add", endpoint, url, secret, MOST_ENDPOINTS, whose, form)[0] != "ok":
            raise TooManyWebhooks(f"there are {MOST_ENDPOINTS} webhooks already; delete one first")
        return endpoint, secret

    def remove_endpoint(self, endpoint: str) -> bool:
        """Forget an endpoint; what is due to it is not sent. Returns True if it was there."""
        return self._run("webhook_remove", endpoint)[0] == "ok"

    def endpoints(self) -> list[dict[str, str]]:
        """Return the endpoints, oldest first, each with its id and tenant, without its secret."""
        names = self._redis.zrange(key("webhooks"), 0, -1)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hmget(key("webhook", name), *_ENDPOINT)
        return [
            {"id": name, "tenant": DEFAULT_TENANT, "form": "quern"}
            | {f: v for f, v in zip(_ENDPOINT, told, strict=True) if v}
            for name, told in zip(names, pipe.execute(), strict=True)
            if told[0]
        ]

    # Deliveries ------------------------------------------------------------------------------

    def test(self, endpoint: str) -> str | None:
        """Send a `webhook.test` to an endpoint; returns the message's id, None without endpoint."""
        message = f"msg_{new_id()}"
        answer = self._run("webhook_test", endpoint, message)
        return message if answer[0] == "ok" else None

    def replay(self, endpoint: str, message_id: str) -> bool:
        """Send a message once more, now, whatever became of it; False if it is not known."""
        return self._run("webhook_replay", f"{endpoint}/{message_id}")[0] == "ok"

    def take(self, most: int, *, running: Mapping[str, int]) -> list[Delivery]:
        """
        Take up to *most* due deliveries; they are due again if no outcome comes in time.

        Args:
            most: As many as there are threads without work.

            running: How many of each group this sender sends now; each has a few threads only.
        """
        answer = self._run(
            "webhook_take", most, timings.WEBHOOK_LEASE_MS, timings.WEBHOOK_AT_ONCE,
            orjson.dumps(dict(running)).decode(),
        )  # fmt: skip
        return [
            Delivery(name, int(attempt), int(tries), url, secret, orjson.loads(event), group)
            for name, attempt, tries, url, secret, event, group in answer
        ]

    def settle(self, delivery: Delivery, outcome: Outcome, *, again_in_s: float | None) -> bool:
        """
        Write down what became of a try; False if the delivery was taken anew meanwhile.

        *again_in_s* is when the next try is due, None where there is none.
        """
        what = "delivered" if outcome.delivered else "gone" if outcome.gone else "failed"
        answer = self._run(
            "webhook_settle", delivery.name, delivery.attempt, what,
            -1 if again_in_s is None else int(again_in_s * 1000),
            outcome.status, outcome.error, outcome.took_ms, KEPT,
        )  # fmt: skip
        return answer[0] == "ok"

    def log(self, endpoint: str) -> list[dict[str, Any]]:
        """Return the last deliveries of an endpoint, newest first, with what became of them."""
        names = self._redis.zrevrange(key("delivery_log", endpoint), 0, KEPT - 1)
        pipe = self._redis.pipeline(transaction=False)
        for name in names:
            pipe.hgetall(key("delivery", name))
        return [
            {"message": name.partition("/")[2]} | told
            for name, told in zip(names, pipe.execute(), strict=True)
            if told
        ]
