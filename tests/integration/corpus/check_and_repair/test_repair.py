"""What a document is made of anew."""

from corpus.check_and_repair.repair import text_of
from rag.documents import Chunk
from rag.ports import StoredChunk


def test_a_text_of_passages_has_each_at_its_place() -> None:
    chunks = [Chunk(0, 2, 7, "abcde"), Chunk(1, 5, 9, "defg"), Chunk(2, 12, 14, "hi")]
    text = text_of([StoredChunk(f"d:1:{c.n}", c, 3, "", {}) for c in reversed(chunks)])

    assert [text[c.start : c.end] for c in chunks] == [c.text for c in chunks]
