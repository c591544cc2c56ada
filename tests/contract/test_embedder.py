"""What every embedder keeps: all engines of the real model and the twin pass the same tests."""

import threading
from collections.abc import Callable

import numpy as np
import pytest

from adapters.embedding_models.onnx_embedder import OnnxEmbedder
from adapters.embedding_models.onnx_form import IN_FLOAT32
from adapters.embedding_models.sentence_embedder import SentenceEmbedder
from rag import sentence_codes
from rag.errors import Broken, InvalidRequest
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import Embedder, PassageText

MODEL = "all-MiniLM-L6-v2"
OPEN: dict[str, Callable[[], Embedder]] = {
    "twin": HashingEmbedder,
    "sentence-transformers": lambda: SentenceEmbedder.open(MODEL, batch=4, threads=1),
    "onnx-int8": lambda: OnnxEmbedder.open(MODEL, threads=2),
    "onnx-float32": lambda: OnnxEmbedder.open(MODEL, precision=IN_FLOAT32, threads=2),
}
TEXTS = ["How do I reset my password?", "Password reset instructions", "The Amazon rainforest", ""]


@pytest.fixture(scope="module", params=OPEN)
def embedder(request: pytest.FixtureRequest) -> Embedder:
    return OPEN[request.param]()


def test_vectors_are_unit_float32_and_near_where_meanings_are(embedder: Embedder) -> None:
    vectors = embedder.embed(TEXTS)

    assert vectors.shape == (4, embedder.identity.dimension)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.3


def test_neither_order_nor_company_changes_a_vector(embedder: Embedder) -> None:
    texts = [("word " * n).strip() for n in (200, 1, 50, 3, 120, 7)]

    together = embedder.embed(texts)
    alone = np.concatenate([embedder.embed([text]) for text in texts])

    assert np.sum(together * alone, axis=1) == pytest.approx(1, abs=1e-5)
    assert embedder.embed([]).shape == (0, embedder.identity.dimension)


def test_tokens_are_counted_uncut_and_without_the_special_ones(embedder: Embedder) -> None:
    assert embedder.count_tokens(["", "hello world", "word " * 5_000]) == [0, 2, 5_000]
    assert embedder.count_tokens([]) == []


def test_a_text_of_the_longest_length_is_read_to_its_end(embedder: Embedder) -> None:
    limit = embedder.identity.max_tokens
    full, changed = ["word"] * limit, ["word"] * (limit - 1) + ["rainforest"]

    vectors = embedder.embed([" ".join(full), " ".join(changed)])

    assert np.linalg.norm(vectors[0] - vectors[1]) > 1e-3


def test_a_longer_text_is_refused_unless_it_may_be_cut(embedder: Embedder) -> None:
    limit = embedder.identity.max_tokens
    long = "word " * limit

    with pytest.raises(InvalidRequest, match=r"text 1 (has 255 tokens|is too long)"):
        embedder.embed(["short", long + "rainforest"])
    cut = embedder.embed([long + "rainforest", long], truncate=True)
    assert cut[0] @ cut[1] == pytest.approx(1, abs=1e-6)


def test_threads_get_the_same_vectors(embedder: Embedder) -> None:
    expected = embedder.embed(TEXTS)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(embedder.embed(TEXTS))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert all(np.allclose(result, expected, atol=1e-6) for result in results)


PASSAGES = [
    PassageText("", "The forest is wet. Press the red button to reset it.", [(0, 18), (19, 52)]),
    PassageText("Reset\n", "Password reset instructions", [(0, 27)]),
    PassageText("", "The Amazon rainforest", []),
]


def test_passages_are_embedded_as_their_whole_texts(embedder: Embedder) -> None:
    vectors, sentences = embedder.embed_passages(PASSAGES)
    texts = embedder.embed([passage.whole for passage in PASSAGES])

    assert np.sum(vectors * texts, axis=1) == pytest.approx(1, abs=1e-5)
    assert len(sentences) == 3
    assert sentences[2] == b""
    assert embedder.embed_passages([]).vectors.shape == (0, embedder.identity.dimension)
    with pytest.raises(InvalidRequest, match=r"text 0 (has 255 tokens|is too long)"):
        embedder.embed_passages([PassageText("", "word " * 255, [(0, 9)])])


def test_a_question_is_nearer_to_the_sentence_that_answers_it(embedder: Embedder) -> None:
    vectors, sentences = embedder.embed_passages(PASSAGES)
    question = embedder.embed(["How do I reset it?"])[0]

    near = sentence_codes.cosines(sentences[0], vectors[0], question)
    only = sentence_codes.cosines(sentences[1], vectors[1], question)

    if isinstance(embedder, SentenceEmbedder):  # it does not look at tokens
        assert near is only is None
        return
    assert near is not None
    assert list(near.ends) == [18, 52]
    assert near.cosines[1] > near.cosines[0] + 0.1
    assert only is not None


# The twin has no model that could be wrong.
@pytest.mark.parametrize("embedder", [name for name in OPEN if name != "twin"], indirect=True)
@pytest.mark.parametrize("wrong", [np.full((1, 384), np.nan), np.zeros((1, 384)), np.ones((1, 7))])
def test_vectors_that_are_none_are_refused(
    embedder: Embedder, wrong: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    if isinstance(embedder, SentenceEmbedder):
        monkeypatch.setattr(embedder._model, "encode", lambda *_, **__: wrong)
    else:
        monkeypatch.setattr(embedder, "_session", _Answering(wrong))

    with pytest.raises(Broken, match="the model answered"):
        embedder.embed(["a"])


class _Answering:
    """A session that always answers the same."""

    def __init__(self, vectors: np.ndarray) -> None:
        self._vectors = vectors

    def run(self, *_: object) -> list[np.ndarray]:
        return [self._vectors]
