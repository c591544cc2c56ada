"""A filter leaves only what matches, and a search says what it could not look at."""

import pytest

from rag.metadata.filters import Filter, parse
from rag.ports import Ranking, Vectors
from rag.search import filtered_search
from rag.search.candidates import NOT_WANTED
from rag.search.modes import Mode
from tests.support.worlds.search_world import INC, Among, World


def coloured(world: World, *colours: str) -> None:
    """Publish a document of each colour, all alike."""
    for n, colour in enumerate(colours):
        world.known[f"{colour}{n}"] = {"colour": colour}
        world.publish(f"{colour}{n}", n + 1, f"oil price {n}", f"oil {n}")


def red_ones(world: World, mode: Mode, **more: object) -> list[str]:
    found = world.retriever().search(
        INC, "oil", top_k=50, mode=mode, filters=parse({"colour": "red"} | more)
    )
    return sorted({passage.document_id for passage in found.passages})


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
@pytest.mark.parametrize("call_rows", [0, 10**6], ids=["by the store", "exact"])
def test_a_filter_leaves_only_what_matches_in_either_retriever(
    world: World, mode: Mode, call_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_search, "CALL_ROWS", call_rows)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    coloured(world, *["red", "blue", "green"] * 3)

    assert red_ones(world, mode) == ["red0", "red3", "red6"]
    assert red_ones(world, mode, document_id={"ne": "red3"}) == ["red0", "red6"]
    assert red_ones(world, mode, document_id="blue1") == []


@pytest.mark.parametrize("mode", ["hybrid", "dense", "sparse"])
def test_a_filter_that_matches_nothing_is_told_with_what_is_wrong_with_it(
    world: World, mode: Mode
) -> None:
    coloured(world, "red", "blue")
    asked: list[dict[str, object] | None] = [{"Colour": "red"}, {"colour": 7}, {"colour": "red"}]
    told = [
        world.retriever().search(INC, "gas", top_k=9, mode=mode, filters=parse(each))
        for each in [*asked, None]
    ]

    assert [found.unmatched for found in told] == [True, True, False, False]
    assert told[0].hints == ["no document has a field 'Colour'; did you mean 'colour'?"]
    assert told[1].hints == [
        "the field 'colour' holds text in these documents, and the filter asks for numbers"
    ]
    assert not told[2].hints


def test_values_that_a_bound_passes_over_are_told_beside_what_matches(world: World) -> None:
    world.known["red0"] = {"mixed": 2}
    world.publish("red0", 1, "oil price")
    world.publish("blue1", 2, "oil")
    found = world.retriever().search(INC, "oil", top_k=9, filters=parse({"mixed": {"gte": 1}}))

    assert {passage.document_id for passage in found.passages} == {"red0"}
    assert (found.unmatched, list(found.hints)) == (
        False,
        ["the field 'mixed' holds text too in these documents, which no number is compared with"],
    )


def test_what_matches_in_replaced_generations_alone_matches_nothing(world: World) -> None:
    coloured(world, "red")
    world.known["red0"] = {"colour": "blue"}
    world.publish("red0", 2, "oil price")
    found = world.retriever().search(INC, "oil", top_k=9, filters=parse({"colour": "red"}))

    assert found.passages == []
    assert found.unmatched


def test_a_replica_that_lags_tells_by_the_store_that_nothing_matches(world: World) -> None:
    coloured(world, "red", "blue")
    world.sparse = None
    nothing = world.retriever().search(INC, "oil", top_k=9, filters=parse({"colour": "green"}))
    unknown = world.retriever().search(
        INC, "oil", top_k=9, mode="sparse", filters=parse({"colour": "green"})
    )

    assert (nothing.unmatched, nothing.hints) == (True, [])
    assert not unknown.unmatched


@pytest.mark.parametrize("mode", ["hybrid", "dense"])
def test_without_its_rows_a_replica_filters_by_the_store_and_says_what_is_missing(
    world: World, mode: Mode
) -> None:
    coloured(world, *["red", "blue"] * 3)
    world.sparse = None
    found = world.retriever().search(
        INC, "oil", top_k=50, mode=mode, filters=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red0", "red2", "red4"}
    assert found.degraded == (["sparse"] if mode == "hybrid" else [])
    assert found.trace is not None
    assert found.trace["filter"] == {"dense": "the vector store's own filter"}


def test_where_the_store_lets_too_much_pass_it_is_asked_for_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    coloured(world, *["blue"] * 60, *["red"] * 3)
    world.sparse = None

    def careless(collection_id: str, vector: Vectors, *, limit: int, filters: Filter) -> Ranking:
        assert filters
        return world.vectors.search(collection_id, vector, limit=limit)

    monkeypatch.setattr(world.vectors, "search_where", careless)
    found = world.retriever().search(
        INC, "oil price 61", top_k=9, filters=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red60", "red61", "red62"}
    assert found.trace is not None
    assert set(found.trace["dropped"].values()) == {NOT_WANTED}


def test_a_sparse_search_of_a_lagging_replica_finds_nothing_and_says_so(world: World) -> None:
    coloured(world, "red")
    world.sparse = None
    found = world.retriever().search(
        INC, "oil", top_k=9, mode="sparse", filters=parse({"colour": "red"})
    )

    assert (found.passages, found.degraded) == ([], ["sparse"])


def test_what_a_retriever_wrongly_takes_for_a_match_goes_no_further(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Among, "wrong", ("blue",))
    coloured(world, "red", "blue")
    found = world.retriever().search(
        INC, "oil", top_k=9, filters=parse({"colour": "red"}), trace=True
    )

    assert {p.document_id for p in found.passages} == {"red0"}
    assert found.trace is not None
    assert found.trace["dropped"] == {"blue1:2:0": NOT_WANTED, "blue1:2:1": NOT_WANTED}


def test_a_trace_tells_how_a_filter_was_kept_and_what_it_dropped(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_search, "CALL_ROWS", 0)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    coloured(world, "red", "blue")
    found = world.retriever().search(
        INC, "oil", top_k=9, filters=parse({"colour": "red"}), trace=True
    )

    assert found.trace is not None
    assert found.trace["filter"] == {
        "matching": 2, "of": 4, "dense": "the nearest of all, then the filter",
    }  # fmt: skip
    assert found.trace["dropped"] == {"blue1:2:0": NOT_WANTED, "blue1:2:1": NOT_WANTED}


@pytest.mark.parametrize(("sampled", "asked"), [(0.0, False), (1.0, True)])
def test_a_question_far_from_what_matches_is_answered_exactly(
    world: World, monkeypatch: pytest.MonkeyPatch, sampled: float, *, asked: bool
) -> None:
    monkeypatch.setattr(Among, "share_near", lambda _self, _vector: sampled)
    monkeypatch.setattr(filtered_search, "CALL_ROWS", 0)
    monkeypatch.setattr(filtered_search, "HIT_ROWS", 0)
    monkeypatch.setattr(filtered_search, "SLACK", 1)
    coloured(world, *["blue"] * 200)
    world.known["red"] = {"colour": "red"}
    world.publish("red", 900, *(f"tree {n}" for n in range(60)))
    limits: list[int] = []
    nearest = world.vectors.search

    def counted(collection_id: str, vector: Vectors, *, limit: int) -> Ranking:
        limits.append(limit)
        return nearest(collection_id, vector, limit=limit)

    monkeypatch.setattr(world.vectors, "search", counted)
    found = world.retriever().search(
        INC, "oil price", top_k=50, mode="dense", filters=parse({"colour": "red"}), trace=True
    )

    # What the twin scores exactly is everything; what the store is asked for is less.
    assert any(limit < len(world.vectors.collections[INC]) for limit in limits) is asked
    assert len(found.passages) == 50
    assert {p.document_id for p in found.passages} == {"red"}
    assert found.trace is not None
    assert found.trace["filter"]["dense"] == "scores of what matches"


def test_replaced_generations_of_what_matches_do_not_crowd_out_current_ones(world: World) -> None:
    world.known |= {"big": {"colour": "red"}, "small": {"colour": "red"}}
    world.publish("big", 1, *(f"oil {n}" for n in range(300)))
    world.activate("big", 2, 0)
    world.publish("small", 3, "oil of another kind")

    for mode in ("hybrid", "dense", "sparse"):
        assert red_ones(world, mode) == ["small"]
