import gzip
import json
from pathlib import Path

import pytest

from benchmarks.data.scale_texts import Corpus


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [
        {"_id": f"{text}#{n}", "title": text, "text": words, "lang": lang, "src": "made up"}
        for text, lang, *passages in (
            ("mills", "en", "one two three four", "five six seven eight", "nine ten"),
            ("ölmühlen", "de", "eins zwei drei vier"),
        )
        for n, words in enumerate(passages)
    ]
    lines = "\n".join(json.dumps(row) for row in reversed(rows))
    (tmp_path / "passages.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    return tmp_path


def test_real_passages_come_first_and_the_rest_is_cut_between_them(folder: Path) -> None:
    corpus = Corpus.read(folder, 6)

    assert corpus.real == 4
    assert [row["text"] for row in corpus.rows[4:]] == ["three four five six", "seven eight nine"]
    assert [row["metadata"]["number"] for row in corpus.rows] == list(range(6))
    assert corpus.rows[0]["metadata"]["lang"] == "de"


def test_fewer_are_all_real(folder: Path) -> None:
    assert Corpus.read(folder, 3).real == 3


def test_text_that_is_too_short_for_so_many_is_an_error(folder: Path) -> None:
    with pytest.raises(SystemExit, match="6 passages, not 7"):
        Corpus.read(folder, 7)


def test_a_question_is_words_of_its_passage_whatever_is_skipped(folder: Path) -> None:
    corpus = Corpus.read(folder, 6)
    for skip in (0, 1, 40):
        for asked in corpus.questions(5, skip=skip):
            row = corpus.rows[asked.number]
            assert asked.text
            assert asked.text in row["text"]
            assert asked.lang == row["metadata"]["lang"]
