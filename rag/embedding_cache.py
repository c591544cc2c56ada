"""Embedding through a cache: a text that was embedded once is not embedded again."""

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, astuple, dataclass
from time import monotonic
from typing import NamedTuple, TypeVar

import numpy as np
from cachetools import TTLCache
from numpy.typing import NDArray

from rag.errors import Broken, NoVector
from rag.ports import (
    BytesStore,
    EmbeddedPassages,
    Embedder,
    EmbedderIdentity,
    PassageText,
    Vectors,
)

L2_BATCH = 512  # keys of one read or write: about 400 KB, some milliseconds of the store's time
CHECKSUM_BYTES = 8
NORM_TOLERANCE = 2e-3  # an embedder may be off by 1e-3, float16 adds at most half of that

_Vector = NDArray[np.float32]


class Kept(NamedTuple):
    """What is kept of a text: its vector, and of a passage its sentences, packed."""

    vector: _Vector
    sentences: bytes = b""


_Wanted = TypeVar("_Wanted", str, PassageText)
_Compute = Callable[[Sequence[_Wanted]], EmbeddedPassages]


@dataclass(slots=True)
class CacheCounts:
    """
    What became of the texts asked for, each text of a call once.

    *joined* were being embedded by another thread at that moment; *corrupt* are values of the
    second level that failed their checksum or are no unit vector, each a miss as well.
    """

    hits_l1: int = 0
    hits_l2: int = 0
    misses: int = 0
    joined: int = 0
    corrupt: int = 0


class CachedEmbedder:
    """
    An embedder that pays the model only for texts it has not seen within *ttl_s*.

    Two levels: the last vectors asked for, in this process, and a store that all processes share
    and that outlives them. Every vector, cached or fresh, has passed through float16 and been
    normalised again, so results do not depend on what the cache holds. A corrupt value is a miss,
    never a wrong vector, and what is no unit vector is neither stored nor returned. Threads that
    ask for the same new text at once share one computation.

    The store drops what was least recently used, but does not see what this process answers by
    itself: each write tells it which those were, or the most asked for would be the first to go,
    and gives it again what it has lost of them.

    Args:
        embedder: Called with the missing texts, each once.

        store: The shared level; Redis in production, a dict in tests.

        ttl_s: How long a vector lives: in the store counted from its last use, in the process
            from when it got there.

        entries: How many vectors the process keeps; the least recently used goes first.

        timer: Seconds, for the age of what the process keeps.
    """

    def __init__(
        self,
        embedder: Embedder,
        store: BytesStore,
        *,
        ttl_s: int,
        entries: int = 5_000,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """Start with an empty first level; the store is used as it is."""
        self._embedder = embedder
        self._prefix = _key_prefix(embedder.identity)
        self._store = store
        self._ttl_s = ttl_s
        self._lock = threading.Lock()  # of everything below
        self._recent: TTLCache[str, Kept] = TTLCache(entries, ttl_s, timer=timer)
        self._flights: dict[str, Future[Kept]] = {}
        self._used: dict[str, Kept] = {}  # answered by the process since the last write
        self._counts = CacheCounts()

    @property
    def identity(self) -> EmbedderIdentity:
        """What made these vectors."""
        return self._embedder.identity

    @property
    def counts(self) -> CacheCounts:
        """A copy of the counts since the start."""
        with self._lock:
            return CacheCounts(*astuple(self._counts))

    @property
    def entries(self) -> int:
        """How many vectors the process keeps."""
        return len(self._recent)

    def report(self) -> dict[str, int | str]:
        """Return the counts and the store's trouble, for a heartbeat."""
        return asdict(self.counts) | {"trouble": self._store.trouble}

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, uncut; not cached."""
        return self._embedder.count_tokens(texts)

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        """
        Return float32 vectors of shape (len(texts), dimension), each of norm 1.

        Raises what the embedder raises, and Broken where it answers anything but one unit vector
        for each text; then nothing of this call is cached.
        """
        if not texts:
            return np.empty((0, self.identity.dimension), dtype=np.float32)

        def compute(missing: Sequence[str]) -> EmbeddedPassages:
            vectors = self._embedder.embed(missing, truncate=truncate)
            return EmbeddedPassages(vectors, [b""] * len(missing))

        keys = [_key(self._prefix, text, truncate=truncate) for text in texts]
        found = self._find(dict(zip(keys, texts, strict=True)), compute)
        # What np.stack does, in a fifth of the time for one vector.
        return np.concatenate([found[key].vector for key in keys]).reshape(len(keys), -1)

    def embed_passages(self, passages: Sequence[PassageText]) -> EmbeddedPassages:
        """Return passages and their sentences as vectors; raises as `embed` does."""
        keys = [_passage_key(self._prefix, passage) for passage in passages]
        wanted = dict(zip(keys, passages, strict=True))
        found = self._find(wanted, self._embedder.embed_passages) if wanted else {}
        vectors = np.empty((len(keys), self.identity.dimension), dtype=np.float32)
        for row, key in enumerate(keys):
            vectors[row] = found[key].vector
        return EmbeddedPassages(vectors, [found[key].sentences for key in keys])

    def _find(self, wanted: Mapping[str, _Wanted], compute: "_Compute[_Wanted]") -> dict[str, Kept]:
        """Return the wanted vectors by key; those that no level has are computed."""
        found, own, others = self._claim(wanted)
        if own:
            found.update(self._fetch(own, wanted, compute))
        for key, flight in others.items():
            # Only now, with everything promised delivered: so two calls never wait for each other.
            if flight.exception() is None:
                found[key] = flight.result()
            else:  # its call failed, perhaps for another of its texts
                found[key] = self._find({key: wanted[key]}, compute)[key]
        return found

    def _claim(
        self, wanted: Mapping[str, _Wanted]
    ) -> tuple[dict[str, Kept], dict[str, Future[Kept]], dict[str, Future[Kept]]]:
        """Split keys into those at hand, those to fetch here, and those another thread fetches."""
        found: dict[str, Kept] = {}
        own: dict[str, Future[Kept]] = {}
        others: dict[str, Future[Kept]] = {}
        with self._lock:
            for key in wanted:
                kept = self._recent.get(key)
                if kept is not None:
                    found[key] = kept
                elif key in self._flights:
                    others[key] = self._flights[key]
                else:
                    own[key] = self._flights[key] = Future()
            if len(self._used) < self._recent.maxsize:
                self._used.update(found)
            self._counts.hits_l1 += len(found)
            self._counts.joined += len(others)
        return found, own, others

    def _fetch(
        self,
        own: Mapping[str, Future[Kept]],
        wanted: Mapping[str, _Wanted],
        compute: "_Compute[_Wanted]",
    ) -> dict[str, Kept]:
        """Read from the store, embed what is missing, and settle the flights either way."""
        try:
            kept = self._read(list(own))
            missing = [key for key in own if key not in kept]
            kept.update(self._compute(missing, [wanted[key] for key in missing], compute))
        except BaseException as error:
            with self._lock:
                for key, flight in own.items():
                    del self._flights[key]
                    flight.set_exception(error)
            raise
        with self._lock:
            self._counts.hits_l2 += len(own) - len(missing)
            self._counts.misses += len(missing)
            for key, flight in own.items():
                self._recent[key] = kept[key]
                del self._flights[key]
                flight.set_result(kept[key])
        return kept

    def _read(self, keys: Sequence[str]) -> dict[str, Kept]:
        """Return what the store holds and whose checksum is right."""
        kept: dict[str, Kept] = {}
        for at in range(0, len(keys), L2_BATCH):
            batch = keys[at : at + L2_BATCH]
            for key, value in zip(
                batch, self._store.get_many(batch, ttl_s=self._ttl_s), strict=True
            ):
                if value is None:
                    continue
                whole = decode(value, key=key, dimension=self.identity.dimension)
                if whole is not None:
                    kept[key] = whole
                else:
                    with self._lock:
                        self._counts.corrupt += 1
        return kept

    def _compute(
        self, keys: Sequence[str], wanted: Sequence[_Wanted], compute: "_Compute[_Wanted]"
    ) -> dict[str, Kept]:
        """Embed, write to the store, and return what a later read will."""
        if not keys:
            return {}
        fresh, sentences = compute(wanted)
        _check(fresh, (len(keys), self.identity.dimension))
        made = map(Kept, fresh, sentences)
        values = {key: encode(one, key=key) for key, one in zip(keys, made, strict=True)}
        with self._lock:
            used, self._used = self._used, {}
        lost: Collection[str] = ()
        for at in range(0, len(keys), L2_BATCH):
            batch = {key: values[key] for key in keys[at : at + L2_BATCH]}
            told = self._store.set_many(batch, ttl_s=self._ttl_s, used=() if at else used)
            lost = lost if at else told
        # Packed again, a vector is to the bit what it was: it is one of float16 numbers, scaled by
        # far less than their distance.
        again = {key: encode(used[key], key=key) for key in lost}
        self._store.set_many(again, ttl_s=self._ttl_s)
        return {key: self._unpacked(value) for key, value in values.items()}

    def _unpacked(self, value: bytes) -> Kept:
        """Read a value whose checksum is right."""
        return _unpacked(value[:-CHECKSUM_BYTES], self.identity.dimension)


def vector_key(identity: EmbedderIdentity, text: str, *, truncate: bool = False) -> str:
    """
    Name a vector; everything that changes its value changes its name.

    That is the text, exactly, and the identity: model, revision, engine with its pooling and
    precision, dimension, token limit, normalisation. Hashed with BLAKE2b (RFC 7693), so that a key
    is short and no text can be read from it. A cut text never stands for a whole one.
    """
    return _key(_key_prefix(identity), text, truncate=truncate)


def _key_prefix(identity: EmbedderIdentity) -> str:
    """Return what the keys of all vectors of one maker begin with."""
    made_by = repr(sorted(asdict(identity).items())).encode()
    return f"quern:emb:{hashlib.blake2b(made_by, digest_size=8).hexdigest()}:"


def _key(prefix: str, text: str, *, truncate: bool) -> str:
    """Name the vector of one text."""
    name = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{prefix}{name}:cut" if truncate else prefix + name


def _passage_key(prefix: str, passage: PassageText) -> str:
    """Name the vectors of a passage and of its sentences."""
    # A line break and spans: no text that is embedded by itself ends so and has these beside it.
    told = f"{passage.whole}\n{len(passage.before)} {list(passage.sentences)}"
    return f"{_key(prefix, told, truncate=False)}:passage"


def encode(kept: Kept, *, key: str) -> bytes:
    """Pack a unit vector as float16, little-endian, sentences, and a checksum over key and both."""
    data = kept.vector.astype("<f2").tobytes() + kept.sentences
    return data + _checksum(key, data)


def decode(value: bytes, *, key: str, dimension: int) -> Kept | None:
    """Unpack a value; None where it is not what `encode` made of a unit vector for this key."""
    data, checksum = value[:-CHECKSUM_BYTES], value[-CHECKSUM_BYTES:]
    if len(data) < 2 * dimension or checksum != _checksum(key, data):
        return None
    vector = np.frombuffer(data, "<f2", dimension).astype(np.float32)
    # The norm's square, twice as far from 1; not-a-number fails this comparison too.
    near = abs(vector @ vector - 1) < 2 * NORM_TOLERANCE
    return _unpacked(data, dimension) if near else None


def _unpacked(data: bytes, dimension: int) -> Kept:
    """Read what `encode` packed, its checksum left out."""
    numbers = 2 * dimension
    return Kept(_unit(data[:numbers]), data[numbers:])


def _check(vectors: Vectors, expected: tuple[int, int]) -> None:
    """
    Refuse what must not be cached.

    Raises:
        Broken: These are not unit vectors of the expected number and dimension.
    """
    if vectors.shape != expected:
        raise Broken(f"the embedder answered vectors of shape {vectors.shape}, not {expected}")
    # Not-a-number fails this comparison too.
    if not np.all(np.abs(np.linalg.norm(vectors, axis=1) - 1) < NORM_TOLERANCE):
        raise NoVector("the embedder answered vectors that are not of norm 1")


def _unit(numbers: bytes) -> _Vector:
    """Read float16 numbers as a read-only float32 vector of norm 1."""
    vector = np.frombuffer(numbers, dtype="<f2").astype(np.float32)
    vector /= np.linalg.norm(vector)
    vector.flags.writeable = False
    return vector


def _checksum(key: str, numbers: bytes) -> bytes:
    """Sum up key and numbers, so that a value under the wrong key is as corrupt as a bad one."""
    return hashlib.blake2b(key.encode() + numbers, digest_size=CHECKSUM_BYTES).digest()
