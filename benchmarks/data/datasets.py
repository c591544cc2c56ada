"""Evaluation sets on disk: corpus, questions and judgements in the shape of BEIR."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Question:
    """A question with the answers that count as right, if the set has any."""

    id: str
    text: str
    answers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Dataset:
    """One folder of `corpus.jsonl[.gz]`, `queries.jsonl` and `qrels.tsv`."""

    name: str
    corpus: list[dict[str, str]]
    questions: list[Question]
    relevant: dict[str, dict[str, float]]

    @classmethod
    def read(cls, folder: Path) -> "Dataset":
        """Read a set, leaving out documents without text and questions without judgements."""
        corpus = [
            {"_id": row["_id"], "title": row.get("title", ""), "text": row["text"]}
            for row in lines(_one(folder, "corpus"))
            if row["text"].strip()
        ]
        relevant: dict[str, dict[str, float]] = {}
        for line in (folder / "qrels.tsv").read_text("utf-8").splitlines()[1:]:
            question, document, gain = line.split("\t")
            if float(gain) > 0:
                relevant.setdefault(question, {})[document] = float(gain)
        questions = [
            Question(row["_id"], row["text"], tuple(row.get("answers", ())))
            for row in lines(_one(folder, "queries"))
            if row["_id"] in relevant
        ]
        return cls(folder.name, corpus, questions, relevant)

    def sample(self, count: int) -> list[Question]:
        """
        Take *count* questions at even distances; all of them if there are fewer.

        Questions come grouped by document, so even distances take from every document alike: a
        sample's figures lie closer to the whole set's than a random one's.
        """
        total = len(self.questions)
        if count >= total:
            return self.questions
        return [self.questions[i * total // count] for i in range(count)]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the objects of a JSON-lines file, compressed or not."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    # By newlines alone: other separators that splitlines knows may stand inside a string.
    for line in text.split("\n"):
        if line.strip():
            yield json.loads(line)


def _one(folder: Path, stem: str) -> Path:
    """Return the file of that stem, compressed or not."""
    for path in (folder / f"{stem}.jsonl", folder / f"{stem}.jsonl.gz"):
        if path.exists():
            return path
    raise FileNotFoundError(f"{folder} has no {stem}.jsonl or {stem}.jsonl.gz")
