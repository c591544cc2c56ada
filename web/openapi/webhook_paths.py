"""The paths of webhooks."""

from intake.fields import Json
from web.openapi.pieces import BODY, READS, WRITES, json_body, message_id, operation, webhook_id


def webhook_paths() -> Json:
    """Describe who hears of jobs that end."""
    return {
        "/api/webhooks": {
            "get": operation(
                "List webhooks", "Webhooks", name="listWebhooks",
                answers={200: ("All webhooks, without their secrets", "Webhooks")}, problems=READS,
            ),
            "post": operation(
                "Add a webhook", "Webhooks", name="addWebhook",
                body=json_body("NewWebhook"),
                answers={201: ("The webhook, and its secret, which is shown once", "Webhook")},
                problems=(*WRITES, *BODY),
                details=(
                    "It hears of every job that ends. Messages are signed as Standard Webhooks has "
                    "it, with the secret of the answer, and sent to public addresses alone."
                ),
                meanings={409: "There are as many webhooks as there may be; delete one first."},
            ),
        },
        "/api/webhooks/{webhook_id}": {
            "delete": operation(
                "Forget a webhook", "Webhooks", name="removeWebhook", parameters=[webhook_id()],
                confirm="The webhook is forgotten; what is due to it is not sent.",
                answers={204: ("It is gone", None)}, problems=(*WRITES, 404),
            )
        },
        "/api/webhooks/{webhook_id}/test": {
            "post": operation(
                "Send a test message", "Webhooks", name="testWebhook", parameters=[webhook_id()],
                answers={202: ("The message that will be sent", "Message")},
                problems=(*WRITES, 404),
            )
        },
        "/api/webhooks/{webhook_id}/deliveries": {
            "get": operation(
                "List what was sent last", "Webhooks", name="listDeliveries",
                parameters=[webhook_id()],
                details=(
                    "The last hundred; with `jobs` for the id, those to the `webhook_url` of jobs."
                ),
                answers={200: ("The last deliveries, newest first", "Deliveries")},
                problems=(*READS, 404),
            )
        },
        "/api/webhooks/{webhook_id}/deliveries/{message_id}/replay": {
            "post": operation(
                "Send a message once more", "Webhooks", name="replayDelivery",
                parameters=[webhook_id(), message_id()],
                answers={202: ("It will be sent", None)}, problems=(*WRITES, 404),
            )
        },
    }  # fmt: skip
