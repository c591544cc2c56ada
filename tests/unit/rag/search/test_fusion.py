import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.search.fusion import convex, evidence, rrf

DENSE = [("a", 0.8), ("b", 0.6), ("c", -0.2)]
SPARSE = [("c", 12.0), ("a", 3.0)]

#: No score is so near 0 that a thousandth of it is none: of such the last bits are lost.
scores = st.floats(-1e6, 1e6).filter(lambda score: not 0 < abs(score) < 1e-300)
rankings = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), scores, max_size=20).map(
    lambda scores: sorted(scores.items(), key=lambda item: -item[1])
)


def standing_out(by: float, prefix: str = "") -> list[tuple[str, float]]:
    """Return a ranking of twenty, its first so far ahead of the others."""
    return [(f"{prefix}a", 0.5 + by), *((f"{prefix}{n}", 0.5 - n / 1000) for n in range(19))]


def test_what_stands_out_of_its_retriever_says_more_than_what_is_one_of_many() -> None:
    said = evidence(standing_out(0.3), [("b", 9.0), *((str(n), 8.0 - n / 5) for n in range(19))])

    assert said.dense[0] == ("a", 1.0)
    assert said.sparse[0][1] < 0.5
    assert [name for name, _ in said.sparse[:2]] == ["b", "0"]


def test_a_code_that_one_passage_has_beats_cosines_that_tell_nothing_apart() -> None:
    dense = [(str(n), 0.62 - n / 400) for n in range(40)]
    sparse = [("39", 11.0), *((str(n), 3.0 - n / 50) for n in range(20))]

    assert convex(*evidence(dense, sparse))[0][0] == "39"


def test_a_passage_far_ahead_by_meaning_beats_words_that_many_have() -> None:
    dense = [("39", 0.71), *((str(n), 0.4 - n / 400) for n in range(39))]
    sparse = [(str(n), 3.0 - n / 50) for n in range(30)]

    assert convex(*evidence(dense, sparse))[0][0] == "39"


def test_among_three_passages_nearly_equal_cosines_do_not_outweigh_the_word() -> None:
    dense = [("a", 0.50), ("b", 0.49), ("c", 0.48)]

    assert convex(*evidence(dense, [("c", 4.0)]))[0][0] == "c"


def test_a_candidate_that_the_dense_list_lacks_is_as_far_as_its_last() -> None:
    dense = [("a", 0.6), ("b", 0.2)]

    lacking = evidence(dense, [("c", 5.0)])
    there = evidence([*dense, ("c", 0.2)], [("c", 5.0)])

    assert dict(lacking.dense) == pytest.approx(dict(there.dense[:2]))
    assert lacking.sparse == there.sparse


def test_one_candidate_alone_and_equal_scores_still_say_something() -> None:
    assert evidence([("a", 0.3)], [("a", 2.0)]) == ([("a", 1.0)], [("a", 1.0)])
    assert evidence([("a", 0.0), ("b", 0.0)], []) == ([("a", 1.0), ("b", 1.0)], [])
    assert evidence([], []) == ([], [])


def test_convex_adds_the_shares_of_what_the_retrievers_say() -> None:
    fused = convex([("a", 1.0), ("b", 0.5)], [("c", 0.8), ("a", 0.4)], weight=0.5)

    assert [name for name, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx([0.7, 0.4, 0.25])


def test_the_weight_is_the_share_of_the_dense_list() -> None:
    said = evidence(DENSE, SPARSE)

    assert convex(*said, weight=1)[0][0] == "a"
    assert convex(*said, weight=0)[0][0] == "c"


def test_a_quarter_of_a_chunks_score_is_the_best_of_its_document_in_each_list() -> None:
    dense = [("paper:1:0", 1.0), ("alone:1:0", 0.9), ("paper:1:1", 0.4)]
    sparse = [("paper:1:1", 1.0), ("alone:1:0", 0.5)]
    fused = dict(convex(dense, sparse, weight=0.5))

    assert fused["paper:1:0"] == pytest.approx(0.75 * 0.5 + 0.25 * (0.5 + 0.5))
    assert fused["paper:1:1"] == pytest.approx(0.75 * (0.2 + 0.5) + 0.25 * (0.5 + 0.5))
    assert fused["alone:1:0"] == pytest.approx(0.45 + 0.25)


def test_rrf_adds_the_reciprocals_of_the_ranks() -> None:
    fused = rrf(DENSE, SPARSE, k=60)

    assert [name for name, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx(
        [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62]
    )


def test_what_the_embedder_cannot_read_leans_on_its_words() -> None:
    foreign = {"a", "b"}
    fused = dict(convex([("a", 1.0), ("b", 0.75)], [("c", 1.0), ("a", 0.25)], foreign, weight=0.5))
    ranked = dict(rrf(DENSE, SPARSE, foreign, k=10))

    assert fused == pytest.approx({"a": 0.175 + 0.825 * 0.25, "b": 0.175 * 0.75, "c": 0.5})
    assert ranked == pytest.approx(
        {"a": 0.35 / 11 + 1.65 / 12, "b": 0.35 / 12, "c": 1 / 13 + 1 / 11}
    )


def test_among_foreign_ids_that_no_word_finds_the_dense_order_stays() -> None:
    everything = {"a", "b", "c", "d"}
    said = evidence(DENSE, [("d", 1.0)])
    for fused in (convex(*said, everything), rrf(DENSE, SPARSE, everything, k=10)):
        names = [name for name, _ in fused]
        assert names.index("a") < names.index("b")
    assert [name for name, _ in convex(*said, everything)] == ["d", "a", "b", "c"]


def test_equal_scores_are_ordered_by_id() -> None:
    assert [name for name, _ in rrf([("b", 1.0)], [("a", 1.0)], k=10)] == ["a", "b"]
    assert [name for name, _ in convex([("b", 1.0)], [("a", 1.0)], weight=0.5)] == ["a", "b"]


def test_one_retriever_alone_keeps_its_order() -> None:
    for fused in (convex(DENSE, []), rrf(DENSE, [], k=10), convex([], DENSE), rrf([], DENSE, k=10)):
        assert [name for name, _ in fused] == ["a", "b", "c"]
    assert convex([], []) == rrf([], [], k=10) == []


@given(rankings, rankings, st.floats(0, 1), st.floats(0.001, 1000))
@example(dense=[("a", 1.0)], sparse=[("a", 1.2e-161), ("c", 0.0)], weight=0.0, scale=2.0)
def test_fusion_does_not_depend_on_the_scale_of_bm25(
    dense: list[tuple[str, float]], sparse: list[tuple[str, float]], weight: float, scale: float
) -> None:
    # What is scaled to nothing would be another score, not another scale.
    sparse = [(name, abs(score) if abs(score) > 1e-300 else 0.0) for name, score in sparse]
    scaled = [(name, score * scale) for name, score in sparse]

    fused = convex(*evidence(dense, sparse), weight=weight)
    again = dict(convex(*evidence(dense, scaled), weight=weight))

    assert again == pytest.approx(dict(fused), abs=1e-6)
    assert {name for name, _ in fused} == {name for name, _ in [*dense, *sparse]}
    assert all(0 <= score <= 1 + 1e-9 for _, score in fused)


@given(rankings, rankings)
def test_a_retriever_keeps_its_order_in_what_it_says(
    dense: list[tuple[str, float]], sparse: list[tuple[str, float]]
) -> None:
    for ranking, said in zip((dense, sparse), evidence(dense, sparse), strict=True):
        assert [name for name, _ in said] == [name for name, _ in ranking]
        values = [value for _, value in said]
        assert values == sorted(values, reverse=True)
