"""Every key in the queue Redis, built here for Python and for Lua alike."""

from typing import Final

PREFIX: Final = "quern:"

#: Key name → template. `%s` takes, in order, what the table in docs/architecture.md names.
TEMPLATES: Final[dict[str, str]] = {
    # What was asked
    "unit": "unit:%s",  # hash: a question, a search, or one document row
    "job": "job:%s",  # hash: an ingest or delete, the parent of its rows
    "rows": "rows:%s",  # list: the units of a job, in order
    "open": "open:%s",  # set: the rows of a job that have not ended
    "jobs": "jobs",  # zset: every job by the time of its submission
    "jobs_by": "jobs_by:%s",  # zset (what): open ones, of a rare state or kind, given up ones;
    # of a tenant `NAME/what`, and `NAME/all`
    "tenants": "tenants",  # set: names of those that had a job, but `default`
    "jobs_by_from": "jobs_by_from",  # string: jobs that were submitted since are in `jobs_by` too
    "ended": "ended",  # zset: units that ended and wait for the archive, by when they did
    "archived": "archived:%s:%s",  # hash (job, end of name or `first`): row → state, pointer
    "purged": "purged",  # hash: segment of the archive → how many of its rows were forgotten early
    "alone": "alone:%s",  # string, expiring (what): the job that does what only one may
    "retried": "retried:%s",  # string, expiring: the newest retry of a job
    "filling": "filling",  # zset: retries that still get their rows, by the last slice
    "asking": "asking",  # zset: lists of questions that still get their rows, by the last slice
    "stopping": "stopping",  # zset: cancelled jobs with open rows, by the last slice
    "unmade": "unmade",  # zset: batches that ended and have no files yet, by when to make them (ms)
    "idempotency": "idempotency:%s",  # string: job id and body hash under a caller's key
    # Who asks
    "api_keys": "api_keys",  # zset: keys by when they were made
    "api_key": "api_key:%s",  # hash (key): digest of its secret, tenant, scopes, limits, last use
    "spent": "spent:%s:%s",  # hash (key, day or `all`), those of days expiring: what it spent
    "rate": "rate:%s",  # string, expiring (key): until when its requests are due, see admit.lua
    "session": "session:%s",  # string, expiring (digest of a cookie): the key that it stands for
    # Where it waits and who has it
    "lane": "lane:%s:%s",  # zset (lanes, owner): waiting units by time of submission
    "owners": "owners:%s",  # zset (lanes): owners with waiting units, by turn
    "turns": "turns:%s",  # string (role): the last turn given
    "later": "later:%s",  # zset (role): units that were put back, by when their pause is over (ms)
    "inflight": "inflight:%s",  # zset (role): dispatched units by next check; it is the window
    "company": "company:%s",  # set (role): those of them that a body took along; they take no place
    "long": "long",  # set: dispatched units whose bodies last long
    "long_window": "long_window",  # string: how many of those there may be at a time
    "window": "window:%s",  # string (role): how many units may be dispatched
    "batch_window": "batch_window:%s",  # string (role): the same, for all that is not interactive
    "pace": "pace:%s",  # hash (role): mean duration of a body, last finish
    "deadlines": "deadlines:%s",  # zset (class): every open unit by its deadline
    "room": "room",  # hash: bytes that open units may still take, bytes ever admitted
    "claim": "claim:%s",  # string, expiring: the epoch of the worker that is alive on a unit
    "joined": "joined:%s",  # list, expiring (holder): the units that one `join` took
    "watch": "watch",  # hash: last sweep, Redis' run id
    "fallen": "fallen",  # zset, expiring: processes that died over a unit, by when it was seen
    "quiet": "quiet",  # string, expiring: no deaths are counted, Redis was away
    "tallies": "tallies",  # hash: what /metrics tells of jobs and documents
    # What it says while it runs
    "events": "events:%s",  # stream of a job
    "readers": "readers:%s",  # zset, expiring (job): who reads what ends with them, by until when
    # Who is told that a job ended
    "webhooks": "webhooks",  # zset: endpoints by when they were added
    "webhook": "webhook:%s",  # hash (endpoint): URL, secret, when it was disabled
    "deliveries": "deliveries",  # zset: endpoint/message by when it is to be sent next
    "delivery": "delivery:%s",  # hash (endpoint/message): event, tries, what became of the last
    "delivery_log": "delivery_log:%s",  # zset (endpoint): its last deliveries by their last try
    # Documents
    "collections": "collections",  # hash: name → collection id
    "collection": "collection:%s",  # hash (collection): name, made, vector index, embedder, hnsw
    "graves": "graves",  # zset: id of a deleted collection by when it was
    "current": "current:%s",  # hash (collection): document → gen.:chunks:seq:language:fingerprint
    "newest": "newest:%s",  # hash (collection): document → newest accepted generation:fingerprint
    "documents": "documents:%s",  # hash (collection): document → its record, as JSON
    "names": "names:%s",  # zset (collection): current documents in order of their ids
    "by_hash": "by_hash:%s:%s",  # hash (collection, letters or `first`): hash of bytes → document
    "contents": "contents:%s",  # hash (collection): the same, of documents of earlier builds
    "deleted": "deleted:%s",  # zset, expiring (collection): documents by the generation of a delete
    "barren": "barren:%s",  # hash (collection): document → sha256:made_by of bytes that failed
    "opened": "opened:%s",  # set (collection): document:generation of open rows
    "log": "log:%s",  # stream (collection): add and drop, for the followers
    "log_state": "log_state:%s",  # hash (collection): epoch, tail, trimmed_to, last_add, seq, floor
    "add_logged": "add_logged:%s",  # set (collection): open document:generation:chunks with an add
    "audit": "audit:%s",  # hash (collection), expiring: ticket → whether replicas shall repair
    "check_at": "check_at",  # string: where the check in the background goes on, as JSON
    "answers": "answers:%s",  # hash (ticket), expiring: follower → what it found, as JSON
    "garbage": "garbage:%s",  # zset (collection): document:generation:chunks by when it is due
    "building": "building:%s",  # hash (collection): an unfinished vector index, its job, progress
    "behind": "behind:%s",  # hash (collection): document → generation activated meanwhile
    "held": "held:%s",  # string, expiring (collection): no activations, a reindex is about to end
    "retired": "retired",  # zset: vector indexes that nobody begins to use any more, by when
    "news": "news",  # stream: collections made, for the followers
    "replicas": "replicas",  # zset: follower process by last sign of life
    "followers": "followers:%s",  # zset (collection): follower by last sign of life
    "set_aside": "set_aside:%s",  # set (collection): followers that no publish into it waits for
    "cursors": "cursors:%s",  # hash (collection): follower → committed log entry
    # Files that are no documents yet
    "file": "file:%s",  # hash, perhaps expiring (file): whose, name, purpose, hash of its bytes
    "files": "files:%s",  # zset (tenant): its files by when they came
    # Vector stores: collections with files that are documents
    "store": "store:%s",  # hash (collection): label, description, metadata, expiry, last use
    "attached": "attached:%s",  # hash (collection): file → unit of its document, size, JSON
    "attached_in": "attached_in:%s:%s",  # zset (collection, state or `all`): files by when attached
    "attached_bytes": "attached_bytes:%s",  # string (collection): size of its completed files
    "attached_errors": "attached_errors:%s",  # hash (collection): failed file → why, as JSON
    # Processes
    "workers": "workers",  # zset: worker by last heartbeat
    "worker": "worker:%s",  # string, expiring: what a worker says of itself
    "history": "history",  # stream: how the installation was in the last hour, by half minutes
    "failure": "failure:%s",  # string, expiring (queue): why its worker did not start
    "lock": "lock:%s",  # string, expiring: who does a job that only one may do
}

#: Channels: a job has something new to read; a running unit shall stop.
WAKE: Final = PREFIX + "wake"
CANCEL: Final = PREFIX + "cancel"

#: Celery's own keys live beside ours under this prefix.
CELERY_PREFIX: Final = PREFIX + "celery:"


def key(name: str, *parts: str) -> str:
    """Build the key *name* with its parts, for example `key("lane", "retrieve", "interactive")`."""
    return PREFIX + TEMPLATES[name] % parts


def lua_prelude() -> str:
    """Return the same keys as Lua functions in a table `K`, so that no script spells a key."""
    lines = ["local K = {}"]
    for name, template in TEMPLATES.items():
        pieces = (PREFIX + template).split("%s")
        arguments = [f"a{i}" for i in range(len(pieces) - 1)]
        joined = "'" + pieces[0] + "'"
        for argument, piece in zip(arguments, pieces[1:], strict=True):
            joined += f" .. {argument}" + (f" .. '{piece}'" if piece else "")
        lines.append(f"function K.{name}({', '.join(arguments)}) return {joined} end")
    lines.append(f"K.WAKE = '{WAKE}'")
    lines.append(f"K.CANCEL = '{CANCEL}'")
    return "\n".join(lines) + "\n"
