"""A large corpus of real text, and questions about it, for measurements at scale."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

from benchmarks.data.datasets import lines

QUESTION_WORDS = 9


@dataclass(frozen=True, slots=True)
class Corpus:
    """
    Passages as documents to ingest, *real* of them as they are in the file.

    The rest are cut again: the second half of a passage and the first half of the one after it in
    the same text, so words, lengths and languages stay those of real text.
    """

    rows: list[dict[str, Any]]
    real: int

    @classmethod
    def read(cls, folder: Path, count: int) -> "Corpus":
        """
        Read *count* passages of `passages.jsonl.gz`, objects with `_id, title, text, lang, src`.

        Raises:
            SystemExit: The text is too short for so many.
        """
        found = list(lines(folder / "passages.jsonl.gz"))
        rows = found[:count]
        windows = _cut_again(found)
        rows += [row for row, _ in zip(windows, range(count - len(rows)), strict=False)]
        if len(rows) < count:
            raise SystemExit(f"{folder} gives {len(rows):,} passages, not {count:,}")
        return cls([_document(n, row) for n, row in enumerate(rows)], min(count, len(found)))

    def questions(self, count: int, *, skip: int = 0) -> list["Asked"]:
        """Return *count* questions, runs of words of passages at even distances."""
        asked = []
        for n in range(count):
            row = self.rows[(n * len(self.rows) + skip * 37) // count % len(self.rows)]
            words = row["text"].split()
            last = max(len(words) - QUESTION_WORDS, 0)
            at = (last // 2 + skip) % (last + 1)
            text = " ".join(words[at : at + QUESTION_WORDS])
            asked.append(Asked(text, row["metadata"]["number"], row["metadata"]["lang"]))
        return asked


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, with the number and the language of the passage that it was taken from."""

    text: str
    number: int
    lang: str


def _document(n: int, row: Mapping[str, Any]) -> dict[str, Any]:
    """Make a document of a passage, with metadata for filters of known selectivity."""
    return {
        "_id": f"p{n}",
        "title": row["title"],
        "text": row["text"],
        "metadata": {"number": n, "tenth": n % 10, "hundredth": n % 100, "lang": row["lang"]},
    }


def _cut_again(found: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield windows between passages that follow each other in one text."""

    def place(row: Mapping[str, Any]) -> tuple[str, int]:
        text, _, number = row["_id"].rpartition("#")
        return text, int(number) if number.isdecimal() else 0

    for _, group in groupby(sorted(found, key=place), key=lambda row: place(row)[0]):
        rows = list(group)
        for one, two in pairwise(rows):
            first, second = one["text"].split(), two["text"].split()
            text = " ".join(first[len(first) // 2 :] + second[: len(second) // 2])
            yield {"title": one["title"], "text": text, "lang": one["lang"]}
