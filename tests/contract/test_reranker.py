"""What every reranker does: a cross-encoder and its in-memory twin pass the same tests."""

import logging
import random
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertForSequenceClassification, BertModel, BertTokenizerFast

from adapters.embedding_models.cross_encoder import MOST_TOKENS, CrossEncoderReranker
from rag.errors import Broken, RerankerFailed
from rag.in_memory_ports.reranker import OverlapReranker
from rag.ports import Reranker

WORDS = ("oil", "price", "embargo", "tower", "paris", "who", "when", "is", "the", "of", "a")
TEXTS = ["the oil embargo", "a tower of paris", "the price of oil is the price", "", "\U0001f682"]


def tiny_model(folder: Path, *, labels: int = 1, head: bool = True) -> Path:
    """Write a BERT of two narrow layers with random weights and a tokenizer of a few words."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS, *letters]
    pieces += [f"##{letter}" for letter in letters]
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(pieces))
    tokenizer = BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=1_024)
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(pieces), hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
        intermediate_size=64, max_position_embeddings=1_024, num_labels=labels,
    )  # fmt: skip
    torch.manual_seed(7)
    # Random weights of usual size give all texts one score; these tell them apart.
    config.initializer_range = 0.5
    model = BertForSequenceClassification(config) if head else BertModel(config)
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="module")
def opened(folder: Path) -> CrossEncoderReranker:
    return CrossEncoderReranker.open(str(folder), threads=1)


@pytest.fixture(params=["cross-encoder", "twin"])
def reranker(request: pytest.FixtureRequest) -> Reranker:
    if request.param == "twin":
        return OverlapReranker()
    found: CrossEncoderReranker = request.getfixturevalue("opened")
    return found


def test_scores_are_float32_from_0_to_1_one_for_each_text(reranker: Reranker) -> None:
    scores = reranker.scores("who is the oil", TEXTS)

    assert (scores.shape, scores.dtype) == ((5,), np.float32)
    assert np.all((scores >= 0) & (scores <= 1))
    assert len(set(scores.tolist())) > 1
    assert reranker.scores("who", []).shape == (0,)


def test_a_score_depends_on_question_and_text_alone(reranker: Reranker) -> None:
    together = reranker.scores("the price of oil", TEXTS)
    alone = np.concatenate([reranker.scores("the price of oil", [text]) for text in TEXTS])
    backwards = reranker.scores("the price of oil", TEXTS[::-1])[::-1]
    other = reranker.scores("a tower of paris", TEXTS)

    assert together == pytest.approx(alone, abs=1e-5)
    assert together == pytest.approx(backwards, abs=1e-5)
    assert together != pytest.approx(other, abs=1e-5)


def test_what_is_too_long_is_cut_not_refused(reranker: Reranker) -> None:
    long = "oil " * (2 * MOST_TOKENS)

    assert reranker.scores("oil", [long, "oil"]).shape == (2,)
    assert reranker.scores(long, ["oil"]).shape == (1,)


def test_threads_get_the_same_scores(reranker: Reranker) -> None:
    expected = reranker.scores("oil", TEXTS)
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(reranker.scores("oil", TEXTS)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(results) == 4
    assert all(np.allclose(result, expected, atol=1e-5) for result in results)


# Of the cross-encoder alone ------------------------------------------------------------------


def test_the_model_reads_no_more_than_its_limit(opened: CrossEncoderReranker) -> None:
    rest = random.Random(7).choices(WORDS, k=50)
    text = "oil " * MOST_TOKENS

    scores = opened.scores("oil", [text, text + " ".join(rest), text[: 4 * 100]])
    assert scores[0] == pytest.approx(scores[1], abs=1e-6)
    assert scores[0] != pytest.approx(scores[2], abs=1e-6)


def test_it_is_named_as_people_named_it(opened: CrossEncoderReranker) -> None:
    assert opened.name == "tiny"


@pytest.mark.parametrize(
    ("labels", "head", "message"),
    [(3, True, "has 3 outputs"), (1, False, r"no cross-encoder \(BertModel\)")],
)
def test_a_model_that_cannot_rank_is_refused(
    tmp_path: Path, labels: int, head: bool, message: str
) -> None:
    folder = tiny_model(tmp_path / "other", labels=labels, head=head)

    with pytest.raises(Broken, match=f"QUERN_RERANKER_MODEL.*{message}"):
        CrossEncoderReranker.open(str(folder), threads=1)


def test_what_is_no_model_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    with pytest.raises(Broken, match=r"QUERN_RERANKER_MODEL=.*there is no such folder"):
        CrossEncoderReranker.open(str(tmp_path / "none"))
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    with pytest.raises(Broken, match=r"QUERN_RERANKER_MODEL.*config\.json"):
        CrossEncoderReranker.open(str(tmp_path))
    (tmp_path / "config.json").write_text(
        '{"architectures": ["BertForSequenceClassification"], "model_type": "bert"}'
    )
    with pytest.raises(Broken, match=r"QUERN_RERANKER_MODEL.*does not load"):
        CrossEncoderReranker.open(str(tmp_path))


@pytest.mark.parametrize(
    "wrong", [np.full(2, np.nan), np.full(2, 1.5), np.zeros(3), np.zeros((2, 2))]
)
def test_scores_that_are_none_are_refused(
    opened: CrossEncoderReranker, monkeypatch: pytest.MonkeyPatch, wrong: object
) -> None:
    monkeypatch.setattr(opened._model, "predict", lambda *_, **__: wrong)

    with pytest.raises(RerankerFailed, match="no scores of 2 texts"):
        opened.scores("oil", ["a", "b"])


def test_a_model_that_fails_is_told_of_in_the_log(
    opened: CrossEncoderReranker,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(opened._model, "predict", fail)

    with caplog.at_level(logging.WARNING), pytest.raises(RerankerFailed, match="out of memory"):
        opened.scores("oil", ["a"])
    assert [record.message for record in caplog.records] == ["not reranked"]
