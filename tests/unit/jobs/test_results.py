"""Results of questions and searches as the API shows them."""

from dataclasses import replace

import orjson

from jobs.results import query_result, search_fields, search_result, verdict
from rag.answers.citations import Citation
from rag.answers.generation import Answer
from rag.documents import Passage
from rag.search.retrieval import Found

PASSAGE = Passage("d:1:0", "d", 1, 0, "T", "The well is 31 metres deep.", 5, 32, 0.9, page=2)
NOTHING = Found([], ["sparse"], 1.234, 5.678, documents=7, waiting=2)
FOUND = replace(NOTHING, passages=[PASSAGE])
ANSWER = Answer(
    "31 metres [1].", [Citation(1, 0, 5, 32, "The well is 31 metres deep.")], answered=True,
    confidence=0.8, generator="extractive",
)  # fmt: skip


def test_a_search_shows_its_passages_and_what_it_stood_on() -> None:
    assert search_result(FOUND) == {
        "results": [
            {
                "chunk_id": "d:1:0", "document_id": "d", "generation": 1, "n": 0, "title": "T",
                "text": PASSAGE.text, "start": 5, "end": 32, "score": 0.9, "page": 2,
                "metadata": {}, "parts": [], "language": "",
            }
        ],
        "degraded": ["sparse"], "documents": 7, "waiting": 2, "why": None,
    }  # fmt: skip
    assert search_result(replace(FOUND, trace={"dropped": {}}))["trace"] == {"dropped": {}}


def test_a_search_without_passages_says_why() -> None:
    unmatched = replace(NOTHING, unmatched=True, hints=["no document has a field 'colour'"])

    assert search_result(NOTHING)["why"] == "not_in_documents"
    assert search_result(unmatched)["why"] == "nothing_matches_filter"
    assert search_result(unmatched)["filter_hints"] == ["no document has a field 'colour'"]
    assert search_result(replace(unmatched, documents=0))["why"] == "no_documents"
    assert "filter_hints" not in search_result(replace(unmatched, documents=0))


def test_an_answer_is_shown_with_its_citations_and_what_its_row_says_of_the_search() -> None:
    row = search_fields(FOUND)
    result = query_result(ANSWER, [PASSAGE], row, grounded=True)

    assert (row["ms_embed"], row["ms_retrieve"]) == (1.23, 5.68)
    assert not {"ms_dense", "ms_rerank"} & set(row)
    timed = search_fields(replace(FOUND, dense_ms=3.14, sparse_ms=2.0, fuse_ms=0.04, rerank_ms=9.9))
    assert [timed[f"ms_{name}"] for name in ("dense", "sparse", "fuse", "rerank")] == [
        3.1, 2.0, 0.0, 9.9,
    ]  # fmt: skip
    assert result["citations"] == [
        {
            "marker": 1, "source": 0, "start": 5, "end": 32, "quote": PASSAGE.text,
            "shown": "", "heading": "",
            "document_id": "d", "chunk_id": "d:1:0", "page": 2,
        }
    ]  # fmt: skip
    assert (result["why"], result["degraded"], result["documents"]) == (None, ["sparse"], 7)
    assert "missing" not in result
    assert verdict(result) == {
        "answered": True, "confidence": 0.8, "why": None, "documents": 7, "waiting": 2,
    }  # fmt: skip


def test_a_question_without_an_answer_says_why_also_from_the_row_of_an_earlier_build() -> None:
    silent = replace(ANSWER, answered=False, citations=(), missing=["E-4711"])

    assert query_result(silent, [], search_fields(NOTHING), grounded=True)["why"] == (
        "not_in_documents"
    )
    assert query_result(silent, [], {}, grounded=False)["why"] == "not_searched"
    old = query_result(silent, [], {"degraded": ""}, grounded=True)
    assert (old["why"], old["degraded"], old["missing"]) == ("not_in_documents", [], ["E-4711"])
    assert "documents" not in old
    assert orjson.dumps(old)
