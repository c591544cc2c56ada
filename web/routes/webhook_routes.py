"""`/api/webhooks`: who hears of every job that ends."""

from flask import Blueprint, Response, jsonify

from intake.requests import read_new_webhook
from web.front_end import front_end
from web.guards.authorization import needs
from web.http.behind_proxy import with_links
from web.http.request_parts import json_body, parameters

bp = Blueprint("webhooks", __name__, url_prefix="/api/webhooks")


@bp.get("")
@needs("admin")
def index() -> Response:
    """List all webhooks."""
    parameters()
    return jsonify({"webhooks": [with_links(one) for one in front_end().intake.webhooks.all()]})


@bp.post("")
@needs("admin")
def create() -> Response:
    """Add a webhook; its secret is in this answer and in no other."""
    parameters()
    url, form = read_new_webhook(json_body())
    answer = jsonify(with_links(front_end().intake.webhooks.add(url, form)))
    answer.status_code = 201
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.delete("/<webhook_id>")
@needs("admin")
def remove(webhook_id: str) -> Response:
    """Forget a webhook; what is due to it is not sent."""
    parameters()
    front_end().intake.webhooks.remove(webhook_id)
    return Response(status=204)


@bp.post("/<webhook_id>/test")
@needs("admin")
def test(webhook_id: str) -> Response:
    """Send a `webhook.test`."""
    parameters()
    answer = jsonify(front_end().intake.webhooks.test(webhook_id))
    answer.status_code = 202
    return answer


@bp.get("/<webhook_id>/deliveries")
@needs("admin")
def deliveries(webhook_id: str) -> Response:
    """List what was sent last, newest first."""
    parameters()
    return jsonify({"deliveries": front_end().intake.webhooks.deliveries(webhook_id)})


@bp.post("/<webhook_id>/deliveries/<message_id>/replay")
@needs("admin")
def replay(webhook_id: str, message_id: str) -> Response:
    """Send a message once more."""
    parameters()
    front_end().intake.webhooks.replay(webhook_id, message_id)
    return Response(status=202)
