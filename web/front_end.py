"""What every route of a web process shares: settings, the intake, who waits, how all is."""

from dataclasses import dataclass

from celery import Celery
from flask import Flask, current_app

from access.keys import ApiKeys
from access.sessions import Sessions
from access.spending import Spending
from intake.wiring import Intake, open_intake
from runtime.settings import Settings
from tasks.app import make_app
from tasks.sending import sender
from web.callers import Departures
from web.health.history import HistoryReader
from web.health.sampler import HealthSampler
from web.scrape_targets import ScrapeTargets
from web.scraped_state import ScrapedState
from web.slots import Places

_NAME = "quern"


@dataclass(frozen=True, slots=True)
class FrontEnd:
    """The parts of one web process; clients and threads are made when first used."""

    settings: Settings
    api_keys: ApiKeys
    sessions: Sessions
    spending: Spending
    celery: Celery
    intake: Intake
    places: Places
    departures: Departures
    health: HealthSampler
    history: HistoryReader
    scraped_state: ScrapedState
    scrape_targets: ScrapeTargets

    def close(self) -> None:
        """Stop the threads and close the connections of this process."""
        self.intake.close()
        self.departures.close()
        self.health.close()
        self.history.close()
        self.scraped_state.close()
        self.scrape_targets.close()
        self.celery.close()


def open_front_end(settings: Settings) -> FrontEnd:
    """Wire a web process for *settings*; connects when first used."""
    celery = make_app(settings)
    health = HealthSampler(settings)
    intake = open_intake(settings, sender(celery))
    return FrontEnd(
        settings=settings,
        api_keys=ApiKeys(intake.redis),
        sessions=Sessions(intake.redis),
        spending=Spending(intake.scripts),
        celery=celery,
        intake=intake,
        places=Places(settings),
        departures=Departures(),
        health=health,
        history=HistoryReader(settings.redis_url),
        scraped_state=ScrapedState(settings, health.statuses),
        scrape_targets=ScrapeTargets(settings),
    )


def attach(app: Flask, parts: FrontEnd) -> None:
    """Give *app* its parts."""
    app.extensions[_NAME] = parts


def front_end() -> FrontEnd:
    """Return the parts of the app that serves this request."""
    parts: FrontEnd = current_app.extensions[_NAME]
    return parts
