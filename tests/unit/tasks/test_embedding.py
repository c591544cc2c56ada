"""Texts of callers are embedded beside questions, which never wait for a long list."""

import base64
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import orjson
import pytest

from jobs.leases.lease import Lease
from jobs.requests import EmbeddingRequest
from protocol.timings import SERVER_PAUSE_MS
from rag.errors import InvalidRequest, Unreadable
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import Vectors
from runtime.turns import Turns
from tasks.embedding import embed_texts
from tasks.long_texts import LongTexts
from tasks.resources import Resources
from tests.support.waiting import PATIENCE_S, until

LONG = tuple(f"text number {n}" for n in range(70))
SHORT = LONG[:32]


class Cancelled(Exception):
    """What a lease raises whose unit nobody wants any more."""


class FixedLease:
    """A lease of texts: remembers what became of it."""

    def __init__(self, texts: Sequence[str], **more: Any) -> None:
        request = EmbeddingRequest(texts=tuple(texts), **more).as_json()
        told = {"request": orjson.dumps(request).decode(), "created": "1"}
        self.unit: Any = type("Unit", (), {"id": "a", "fields": told})
        self.checks = 0
        self.finished: dict[str, Any] = {}
        self.released: list[bool] = []
        self.is_cancelled = False

    def check(self) -> None:
        self.checks += 1
        if self.is_cancelled:
            raise Cancelled

    def finish(self, *, state: str, fields: dict[str, Any]) -> None:
        assert state == "succeeded"
        self.finished = fields

    def release(self, *, at_once: bool, longest_pause_ms: int) -> None:
        assert 0 < longest_pause_ms <= SERVER_PAUSE_MS
        self.released.append(at_once)

    @property
    def vectors(self) -> Vectors:
        result = orjson.loads(self.finished["result"])
        numbers = np.frombuffer(base64.b64decode(result["vectors"]), dtype="<f4")
        return numbers.reshape(-1, result["dimension"])


class GatedEmbedder(HashingEmbedder):
    """Embeds once it is let go; *begun* counts who came."""

    def __init__(self) -> None:
        super().__init__(dimension=4)
        self.begun, self.go = threading.Semaphore(0), threading.Event()

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        self.begun.release()
        assert self.go.wait(PATIENCE_S)
        return super().embed(texts, truncate=truncate)


def resources(embedder: HashingEmbedder, *, threads: int = 2) -> Resources:
    storage: Any = type("Storage", (), {"blobs": None})  # a small result needs none
    return Resources(
        storage=storage,
        leases=cast("Any", None),
        embedder=embedder,
        long_texts=LongTexts(threads=threads),
    )


def has_room(places: LongTexts, count: int) -> bool:
    """Return True if so many lists would get a place, and no other one."""
    taken = [places._take(f"new {n}", 1) for n in range(count + 1)]
    return taken == [True] * count + [False]


def embed(lease: FixedLease, port: Resources) -> None:
    embed_texts(cast("Lease", lease), port)


@contextmanager
def embedding(lease: FixedLease, port: Resources, turns: Turns) -> Iterator[None]:
    """Embed in another thread that has a turn; the block's end lets it end."""

    def run() -> None:
        with turns.turn():
            embed(lease, port)

    gated = cast("GatedEmbedder", port.embedder)
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        assert gated.begun.acquire(timeout=PATIENCE_S)
        yield
    finally:
        gated.go.set()
        thread.join(PATIENCE_S)


def test_a_long_list_is_embedded_in_groups_and_comes_back_in_its_order() -> None:
    port, lease = resources(HashingEmbedder(dimension=4)), FixedLease(LONG)
    embed(lease, port)

    assert lease.finished["tokens"] == f"{3 * len(LONG)} 0"
    assert lease.checks == 3
    assert np.array_equal(lease.vectors, HashingEmbedder(dimension=4).embed(LONG))


def test_questions_compute_while_a_long_list_is_embedded() -> None:
    turns, lease = Turns(1), FixedLease(LONG)
    searched = threading.Event()

    def search() -> None:
        with turns.turn():
            searched.set()

    with embedding(lease, resources(GatedEmbedder()), turns):
        threading.Thread(target=search, daemon=True).start()
        is_searched = searched.wait(5)

    assert is_searched
    assert lease.finished


def test_a_second_long_list_leaves_its_thread_to_questions() -> None:
    port, first, second = resources(GatedEmbedder()), FixedLease(LONG), FixedLease(LONG)
    with embedding(first, port, Turns(1)):
        embed(second, port)

    assert (second.released, second.finished, second.checks) == ([False], {}, 0)
    assert first.finished
    embed(second, port)
    assert second.finished


def test_two_long_lists_are_embedded_and_others_are_next_in_half_of_the_threads() -> None:
    embedder = GatedEmbedder()
    port = resources(embedder, threads=8)
    first, second, third, fourth, fifth = (FixedLease(LONG) for _ in range(5))
    threads = [
        threading.Thread(target=embed, args=(lease, port), daemon=True) for lease in (third, fourth)
    ]
    with embedding(first, port, Turns(1)), embedding(second, port, Turns(1)):
        for thread in threads:
            thread.start()
        # Who waits looks at its lease.
        until(lambda: third.checks and fourth.checks)
        embed(fifth, port)
        has_begun = embedder.begun.acquire(blocking=False)
    for thread in threads:
        thread.join(PATIENCE_S)

    assert fifth.released == [False]
    assert not has_begun
    assert all(lease.finished for lease in (first, second, third, fourth))


def test_a_list_that_nobody_wants_any_more_stops_waiting() -> None:
    port, first = resources(GatedEmbedder(), threads=8), FixedLease(LONG)
    others = [FixedLease(LONG) for _ in range(3)]
    with embedding(first, port, Turns(1)), embedding(others[0], port, Turns(1)):
        others[1].is_cancelled = True
        with pytest.raises(Cancelled):
            embed(others[1], port)
        others[2].is_cancelled = True
        with pytest.raises(Cancelled):
            embed(others[2], port)

    assert has_room(port.long_texts, 4)


def test_a_few_texts_wait_for_no_long_list() -> None:
    port, lease = resources(HashingEmbedder(dimension=4)), FixedLease(SHORT)
    with port.long_texts.place("b", 1, lease.check) as is_there:
        assert is_there
        embed(lease, port)

    assert (len(lease.vectors), lease.released) == (len(SHORT), [])


def test_a_list_that_fails_makes_room_for_the_next() -> None:
    port = resources(HashingEmbedder(dimension=4, max_tokens=2))
    with pytest.raises(InvalidRequest, match="too long"):
        embed(FixedLease(LONG), port)

    assert has_room(port.long_texts, 1)


def test_vectors_of_another_length_are_refused_before_any_is_made() -> None:
    embedder = HashingEmbedder(dimension=4)
    with pytest.raises(Unreadable, match="have 4 dimensions"):
        embed(FixedLease(SHORT, dimensions=3), resources(embedder))
    assert embedder.seen == []

    embed(FixedLease(SHORT, dimensions=4), resources(embedder))
    assert embedder.seen == list(SHORT)
