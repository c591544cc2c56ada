"""A house for questions: the intake and the ledger on a real Redis, and workers run by hand."""

from typing import Any

import orjson

from corpus.storage import Storage, open_storage
from intake.requests import read_query, read_search
from intake.wiring import Intake
from jobs.leases.leases import Leases
from protocol.messages import Message, Stage
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from tasks import query
from tasks.resources import Generator, Resources


class QuestionHouse:
    """
    Take questions in, and run what is sent for them, one after the other, in this thread.

    Args:
        retriever: Finds passages, as `Retriever.search` does.

        generator: Answers from them.

        apart: Whether one worker retrieves and another generates, or one does both.
    """

    def __init__(
        self, settings: Settings, *, retriever: Any, generator: Generator, apart: bool = False
    ) -> None:
        self.settings = settings
        self.sent: list[Message] = []
        #: The stages that were run, in order.
        self.stages: list[Stage] = []
        self.storage: Storage = open_storage(settings, self.sent.append)
        self.storage.catalogue.collections.create("default")
        self.intake = Intake(settings, self.storage, pipeline="")
        self._redis = ledger_client(settings.redis_url, connections=4)
        self.leases = Leases(self.storage.ledger.work, self._redis, name="test")
        both = {"retriever": retriever, "generator": generator}
        self._resources = {
            stage: Resources(
                storage=self.storage,
                leases=self.leases,
                **({name: both[name]} if apart else both),
            )
            for stage, name in (("retrieve", "retriever"), ("generate", "generator"))
        }

    def close(self) -> None:
        """Close the connections."""
        self.intake.close()
        self._redis.close()
        self.storage.redis.connection_pool.disconnect()

    def ask(self, **body: Any) -> str:
        """Take a question in and run it to its end; returns its job's id."""
        return self.run(self.accept(**body))

    def accept(self, **body: Any) -> str:
        """Take a question in; returns its job's id."""
        return self.intake.queries.submit_query(read_query(body, self.settings)).id

    def search(self, **body: Any) -> str:
        """Take a search in and run it to its end; returns its id."""
        request = read_search(body, self.settings)
        return self.run(self.intake.queries.submit_search(request))

    def result(self, job_id: str) -> dict[str, Any]:
        """Return the result of a job that has ended, as the API shows it."""
        shown = self.intake.jobs.show(job_id)
        result: dict[str, Any] = orjson.loads(orjson.dumps(shown["result"]))
        return result

    def run(self, job_id: str) -> str:
        """Run all that was sent; returns *job_id*."""
        while self.sent:
            message = self.sent.pop(0)
            self.stages.append(message.stage)
            resources = self._resources[message.stage]
            with self.leases.claim(message.unit_id, message.stage) as lease:
                assert lease is not None
                if message.stage == "generate":
                    query._generate(lease, resources)
                else:
                    query.search_and_answer(lease, resources)
        return job_id
