"""Sending a unit's message to the queue of its stage."""

from collections.abc import Callable

from celery import Celery
from kombu.exceptions import OperationalError

from protocol.messages import ROLE_OF, Message, Stage
from runtime.tracing import traces

#: The Celery task that runs a stage. Names are stable: they are on the wire and in Flower.
TASK_OF: dict[Stage, str] = {
    "retrieve": "query.retrieve",
    "generate": "query.generate",
    "parse": "ingest.parse",
    "publish": "ingest.publish",
    "remove": "documents.remove",
    "drop": "collections.drop",
    "reindex": "collections.reindex",
    "check": "admin.check",
}


def sender(app: Celery) -> Callable[[Message], None]:
    """
    Return what the ledger calls to send a message through *app*.

    It raises OSError where the broker does not answer.
    """

    def send(message: Message) -> None:
        # For a worker that records, where this process does not; else the instrumentation's go in.
        headers = {"traceparent": message.traceparent} if message.traceparent else None
        try:
            traces.send_for(
                message.traceparent,
                lambda: app.send_task(
                    TASK_OF[message.stage],
                    args=(message.unit_id,),
                    queue=ROLE_OF[message.stage],
                    priority=message.priority,
                    headers=headers,
                ),
            )
        except OperationalError as error:
            # In a word the ledger knows: the unit is recorded, and is sent again.
            raise ConnectionError(str(error)) from error

    return send
