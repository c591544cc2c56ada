"""The sparse index ranks as the plain formula does: `rank_bm25` over the same terms."""

import json
import os
from pathlib import Path
from statistics import mean

import pytest
from rank_bm25 import BM25Okapi

from adapters.local_index.sparse.tantivy_index import TantivyIndex
from benchmarks.data.datasets import Dataset
from rag.documents import Chunk, chunk_id, indexed_text
from rag.ports import StoredChunk
from rag.terms.analysis import terms
from rag.terms.query_terms import query_terms

HERE = Path(__file__).parents[4]
SHARED = HERE.parent / "shared" / "data" / "squad-dev"
K1 = 1.2  # tantivy's; the oracle's own default is 1.5


def overlap(texts: list[str], questions: list[str], folder: Path) -> float:
    """Mean share of the oracle's ten best that tantivy's ten best hold, ties on the tenth place
    counted for both."""
    index = TantivyIndex.open(folder / "index")
    index.add(
        [
            StoredChunk(
                chunk_id=chunk_id(f"d{n}", 1, 0),
                chunk=Chunk(n=0, start=0, end=len(text), text=text),
                of=1,
                title="",
                metadata={},
            )
            for n, text in enumerate(texts)
        ]
    )
    index.commit(cursor="1-0", log_epoch="e")
    oracle = BM25Okapi([terms(indexed_text("", text)) for text in texts], k1=K1)
    shares = []
    for question in questions:
        scores = oracle.get_scores(query_terms(question))
        tenth = sorted(scores, reverse=True)[min(9, len(scores) - 1)]
        best = {n for n, score in enumerate(scores) if score >= tenth and score > 0}
        found = [int(name[1:].split(":")[0]) for name, _ in index.search(question, limit=10)]
        if best and found:
            shares.append(len(best.intersection(found)) / min(len(best), len(found)))
    index.close()
    return mean(shares)


def test_on_the_projects_own_documents(tmp_path: Path) -> None:
    texts = [
        paragraph
        for path in sorted([*HERE.glob("docs/**/*.md"), *HERE.glob("examples/documents/*.md")])
        for paragraph in path.read_text("utf-8").split("\n\n")
        if len(paragraph.split()) > 20
    ]
    questions = [
        json.loads(line)["question"]
        for line in (HERE / "examples" / "questions.jsonl").read_text("utf-8").splitlines()
    ]

    assert overlap(texts, questions, tmp_path) >= 0.9


@pytest.mark.shared
@pytest.mark.skipif(
    not SHARED.is_dir() and os.environ.get("CI") != "true", reason="no evaluation data"
)
def test_on_paragraphs_that_questions_were_written_for(tmp_path: Path) -> None:
    data = Dataset.read(SHARED)
    texts = [row["text"] for row in data.corpus]

    assert overlap(texts, [question.text for question in data.sample(300)], tmp_path) >= 0.9
