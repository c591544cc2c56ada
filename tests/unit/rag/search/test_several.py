"""Searches of several collections as one."""

from rag.documents import Passage
from rag.search.retrieval import Found
from rag.search.several import merged


def passage(name: str, score: float) -> Passage:
    return Passage(
        chunk_id=f"{name}:1:0", document_id=name, generation=1, n=0, title="", text=name,
        start=0, end=len(name), score=score,
    )  # fmt: skip


def found(*passages: Passage, **more: object) -> Found:
    told = {"degraded": [], "embed_ms": 1.0, "retrieve_ms": 2.0, "documents": 3} | more
    return Found(passages=list(passages), **told)  # type: ignore[arg-type]


def test_a_search_of_one_is_as_it_was() -> None:
    one = found(passage("a", 0.5), trace={"x": 1})

    assert merged({"c1": one}, top_k=5) is one


def test_the_best_of_all_stay_and_say_whose_they_are() -> None:
    first = found(passage("a", 0.5), passage("b", 0.2), degraded=["sparse"])
    second = found(passage("c", 0.9), passage("d", 0.5), degraded=["sparse", "rerank"], waiting=2)
    whole = merged({"c1": first, "c2": second}, top_k=3)

    assert [(one.document_id, one.collection_id) for one in whole.passages] == [
        ("c", "c2"), ("a", ""), ("d", "c2"),
    ]  # fmt: skip
    assert (whole.degraded, whole.documents, whole.waiting) == (["sparse", "rerank"], 6, 2)
    assert (whole.embed_ms, whole.retrieve_ms) == (2, 4)


def test_a_filter_that_matches_somewhere_matches() -> None:
    no, yes = found(unmatched=True, hints=["a"]), found(hints=["a", "b"])

    assert merged({"c1": no, "c2": yes}, top_k=1).unmatched is False
    assert merged({"c1": no, "c2": no}, top_k=1).unmatched is True
    assert merged({"c1": no, "c2": yes}, top_k=1).hints == ["a", "b"]
