"""Embedding through a cache: a text that was embedded once is not embedded again."""

import hashlib
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import asdict, astuple, dataclass
from time import monotonic

import numpy as np
from cachetools import TTLCache
from numpy.typing import NDArray

from rag.errors import Broken
from rag.ports import BytesStore, Embedder, EmbedderIdentity, Vectors

L2_BATCH = 512  # keys of one read or write: about 400 KB, some milliseconds of the store's time
CHECKSUM_BYTES = 8
NORM_TOLERANCE = 2e-3  # an embedder may be off by 1e-3, float16 adds at most half of that

_Vector = NDArray[np.float32]


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
        self._recent: TTLCache[str, _Vector] = TTLCache(entries, ttl_s, timer=timer)
        self._flights: dict[str, Future[_Vector]] = {}
        self._used: dict[str, _Vector] = {}  # answered by the process since the last write
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
        keys = [_key(self._prefix, text, truncate=truncate) for text in texts]
        wanted = dict(zip(keys, texts, strict=True))
        found, own, others = self._claim(wanted)
        if own:
            found.update(self._fetch(own, wanted, truncate=truncate))
        for key, flight in others.items():
            # Only now, with everything promised delivered: so two calls never wait for each other.
            if flight.exception() is None:
                found[key] = flight.result()
            else:  # its call failed, perhaps for another of its texts
                found[key] = self.embed([wanted[key]], truncate=truncate)[0]
        # What np.stack does, in a fifth of the time for one vector.
        return np.concatenate([found[key] for key in keys]).reshape(len(keys), -1)

    def _claim(
        self, wanted: Mapping[str, str]
    ) -> tuple[dict[str, _Vector], dict[str, Future[_Vector]], dict[str, Future[_Vector]]]:
        """Split keys into those at hand, those to fetch here, and those another thread fetches."""
        found: dict[str, _Vector] = {}
        own: dict[str, Future[_Vector]] = {}
        others: dict[str, Future[_Vector]] = {}
        with self._lock:
            for key in wanted:
                vector = self._recent.get(key)
                if vector is not None:
                    found[key] = vector
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
        self, own: Mapping[str, Future[_Vector]], wanted: Mapping[str, str], *, truncate: bool
    ) -> dict[str, _Vector]:
        """Read from the store, embed what is missing, and settle the flights either way."""
        try:
            vectors = self._read(list(own))
            missing = [key for key in own if key not in vectors]
            vectors.update(self._compute(missing, wanted, truncate=truncate))
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
                self._recent[key] = vectors[key]
                del self._flights[key]
                flight.set_result(vectors[key])
        return vectors

    def _read(self, keys: Sequence[str]) -> dict[str, _Vector]:
        """Return what the store holds and whose checksum is right."""
        vectors: dict[str, _Vector] = {}
        for at in range(0, len(keys), L2_BATCH):
            batch = keys[at : at + L2_BATCH]
            for key, value in zip(
                batch, self._store.get_many(batch, ttl_s=self._ttl_s), strict=True
            ):
                if value is None:
                    continue
                vector = decode(value, key=key, dimension=self.identity.dimension)
                if vector is not None:
                    vectors[key] = vector
                else:
                    with self._lock:
                        self._counts.corrupt += 1
        return vectors

    def _compute(
        self, keys: Sequence[str], wanted: Mapping[str, str], *, truncate: bool
    ) -> dict[str, _Vector]:
        """Embed, write to the store, and return the vectors as a later read will."""
        if not keys:
            return {}
        fresh = self._embedder.embed([wanted[key] for key in keys], truncate=truncate)
        _check(fresh, (len(keys), self.identity.dimension))
        values = {key: encode(vector, key=key) for key, vector in zip(keys, fresh, strict=True)}
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
        return {key: _unit(value[:-CHECKSUM_BYTES]) for key, value in values.items()}


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


def encode(vector: _Vector, *, key: str) -> bytes:
    """Pack a unit vector: float16, little-endian, then a checksum over key and numbers."""
    numbers = vector.astype("<f2").tobytes()
    return numbers + _checksum(key, numbers)


def decode(value: bytes, *, key: str, dimension: int) -> _Vector | None:
    """Unpack a unit vector; None where the value is not what `encode` made of one for this key."""
    numbers, checksum = value[:-CHECKSUM_BYTES], value[-CHECKSUM_BYTES:]
    if len(numbers) != 2 * dimension or checksum != _checksum(key, numbers):
        return None
    vector = np.frombuffer(numbers, dtype="<f2").astype(np.float32)
    # The norm's square, twice as far from 1; not-a-number fails this comparison too.
    return _unit(numbers) if abs(vector @ vector - 1) < 2 * NORM_TOLERANCE else None


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
        raise Broken("the embedder answered vectors that are not of norm 1")


def _unit(numbers: bytes) -> _Vector:
    """Read float16 numbers as a float32 vector of norm 1 that nobody can change."""
    vector = np.frombuffer(numbers, dtype="<f2").astype(np.float32)
    vector /= np.linalg.norm(vector)
    vector.flags.writeable = False
    return vector


def _checksum(key: str, numbers: bytes) -> bytes:
    """Sum up key and numbers, so that a value under the wrong key is as corrupt as a bad one."""
    return hashlib.blake2b(key.encode() + numbers, digest_size=CHECKSUM_BYTES).digest()
