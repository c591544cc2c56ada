"""What the benchmark of retrieval concludes from its rankings."""

import pytest

from benchmarks.data.datasets import Question
from benchmarks.retrieval import Scores, by_words, summary
from rag.terms.stems import STEMMERS


def scores(name: str, *, known: bool, sparse: float, dense: float, default: float) -> Scores:
    ways = {"sparse": sparse, "dense": dense, "default": default}
    return Scores(name, "en", known, {way: {"ndcg_at_10": [v, v]} for way, v in ways.items()})


def test_the_gain_is_over_the_better_retriever_and_the_mean_over_known_languages() -> None:
    words = scores("a", known=True, sparse=0.75, dense=0.5, default=0.875)
    meaning = scores("b", known=True, sparse=0.25, dense=0.5, default=0.5)
    foreign = scores("c", known=False, sparse=0.75, dense=1.0, default=0.5)

    assert summary([words, meaning, foreign]) == {
        "mean_gain_over_better_single": 0.0625,
        "worst_gain_over_better_single": 0.0,
    }
    assert summary([foreign]) == {}
    assert foreign.figures()["c.gain_over_sparse"] == -0.25
    assert (words.limit.holds(-0.001), foreign.limit.holds(-0.001)) == (False, True)
    figures = words.figures()
    assert figures["a.default.gain_low"] == figures["a.default.gain_high"] == 0.125


@pytest.mark.parametrize(("stemmed", "found"), [(True, ["a:1:0"]), (False, [])])
def test_a_language_is_ranked_with_its_stemmer_and_without(stemmed: bool, found: list[str]) -> None:
    corpus = [{"_id": "a", "title": "", "text": "Los contratos firmados"}]
    ranked = by_words(corpus, [Question("1", "¿Qué contrato?")], "es", stemmed=stemmed)

    assert [name for _, ranking in ranked for name, _ in ranking] == found
    assert STEMMERS["es"] == "spanish"
