"""Passages of several collections that are no longer current are left out, the order kept."""

from collections.abc import Sequence
from typing import Any, NamedTuple, cast

from jobs.leases.lease import Lease
from rag.documents import Passage
from tasks.query import _current
from tasks.resources import Resources


class Current(NamedTuple):
    generation: int


class Told:
    """Stands for a lease and for resources: only what is looked at."""

    def __init__(self, **more: Any) -> None:
        self.__dict__.update(more)


class Generations:
    def __init__(self, **current: dict[str, int]) -> None:
        self._current = current

    def current(self, collection_id: str, documents: Sequence[str]) -> dict[str, Current]:
        known = self._current.get(collection_id, {})
        return {name: Current(known[name]) for name in documents if name in known}


def passage(document: str, generation: int, collection_id: str = "") -> Passage:
    return Passage(
        f"{document}:{generation}:0", document, generation, 0, "", "x", 0, 1, 0.5,
        collection_id=collection_id,
    )  # fmt: skip


def current(passages: list[Passage], **known: dict[str, int]) -> list[Passage]:
    storage = Told(catalogue=Told(generations=Generations(**known)))
    lease = Told(unit=Told(collection_id="c1"))
    return _current(cast("Lease", lease), cast("Resources", Told(storage=storage)), passages)


def test_each_passage_is_looked_up_in_its_own_collection() -> None:
    passages = [passage("a", 1, "c2"), passage("a", 2), passage("b", 1, "c2"), passage("b", 1)]

    assert current(passages, c1={"a": 2, "b": 1}, c2={"a": 1, "b": 1}) == passages
    assert current(passages, c1={"a": 2}, c2={"a": 1, "b": 2}) == passages[:2]
    assert current(passages, c2={"b": 1}) == [passages[2]]
    assert current([], c1={}) == []
