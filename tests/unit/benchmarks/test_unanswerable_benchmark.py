"""The benchmark of unanswerable questions measures only these."""

from pathlib import Path

import orjson
import pytest

from benchmarks.data.datasets import Question
from benchmarks.unanswerable import without_answer


def _folder(path: Path, *rows: dict[str, object]) -> Path:
    """Write a folder of questions."""
    (path / "queries.jsonl").write_bytes(b"\n".join(map(orjson.dumps, rows)))
    return path


def test_questions_with_empty_answers_are_asked_and_no_others(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path,
        {"_id": "1", "text": "Who dug the canal?", "answers": []},
        {"_id": "2", "text": "Who dug the well?", "answers": ["the monks"]},
        {"_id": "3", "text": "Who dug the moat?"},
    )

    assert without_answer(folder) == [Question("1", "Who dug the canal?")]


@pytest.mark.parametrize(
    ("row", "lacking"),
    [
        ({"_id": "2", "text": "Who dug the well?", "answers": ["the monks"]}, "`answers`"),
        ({"_id": "3", "text": "Who dug the moat?"}, "`answers`"),
        (None, "no questions in queries.jsonl"),
    ],
)
def test_a_folder_without_unanswerable_questions_is_refused(
    tmp_path: Path, row: dict[str, object] | None, lacking: str
) -> None:
    folder = _folder(tmp_path, row) if row else tmp_path

    with pytest.raises(SystemExit) as refused:
        without_answer(folder)

    said = str(refused.value)
    assert said.startswith(f"{folder} has no unanswerable questions")
    assert lacking in said
    assert "Give a folder" in said
