import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.fusion import convex, rrf

DENSE = [("a", 0.8), ("b", 0.6), ("c", -0.2)]
SPARSE = [("c", 12.0), ("a", 3.0)]

#: No score is so near 0 that a thousandth of it is none: of such the last bits are lost.
scores = st.floats(-1e6, 1e6).filter(lambda score: not 0 < abs(score) < 1e-300)
rankings = st.dictionaries(st.text("abcdef", min_size=1, max_size=2), scores, max_size=20).map(
    lambda scores: sorted(scores.items(), key=lambda item: -item[1])
)


def test_convex_divides_each_list_by_its_maximum_and_adds_the_shares() -> None:
    fused = convex(DENSE, SPARSE, weight=0.5)

    assert [name for name, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx([0.5 + 0.125, 0.5, 0.375])


def test_the_weight_is_the_share_of_the_dense_list() -> None:
    assert convex(DENSE, SPARSE, weight=1)[0] == ("a", 1)
    assert convex(DENSE, SPARSE, weight=0)[0] == ("c", 1)


def test_a_quarter_of_a_chunks_score_is_the_best_of_its_document_in_each_list() -> None:
    dense = [("paper:1:0", 1.0), ("alone:1:0", 0.9), ("paper:1:1", 0.4)]
    sparse = [("paper:1:1", 10.0), ("alone:1:0", 5.0)]
    fused = dict(convex(dense, sparse, weight=0.5))

    assert fused["paper:1:0"] == pytest.approx(0.75 * 0.5 + 0.25 * (0.5 + 0.5))
    assert fused["paper:1:1"] == pytest.approx(0.75 * (0.2 + 0.5) + 0.25 * (0.5 + 0.5))
    assert fused["alone:1:0"] == pytest.approx(0.45 + 0.25)


def test_a_negative_cosine_counts_as_absent() -> None:
    assert convex([("a", -0.5)], [("b", 1.0)]) == [("b", 0.5), ("a", 0.0)]


def test_rrf_adds_the_reciprocals_of_the_ranks() -> None:
    fused = rrf(DENSE, SPARSE, k=60)

    assert [name for name, _ in fused] == ["a", "c", "b"]
    assert [score for _, score in fused] == pytest.approx(
        [1 / 61 + 1 / 62, 1 / 63 + 1 / 61, 1 / 62]
    )


def test_what_the_embedder_cannot_read_leans_on_its_words() -> None:
    foreign = {"a", "b"}
    fused = dict(convex(DENSE, SPARSE, foreign))
    ranked = dict(rrf(DENSE, SPARSE, foreign, k=10))

    assert fused == pytest.approx({"a": 0.1 + 0.9 * 0.25, "b": 0.1 * 0.75, "c": 0.5})
    assert ranked == pytest.approx({"a": 0.2 / 11 + 1.8 / 12, "b": 0.2 / 12, "c": 1 / 13 + 1 / 11})


def test_among_foreign_ids_that_no_word_finds_the_dense_order_stays() -> None:
    everything = {"a", "b", "c", "d"}
    for fused in (convex(DENSE, [("d", 1.0)], everything), rrf(DENSE, SPARSE, everything, k=10)):
        names = [name for name, _ in fused]
        assert names.index("a") < names.index("b")
    assert [name for name, _ in convex(DENSE, [("d", 1.0)], everything)] == ["d", "a", "b", "c"]


def test_equal_scores_are_ordered_by_id() -> None:
    assert [name for name, _ in rrf([("b", 1.0)], [("a", 1.0)], k=10)] == ["a", "b"]
    assert [name for name, _ in convex([("b", 1.0)], [("a", 1.0)])] == ["a", "b"]


def test_one_leg_alone_keeps_its_order() -> None:
    for fused in (convex(DENSE, []), rrf(DENSE, [], k=10), convex([], DENSE), rrf([], DENSE, k=10)):
        assert [name for name, _ in fused] == ["a", "b", "c"]
    assert convex([], []) == rrf([], [], k=10) == []


@given(rankings, rankings, st.floats(0, 1), st.floats(0.001, 1000))
def test_convex_does_not_depend_on_the_scale_of_a_list(
    dense: list[tuple[str, float]], sparse: list[tuple[str, float]], weight: float, scale: float
) -> None:
    scaled = [(name, score * scale) for name, score in sparse]

    fused = convex(dense, sparse, weight=weight)
    again = dict(convex(dense, scaled, weight=weight))

    assert again == pytest.approx(dict(fused), abs=1e-6)
    assert {name for name, _ in fused} == {name for name, _ in [*dense, *sparse]}
    assert all(0 <= score <= 1 + 1e-9 for _, score in fused)
