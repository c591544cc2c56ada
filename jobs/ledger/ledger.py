"""The ledger of one Redis: its parts, by who asks what of them."""

from collections.abc import Callable

from redis import Redis

from jobs.archive.archive import Archive
from jobs.ledger.archiving import Archiving
from jobs.ledger.document_steps import DocumentSteps
from jobs.ledger.maintenance import Maintenance
from jobs.ledger.rows import Rows
from jobs.ledger.shedding import Shedding
from jobs.ledger.slices import Slices
from jobs.ledger.submissions import Submissions
from jobs.ledger.wire import Outbox
from jobs.ledger.work import Work
from protocol.messages import Message
from protocol.scripts import Scripts


class Ledger:
    """
    The parts of the ledger, on one Redis.

    Args:
        redis: A client that decodes responses.

        scripts: The ledger's scripts on the same Redis.

        send: Sends one Celery message; see `Outbox`.

        archive: Where ended rows lie that are not in Redis any more; None: none is read.

    Attributes:
        submissions: What the front end asks: take in, cancel.

        work: What a worker asks: claim, renew, hand over, finish.

        documents: What publishing asks besides: log, activate.

        slices: Jobs of many rows, some rows at a time: retries are filled, cancelled rows end.

        maintenance: What the rescuer asks: dispatch, sweep, expire.

        shedding: What the shedder asks: to forget before its time.

        archiving: What the archiver asks: ended rows, and to keep only where they lie.

        rows: What there is to read.

        outbox: Sends the messages that scripts answer with.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        scripts: Scripts,
        send: Callable[[Message], None],
        archive: Archive | None = None,
    ) -> None:
        self.redis = redis
        self.scripts = scripts
        self.outbox = Outbox(send)
        self.submissions = Submissions(scripts, self.outbox)
        self.work = Work(scripts, self.outbox)
        self.slices = Slices(redis, scripts, self.outbox)
        self.documents = DocumentSteps(scripts, self.outbox)
        self.maintenance = Maintenance(scripts, self.outbox)
        self.shedding = Shedding(scripts)
        self.archiving = Archiving(redis, scripts)
        self.archive = archive
        self.rows = Rows(redis, scripts, archive)
