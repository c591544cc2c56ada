"""The Celery app: what every process that sends or runs a task shares."""

from celery import Celery

from runtime.environment import read_settings
from runtime.settings import Settings
from tasks.channel import use_one_client


def make_app(settings: Settings) -> Celery:
    """Build the app for *settings*; nothing connects until it is used."""
    use_one_client()
    app = Celery(
        "quern",
        broker=settings.redis_url,
        include=[
            "tasks.query",
            "tasks.ingest",
            "tasks.removal",
            "tasks.reindexing",
            "tasks.checking",
        ],
    )
    app.config_from_object("celeryconfig")
    return app


# Celery's command line, and so Flower, wants an app at module level: reading the settings here is
# the one thing in Quern that happens at import.
app = make_app(read_settings())
