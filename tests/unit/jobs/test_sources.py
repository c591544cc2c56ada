"""Passages in rows: of this build, and of one after it."""

from jobs.sources import passage_of, source_of
from rag.documents import Part, Passage

PASSAGE = Passage(
    "d:1:0", "d", 1, 0, "T", "The well is 31 metres deep.", 5, 32, 0.9, page=2,
    parts=(Part("d:1:0", 5, 20, 0.9), Part("d:1:1", 20, 32, 0.4, page=3)),
)  # fmt: skip


def test_a_passage_is_read_back_as_it_was() -> None:
    assert passage_of(source_of(PASSAGE)) == PASSAGE


def test_what_a_later_build_tells_of_a_passage_is_passed_over() -> None:
    source = source_of(PASSAGE) | {"mood": "calm"}
    source["parts"] = [part | {"mood": "calm"} for part in source["parts"]]

    assert passage_of(source) == PASSAGE
