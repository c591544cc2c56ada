"""A search as a whole: what a passage tells, what is left out, and what is said of that."""

from dataclasses import replace
from functools import partial

import pytest

from rag.search import fusion
from rag.search.modes import Mode
from rag.search.retrieval import still_current
from tests.support.worlds.search_world import INC, World

PROSE = "oil rose from three to twelve when the members of the organisation proclaimed an embargo"


def test_a_passage_tells_where_it_stands(world: World) -> None:
    world.publish("a:b", 7, "oil prices", "tree species")
    found = world.retriever().search(INC, "oil", top_k=1)

    (passage,) = found.passages
    assert (passage.document_id, passage.generation, passage.n) == ("a:b", 7, 0)
    assert (passage.text, passage.title, passage.start, passage.end) == ("oil prices", "a:b", 0, 10)
    assert found.degraded == []
    assert world.embedder.seen.count("oil") == 1


@pytest.mark.parametrize(("mode", "degraded"), [("hybrid", ["sparse"]), ("dense", [])])
def test_without_its_sparse_index_a_replica_answers_from_the_dense_retriever_and_says_so(
    world: World, mode: Mode, degraded: list[str]
) -> None:
    world.publish("a", 1, "oil")
    world.sparse = None
    found = world.retriever().search(INC, "oil", top_k=1, mode=mode)

    assert [p.document_id for p in found.passages] == ["a"]
    assert found.degraded == degraded


@pytest.mark.parametrize(
    ("languages", "mode", "first"),
    [
        (None, "hybrid", "meaning"),
        ({"en", "es"}, "hybrid", "meaning"),
        ({"en"}, "hybrid", "words"),
        ({"en"}, "dense", "meaning"),
    ],
)
def test_a_search_leans_on_words_where_the_embedder_does_not_know_the_language(
    world: World, languages: set[str] | None, mode: Mode, first: str
) -> None:
    world.publish("meaning", 1, "oil", language="es")
    world.publish("words", 1, "barrels", language="es")
    world.sparse = {"words:1:0": "oil"}
    retriever = world.retriever()
    retriever._fuse = partial(fusion.convex, weight=0.6)
    retriever._languages = languages
    found = retriever.search(INC, "oil", top_k=2, mode=mode, trace=True)

    assert found.passages[0].document_id == first
    assert found.trace is not None
    for told in found.trace["candidates"] if mode == "hybrid" else ():
        parts = [told[retriever]["part"] for retriever in ("dense", "sparse") if retriever in told]
        assert told["score"] == pytest.approx(sum(parts))


@pytest.mark.parametrize("sparse", [None, {}], ids=["no index", "no words in common"])
def test_with_nothing_to_lean_on_meaning_counts_in_every_language(
    world: World, sparse: dict[str, str] | None
) -> None:
    world.publish("a", 1, "oil", language="es")
    world.sparse = sparse
    retriever = world.retriever()
    before = retriever.search(INC, "oil", top_k=1).passages
    retriever._languages = {"en"}

    assert retriever.search(INC, "oil", top_k=1).passages == before


def test_a_text_in_no_known_language_is_left_to_both_retrievers(world: World) -> None:
    world.publish("a", 1, "oil")
    retriever = world.retriever()
    before = retriever.search(INC, "oil", top_k=1).passages
    retriever._languages = {"en"}

    assert retriever.search(INC, "oil", top_k=1).passages == before


def test_a_search_tells_what_each_retriever_took_in_all_its_attempts(world: World) -> None:
    world.publish("a", 1, "apple")

    def activates_slowly() -> None:
        world.clock.now += 2
        world.publish("a", 2, "apple pie")

    world.after_dense.append(activates_slowly)
    world.after_dense.append(lambda: setattr(world.clock, "now", world.clock.now + 1))
    found = world.retriever().search(INC, "apple", top_k=5)

    assert (found.embed_ms, found.dense_ms, found.sparse_ms, found.fuse_ms) == (0, 0, 3000, 0)
    assert found.retrieve_ms == 3000


def test_a_candidate_whose_text_is_gone_is_replaced_by_the_next(world: World) -> None:
    for n in range(3):
        world.publish(f"d{n}", 1, "oil")
    retriever = world.retriever()
    world.after_dense = [lambda: world.vectors.delete(INC, ["d0:1:0"])]
    found = retriever.search(INC, "oil", top_k=2, trace=True)

    assert {p.document_id for p in found.passages} == {"d1", "d2"}
    assert found.trace is not None
    assert found.trace["dropped"] == {"d0:1:0": "its text is gone"}


def test_a_near_duplicate_gives_its_place_in_a_context_to_the_next_and_stays_a_hit(
    world: World,
) -> None:
    world.publish("a", 1, PROSE)
    world.publish("b", 1, f"Copied: {PROSE}.")
    world.publish("c", 1, "oil is a liquid of another kind")
    retriever = world.retriever()
    asked = "members of the organisation proclaimed an oil embargo"
    context = retriever.search(INC, asked, top_k=2, for_context=True, trace=True)
    hits = retriever.search(INC, asked, top_k=3, trace=True)

    first, second = (passage.document_id for passage in context.passages)
    assert {first, second} in ({"a", "c"}, {"b", "c"})
    assert context.trace is not None
    kept = {"a", "b"} & {first, second}
    (copy,) = {"a", "b"} - kept
    assert context.trace["dropped"] == {f"{copy}:1:0": f"near-duplicate of {kept.pop()}:1:0"}
    assert {passage.document_id for passage in hits.passages} == {"a", "b", "c"}
    assert hits.trace is not None
    assert hits.trace["dropped"] == {}


def test_many_copies_do_not_empty_a_context(world: World) -> None:
    for n in range(30):
        world.publish(f"copy {n:02}", 1, PROSE)
    world.publish("other", 1, "members of another kind")
    found = world.retriever().search(INC, "oil embargo members", top_k=2, for_context=True)

    assert [passage.document_id for passage in found.passages] == ["copy 00", "other"]


def test_neighbours_are_one_passage_of_a_context_and_two_hits(world: World) -> None:
    texts = ["oil price", "oil embargo"]
    world.publish("a", 1, *texts)
    kept = world.vectors.collections[INC]
    for n, start in enumerate((0, 11)):
        stored, vector = kept[f"a:1:{n}"]
        chunk = replace(stored.chunk, start=start, end=start + len(texts[n]), before="\r\n" * n)
        kept[f"a:1:{n}"] = (replace(stored, chunk=chunk), vector)
    retriever = world.retriever()
    (joined,) = retriever.search(INC, "oil", top_k=5, for_context=True).passages
    hits = retriever.search(INC, "oil", top_k=5).passages

    assert (joined.text, joined.start, joined.end) == ("oil price\r\noil embargo", 0, 22)
    assert [part.chunk_id for part in joined.parts] == ["a:1:0", "a:1:1"]
    assert sorted(hit.chunk_id for hit in hits) == ["a:1:0", "a:1:1"]
    assert still_current(world, INC, [joined]) == [joined]


def test_passages_are_still_current_until_their_document_changes(world: World) -> None:
    world.publish("a", 1, "oil")
    world.publish("b", 1, "oil and gas")
    retriever = world.retriever()
    passages = retriever.search(INC, "oil", top_k=2).passages
    before = still_current(world, INC, passages)
    world.activate("a", 2, 0)

    assert before == passages
    assert {p.document_id for p in still_current(world, INC, passages)} == {"b"}
    assert still_current(world, INC, [replace(passages[0], document_id="never there")]) == []


def test_an_answer_while_documents_are_on_their_way_says_how_many(world: World) -> None:
    world.publish("a", 1, "oil")
    world.waiting = 48

    for_context = world.retriever().search(INC, "oil", top_k=1, for_context=True)
    hits = world.retriever().search(INC, "oil", top_k=1)

    assert (for_context.documents, for_context.waiting) == (1, 48)
    assert for_context.degraded == ["ingesting"]
    assert (hits.waiting, hits.degraded) == (48, [])
