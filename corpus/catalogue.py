"""The catalogue: which collections there are, and which generation of each document is current."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any, Literal, NamedTuple

import orjson
from redis import Redis
from ulid import ULID

from protocol.keys import key
from protocol.scripts import Scripts
from rag.errors import EmbedderMismatch, ReindexUnderWay
from rag.ports import Edition, EmbedderIdentity, HnswSettings, Look

log = logging.getLogger(__name__)


class Current(NamedTuple):
    """
    A document's current generation; *chunks* is 0 after a delete. *seq* counts flips.

    *language* is what the document is written in, ISO 639-1, empty where nobody could tell: a
    reader weighs its two legs by it, before it fetches any chunk.
    """

    generation: int
    chunks: int
    seq: int
    language: str = ""

    @classmethod
    @lru_cache(maxsize=8_192)  # each search reads one of each candidate
    def parse(cls, text: str) -> "Current":
        """Read `generation:chunks:seq`, or `generation:chunks:seq:language`."""
        generation, chunks, seq, *language = text.split(":")
        return cls(int(generation), int(chunks), int(seq), *language)


@dataclass(frozen=True, slots=True)
class Collection:
    """A name people use, and the incarnation it points at today."""

    name: str
    incarnation: str
    created_us: int
    documents: int
    chunks: int | None
    embedder: dict[str, Any] | None
    hnsw: dict[str, Any] | None


class Catalogue:
    """
    Read and change collections and the record of current documents.

    Args:
        hnsw: Settings of the vectors of collections made from now on.
    """

    def __init__(self, redis: Redis, scripts: Scripts, *, hnsw: HnswSettings | None = None) -> None:
        self._redis = redis
        self._run = scripts
        self.hnsw = hnsw or HnswSettings()

    # Collections ---------------------------------------------------------------------------

    def create(self, name: str) -> tuple[str, bool]:
        """Make a collection unless it exists; returns (incarnation, whether it is new)."""
        fields = {"name": name, "hnsw": orjson.dumps(asdict(self.hnsw)).decode()}
        word, incarnation = self._run(
            "create_collection", name, str(ULID()), orjson.dumps(fields).decode()
        )
        return incarnation, word == "new"

    def incarnation(self, name: str) -> str | None:
        """Return what *name* points at, None where there is no such collection."""
        return self._redis.hget(key("collections"), name)

    def exists(self, incarnation: str) -> bool:
        """Tell whether an incarnation has not been deleted."""
        return bool(self._redis.exists(key("collection", incarnation)))

    def incarnations(self) -> dict[str, str]:
        """Return every collection's incarnation by its name."""
        return self._redis.hgetall(key("collections"))

    def collections(self) -> list[Collection]:
        """Return every collection, by name."""
        found = sorted(self.incarnations().items())
        pipe = self._redis.pipeline(transaction=False)
        for _, incarnation in found:
            pipe.hgetall(key("collection", incarnation))
            pipe.zcard(key("names", incarnation))
        answers = pipe.execute()
        return [
            Collection(
                name=name,
                incarnation=incarnation,
                created_us=int(row.get("created", "0")),
                documents=count,
                chunks=None,
                embedder=orjson.loads(row["embedder"]) if "embedder" in row else None,
                hnsw=orjson.loads(row["hnsw"]) if "hnsw" in row else None,
            )
            for (name, incarnation), row, count in zip(
                found, answers[::2], answers[1::2], strict=True
            )
        ]

    def drop(self, name: str) -> str | None:
        """Free a name at once; returns the incarnation whose rest a job removes."""
        answer = self._run("drop_collection", name)
        return answer[0] if answer else None

    def forget(self, incarnation: str) -> None:
        """Remove every key of a dropped incarnation."""
        names = (
            "current", "newest", "documents", "names", "contents", "opened", "log", "log_state",
            "add_logged", "garbage", "followers", "cursors", "building", "behind", "held",
            "audit", "barren",
        )  # fmt: skip
        self._redis.unlink(*(key(name, incarnation) for name in names))

    def graves(self) -> list[str]:
        """Return the incarnations of deleted collections that somebody may still write into."""
        return self._redis.zrange(key("graves"), 0, -1)

    def bury(self, *, older_than_s: float) -> None:
        """Forget the graves of collections deleted so long ago that all their work has ended."""
        seconds, _ = self._redis.time()
        until = (seconds - older_than_s) * 1000
        self._redis.zremrangebyscore(key("graves"), "-inf", until)

    def agree_on_embedder(self, incarnation: str, identity: EmbedderIdentity) -> Edition:
        """
        Record what embeds a collection, or check that it is the same as ever.

        Returns the edition of its vectors to write to. A collection that was deleted meanwhile is
        left alone; who writes to it finds out.

        Raises:
            ReindexUnderWay: The vectors are another model's; a reindex may be making them mine.

            EmbedderMismatch: They are, and nothing is changing it.
        """
        told = orjson.dumps(asdict(identity)).decode()
        answer = self._run("agree", incarnation, told)
        if not answer:
            return Edition(incarnation, identity)
        embedder, hnsw, name, changing = answer
        edition = _edition(name, embedder, hnsw)
        try:
            edition.check_embedder(identity)
        except EmbedderMismatch as error:
            if changing:
                raise ReindexUnderWay("the collection's vectors are being made anew") from error
            raise
        return edition

    def edition(self, incarnation: str) -> Edition:
        """Return the vectors that are searched today, and what made them."""
        name, embedder, hnsw = self._redis.hmget(
            key("collection", incarnation), ["edition", "embedder", "hnsw"]
        )
        return _edition(name or incarnation, embedder, hnsw)

    def page(self, incarnation: str, *, after: str, limit: int) -> list[str]:
        """Return up to *limit* current documents with ids above *after*, in order."""
        low = f"({after}" if after else "-"
        return self._redis.zrangebylex(key("names", incarnation), low, "+", 0, limit)

    def count_after(self, incarnation: str, after: str) -> int:
        """Return how many current documents have ids above *after*; all of them where empty."""
        low = f"({after}" if after else "-"
        return self._redis.zlexcount(key("names", incarnation), low, "+")

    # Documents -----------------------------------------------------------------------------

    def seq(self, incarnation: str) -> int:
        """Return how many flips there have been."""
        return int(self._redis.hget(key("log_state", incarnation), "seq") or 0)

    def look(self, incarnation: str) -> Look:
        """Return what a search must know before it reads, in one trip."""
        pipe = self._redis.pipeline(transaction=False)
        # In this order: what was flipped by then is in this edition, and in this state of the log.
        pipe.hget(key("log_state", incarnation), "seq")
        pipe.hmget(key("collection", incarnation), ["edition", "embedder", "hnsw"])
        pipe.hmget(key("log_state", incarnation), ["last_add", "epoch"])
        pipe.zcard(key("names", incarnation))
        pipe.scard(key("opened", incarnation))
        seq, (name, embedder, hnsw), (entry, epoch), documents, waiting = pipe.execute()
        edition = _edition(name or incarnation, embedder, hnsw)
        return Look(int(seq or 0), edition, entry or "0-0", epoch or "", documents, waiting)

    def current(self, incarnation: str, documents: Sequence[str]) -> dict[str, Current]:
        """Look once at the current generations of *documents*; absent ones are left out."""
        return self.look_again(incarnation, documents)[0] if documents else {}

    def look_again(
        self, incarnation: str, documents: Sequence[str]
    ) -> tuple[dict[str, Current], Edition]:
        """Look once at the current generations of *documents*, and at the vectors' edition."""
        entries, name, embedder, hnsw = self._run(
            "current", incarnation, orjson.dumps(list(documents)).decode()
        )
        texts = orjson.loads(entries) if documents else []  # Lua has one word for {} and []
        found = {
            document: Current.parse(text)
            for document, text in zip(documents, texts, strict=True)
            if text
        }
        return found, _edition(name or incarnation, embedder, hnsw)

    def every_current(self, incarnation: str) -> Iterator[tuple[str, Current]]:
        """Yield every document with its current generation, tombstones included."""
        for document, text in self._redis.hscan_iter(key("current", incarnation), count=1000):
            yield document, Current.parse(text)

    def is_open(self, incarnation: str, document: str, generation: int) -> bool:
        """Tell whether the row of a generation has not ended."""
        return bool(self._redis.sismember(key("opened", incarnation), f"{document}:{generation}"))

    def known(self, incarnation: str, document: str) -> bool:
        """Tell whether a document is current or on its way: whether there is one to delete."""
        current = self.current(incarnation, [document]).get(document)
        if current is not None and current.chunks:
            return True
        newest = self._redis.hget(key("newest", incarnation), document)
        return newest is not None and self.is_open(
            incarnation, document, int(newest.partition(":")[0])
        )

    def document(self, incarnation: str, document: str) -> dict[str, Any] | None:
        """Return what is current of a document: generation, title, blobs, counts."""
        text = self._redis.hget(key("documents", incarnation), document)
        return orjson.loads(text) if text else None

    def documents(
        self, incarnation: str, *, after: str, limit: int, prefix: str = ""
    ) -> tuple[list[dict[str, Any]], str | None]:
        """
        Return up to *limit* current documents with ids above *after*, and the next cursor.

        With *prefix* only those whose ids begin with it.
        """
        low = f"({after}" if after else f"[{prefix}" if prefix else "-"
        # Redis compares bytes, and no text in UTF-8 has this one.
        high = b"(" + prefix.encode() + b"\xff" if prefix else "+"
        names = self._redis.zrangebylex(key("names", incarnation), low, high, 0, limit + 1)
        page, more = names[:limit], len(names) > limit
        if not page:
            return [], None
        texts = self._redis.hmget(key("documents", incarnation), page)
        return [orjson.loads(text) for text in texts if text], page[-1] if more else None

    def hashes(self, incarnation: str, *, made_by: str) -> Iterator[tuple[str, str]]:
        """
        Yield (document, SHA-256 of its bytes) of every current document.

        The hash is empty where the same bytes would make another document today: a newer version
        was accepted and may be current in a moment, or the chunks are not *made_by* this pipeline.
        """
        cursor = 0
        while True:
            cursor, page = self._redis.hscan(key("documents", incarnation), cursor, count=500)
            names = list(page)
            if names:
                pipe = self._redis.pipeline(transaction=False)
                pipe.hmget(key("current", incarnation), names)
                pipe.hmget(key("newest", incarnation), names)
                for name, current, newest in zip(names, *pipe.execute(), strict=True):
                    record = orjson.loads(page[name])
                    settled = (current or "").split(":")[0] == (newest or "").split(":")[0]
                    same = settled and record.get("made_by") == made_by
                    yield name, record["sha256"] if same else ""
            if not cursor:
                return

    def barren(self, incarnation: str, *, made_by: str) -> Iterator[tuple[str, str]]:
        """
        Yield (document, SHA-256) of bytes that this pipeline could not make a document of.

        They would fail again; a row that failed for another reason than its file is not among them.
        """
        for document, told in self._redis.hscan_iter(key("barren", incarnation), count=1000):
            sha256, _, maker = told.partition(":")
            if maker == made_by:
                yield document, sha256

    # Garbage -------------------------------------------------------------------------------

    def garbage_due(self, incarnation: str, *, most: int = 50) -> list[tuple[str, int, int]]:
        """Return generations whose readers are gone: (document, generation, chunks)."""
        seconds, micros = self._redis.time()
        members = self._redis.zrangebyscore(
            key("garbage", incarnation), "-inf", seconds * 1000 + micros // 1000, 0, most
        )
        return [split_member(member) for member in members]

    def garbage(self, incarnation: str) -> set[tuple[str, int]]:
        """Return every (document, generation) in the garbage, due or not."""
        members = self._redis.zrange(key("garbage", incarnation), 0, -1)
        return {split_member(member)[:2] for member in members}

    def dropped(self, incarnation: str, document: str, generation: int, chunks: int) -> None:
        """Say that a due generation's rows are out of the vector store; tells the followers."""
        self._run("dropped", incarnation, f"{document}:{generation}:{chunks}")

    def orphan(
        self,
        incarnation: str,
        document: str,
        generation: int,
        chunks: int,
        *,
        only_look: bool = False,
    ) -> Literal["known", "orphan", "lost"]:
        """
        Put a generation of the vector store that nobody knows into the garbage.

        One that the catalogue once knew, and lost, is left: its rows are all there is of it.
        """
        words: tuple[Literal["known", "orphan", "lost"], ...] = ("known", "orphan", "lost")
        answer = self._run("orphan", incarnation, document, generation, chunks, int(only_look))
        return words[int(answer[0])]

    # What was lost ---------------------------------------------------------------------------

    def sizes(self, incarnation: str) -> tuple[int, int]:
        """Return how many entries there are, tombstones included, and how many records."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.hlen(key("current", incarnation))
        pipe.hlen(key("documents", incarnation))
        entries, records = pipe.execute()
        return int(entries), int(records)

    def records(self, incarnation: str, documents: Sequence[str]) -> list[dict[str, Any] | None]:
        """Return what is current of each document, None where there is nothing."""
        if not documents:
            return []
        texts = self._redis.hmget(key("documents", incarnation), list(documents))
        return [orjson.loads(text) if text else None for text in texts]

    def unlisted(self, incarnation: str, documents: Sequence[str]) -> set[str]:
        """Return those of the documents that the list of current documents lacks."""
        if not documents:
            return set()
        scores = self._redis.zmscore(key("names", incarnation), list(documents))
        return {name for name, score in zip(documents, scores, strict=True) if score is None}

    def recorded(self, incarnation: str) -> Iterator[str]:
        """Yield every document that has a record."""
        for document, _ in self._redis.hscan_iter(key("documents", incarnation), count=500):
            yield document

    def restore(self, incarnation: str, record: Mapping[str, Any]) -> bool:
        """
        Write the entry of a document that the catalogue lost, and its record; tells whether.

        Refused where another generation is current, or on its way to the garbage.
        """
        told = orjson.dumps(record).decode()
        return bool(
            self._run(
                "restore", incarnation, record["document_id"], record["generation"],
                record["chunks"], told,
            )[0]
        )  # fmt: skip

    def withdraw(self, incarnation: str, document: str, current: Current) -> bool:
        """Let nobody read a document any more of which parts are lost; tells whether one did."""
        return bool(
            self._run("withdraw", incarnation, document, current.generation, current.chunks)[0]
        )

    def distrust(self, incarnation: str, document: str, generation: int) -> None:
        """Let the same bytes, sent again, be worked on again; a diff asks for them."""
        self._run("distrust", incarnation, document, generation)

    def all_restored(self, incarnation: str) -> None:
        """Say that every entry is back that could be had: what is unknown now is an orphan."""
        self._redis.hdel(key("log_state", incarnation), "entries_lost")

    def about(self, incarnation: str) -> dict[str, str]:
        """Return what a lost catalogue would need of a collection: its name, what made it."""
        names = ("name", "created", "embedder", "hnsw")
        told = self._redis.hmget(key("collection", incarnation), names)
        return {name: text for name, text in zip(names, told, strict=True) if text}

    def buried(self, incarnation: str) -> bool:
        """Tell whether an incarnation is that of a deleted collection."""
        return self._redis.zscore(key("graves"), incarnation) is not None

    def adopt(
        self,
        incarnation: str,
        *,
        edition: str,
        name: str,
        other_name: str,
        about: Mapping[str, str],
    ) -> str | None:
        """
        Make a collection of the vector store that no catalogue knows one of ours again.

        *edition* is what the store calls it, *about* its label. Returns its name, *other_name*
        where *name* is taken; None where it is known after all.
        """
        told = orjson.dumps(dict(about)).decode()
        answer = self._run("adopt", incarnation, name, other_name, told, edition)
        return str(answer[0]) if answer else None


@lru_cache(maxsize=64)  # each search reads one
def _edition(name: str, embedder: str | None, hnsw: str | None) -> Edition:
    """Read an edition's record."""
    return Edition(
        name,
        EmbedderIdentity(**orjson.loads(embedder)) if embedder else None,
        HnswSettings(**orjson.loads(hnsw)) if hnsw else None,
    )


def split_member(member: str) -> tuple[str, int, int]:
    """Take `document:generation:chunks` apart; documents may hold colons."""
    document, generation, chunks = member.rsplit(":", 2)
    return document, int(generation), int(chunks)
