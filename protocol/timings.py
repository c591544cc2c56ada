"""Every period of the protocol, in one place because their order is what makes it safe."""

from typing import Final

#: A worker says "alive" this often, and is taken for dead this long after it stopped.
RENEW_S: Final = 2.0
CLAIM_MS: Final = 8_000

#: A dispatched message that nobody claimed is sent again after this, doubling up to the bound.
FIRST_CHECK_MS: Final = 15_000
LAST_CHECK_MS: Final = 120_000

#: The rescuer's interval; a gap this long means that Redis or the rescuer was away.
RESCUE_S: Final = 1.0
SWEEP_GAP_MS: Final = 4_000
#: For this long after such a gap nobody's death is counted.
QUIET_MS: Final = 10_000

#: A worker may end its own late unit this long before the rescuer does.
EXPIRE_GRACE_MS: Final = 5_000

#: A unit that is put back waits this long, twice as long each time: up to the first bound where a
#: server is away, which comes back for all at once, up to the second where its own blob is missing
#: or its collection is being reindexed.
PAUSE_MS: Final = 1_000
SERVER_PAUSE_MS: Final = 8_000
LONGEST_PAUSE_MS: Final = 60_000
#: An interactive unit that was put back so often goes first no more: it takes turns with the jobs.
PUT_BACK_FIRST: Final = 3

#: A file of more bytes is long to parse, a document of more chunks long to embed: seconds, not
#: moments. Such bodies leave a thread to all others.
LONG_BYTES: Final = 1_000_000
LONG_CHUNKS: Final = 100

#: Deaths from which a unit runs alone, and after how many such runs it is given up. What ran
#: beside another proves nothing, and one run alone little: kills from outside are no fault of it.
QUARANTINE_DEATHS: Final = 2
DEATHS_ALONE: Final = 3
MAX_DEATHS: Final = QUARANTINE_DEATHS + DEATHS_ALONE
#: It is given up once an innocent unit would have had so many deaths alone by chance, as workers of
#: its kind die lately, in less than one of a thousand cases; and after so many deaths in any case.
CHANCE: Final = 0.001
MOST_DEATHS: Final = 12
#: For so long a worker's death tells how often workers die.
FALLEN_MS: Final = 600_000
#: A unit whose body says so often that it cannot be done here is given up; nobody died of it.
MAX_BROKEN: Final = 3
#: How long a worker waits for its other bodies to end before a unit that must run alone.
QUARANTINE_WAIT_S: Final = 60.0
#: How long what a worker took waits there behind such a unit, before another worker may have it.
BEHIND_S: Final = 5.0

#: What a key spent on a day is known for this long; its last use is written down no more often than
#: that.
SPENT_S: Final = 400 * 86_400
USED_S: Final = 60

#: Webhooks: so long a receiver may take; a try whose sender died is made again after the lease.
WEBHOOK_POLL_S: Final = 1.0
WEBHOOK_TIMEOUT_S: Final = 10.0
WEBHOOK_LEASE_MS: Final = 60_000
#: Pauses after the first, second, … try that failed; after the last there is no other.
WEBHOOK_PAUSES_S: Final = (5.0, 30.0, 120.0, 900.0, 3_600.0, 21_600.0)
#: Messages that one sender sends to one endpoint at a time, and those that may wait in all.
WEBHOOK_AT_ONCE: Final = 2
WEBHOOK_MOST_DUE: Final = 50_000

#: Worker heartbeats: written this often, live for this long; a silent one is known for a minute.
HEARTBEAT_S: Final = 2.0
WORKER_LIVE_S: Final = 10.0
WORKER_KNOWN_S: Final = 60

#: Why a unit waits is told for so long: a little longer than the longest pause between two tries.
LAST_ERROR_S: Final = 150.0

#: Who reads a job's events says so this often; a stream that began for readers goes this long after
#: the last one, with room for a reader whose connection broke to come again.
LISTEN_S: Final = 30.0
LISTENED_MS: Final = 120_000
#: Of an ingest's events this many are kept: each tells all counts.
PROGRESS_EVENTS: Final = 256

#: Followers: live for this long; a publish waits this long for them.
FOLLOWER_LIVE_MS: Final = 10_000
PUBLISH_WAIT_S: Final = 2.0

#: A reader waits this long for its own index; a replaced generation stays readable this long.
SPARSE_WAIT_S: Final = 0.2
GARBAGE_MS: Final = 60_000

#: A reindex makes activations wait for at most this long while its last documents are copied, and
#: not while there are more than this.
HOLD_MS: Final = 3_000
HOLD_MOST: Final = 200

#: The change log keeps at most this.
LOG_ENTRIES: Final = 100_000
LOG_AGE_MS: Final = 86_400_000

#: Replicas are asked to check their own index: who has not answered after this is named.
AUDIT_WAIT_S: Final = 60.0
AUDIT_MS: Final = 180_000

#: Maintenance.
LONG_JOBS_S: Final = 0.25
COLLECT_GARBAGE_S: Final = 5.0
#: Change logs are trimmed so often.
TRIM_S: Final = 60.0
SHED_S: Final = 2.0
#: So long a job is known after its end, however full Redis is: who asked may come for the answer.
SHED_AFTER_S: Final = 600.0
CHECK_S: Final = 3_600.0
#: The check in the background takes turns of this length, with this pause between. While people
#: search it has shorter ones: one search in fifty meets it.
CHECK_TURN_S: Final = 0.5
CHECK_SHARED_TURN_S: Final = 0.1
CHECK_PAUSE_S: Final = 5.0
#: A deleted collection is cleared this long: longer than any job on it may take.
DELETED_COLLECTION_S: Final = 691_200.0
#: So long after it expired a vector store is deleted: until then any change of it wakes it.
STORE_KEPT_S: Final = 7 * 86_400
BLOB_SWEEP_S: Final = 3_600.0
#: A sweep of the blobs takes turns of this length, with this pause between.
BLOB_SWEEP_TURN_S: Final = 1.0
BLOB_SWEEP_PAUSE_S: Final = 2.0
BLOB_AGE_S: Final = 86_400.0
LOCK_MS: Final = 10_000

#: Ended rows go from Redis to the archive this long after their end; fewer than a segment's worth
#: wait longer, so that a quiet service does not write a file for each. What Redis is about to
#: forget stays where it is.
ARCHIVE_S: Final = 5.0
ARCHIVE_AFTER_S: Final = 30.0
ARCHIVE_WAIT_S: Final = 300.0
ARCHIVE_LEAST_S: Final = 600.0

IDEMPOTENCY_S: Final = 86_400
#: A search is read by the call that waits for it; nobody comes back to it. The same holds for a
#: question of which nothing is to be kept.
SEARCH_RETENTION_S: Final = 60
