"""What every route of a web process shares: settings, the front desk, who waits, how all is."""

from dataclasses import dataclass

from celery import Celery
from flask import Flask, current_app

from corpus.durable import Durable, open_durable
from intake.front_desk import FrontDesk
from intake.views import JobView
from jobs.events import WakeUps
from rag.chunking.chunker import Chunker
from rag.documents import PARSERS_VERSION
from runtime.settings import Settings
from tasks.app import make_app
from tasks.sending import sender
from web.health.sampler import HealthSampler
from web.installation import Installation
from web.places import Places

_NAME = "quern"

#: How long one answer of Redis is waited for. Redis itself holds writes back for up to two seconds
#: while its disk is busy (appendfsync everysec): a shorter wait would turn that into refusals.
REDIS_READ_S = 2.5


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """The parts of one web process; clients and threads are made when first used."""

    settings: Settings
    celery: Celery
    durable: Durable
    desk: FrontDesk
    view: JobView
    wake_ups: WakeUps
    places: Places
    health: HealthSampler
    installation: Installation

    def close(self) -> None:
        """Stop the threads and close the connections of this process."""
        self.wake_ups.close()
        self.health.close()
        self.installation.close()
        self.durable.redis.close()
        self.celery.close()


def open_front_end(settings: Settings) -> FrontEnd:
    """Wire a web process for *settings*; connects when first used."""
    celery = make_app(settings)
    durable = open_durable(settings, sender(celery), read_s=REDIS_READ_S)
    chunker = Chunker(max_tokens=settings.chunk_tokens)
    health = HealthSampler(settings)
    return FrontEnd(
        settings=settings,
        celery=celery,
        durable=durable,
        desk=FrontDesk(
            settings=settings,
            ledger=durable.ledger,
            catalogue=durable.catalogue,
            blobs=durable.blobs,
            pipeline=f"{PARSERS_VERSION}:{chunker.fingerprint}:{settings.embedding_model}",
        ),
        view=JobView(durable.ledger, durable.blobs),
        wake_ups=WakeUps(durable.redis),
        places=Places(settings.max_streams),
        health=health,
        installation=Installation(settings, health.statuses),
    )


def attach(app: Flask, parts: FrontEnd) -> None:
    """Give *app* its parts."""
    app.extensions[_NAME] = parts


def front_end() -> FrontEnd:
    """Return the parts of the app that serves this request."""
    parts: FrontEnd = current_app.extensions[_NAME]
    return parts
