"""What holds for a document of any format: spans lie in its text, in order, and miss nothing."""

import contextlib
import re
from itertools import pairwise

import pytest

from adapters.parsing.formats import parse
from rag.chunking.chunker import Chunker
from rag.documents import ParsedDocument
from rag.errors import Unreadable
from rag.text.sentences import sentence_spans
from tests.support.files.every_format import FILES
from tests.support.mutations import mutated

_MUTATIONS = 40
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufeff\u200b\xad]")


class Words:
    """Counts words and signs as tokens."""

    def count_tokens(self, texts: list[str]) -> list[int]:
        return [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]


def sound(document: ParsedDocument) -> None:
    """Fail where a document breaks what `rag.documents` promises of it."""
    text, blocks = document.text, document.blocks
    at = 0
    for block in blocks:
        assert at <= block.start < block.end <= len(text)
        assert not text[at : block.start].strip(), "words outside the blocks"
        assert text[block.start : block.end].strip(), "a block without words"
        assert 0 <= block.header <= block.end - block.start
        assert not block.header or block.kind == "table"
        at = block.end
    assert not text[at:].strip(), "words after the last block"
    assert not _UNSEEN.search(text)
    for page, after in pairwise(document.pages):
        assert page.start <= page.end <= after.start
        assert page.number < after.number
    assert all(0 <= page.start <= page.end <= len(text) for page in document.pages)
    assert all(note.strip() for note in document.notes)


@pytest.mark.parametrize("name", FILES)
def test_blocks_and_pages_lie_in_the_text(name: str) -> None:
    document = parse(FILES[name], filename=name)

    sound(document)
    assert document.blocks


@pytest.mark.parametrize("name", FILES)
def test_sentences_lie_in_their_blocks_and_miss_nothing(name: str) -> None:
    document = parse(FILES[name], filename=name)

    for block in document.blocks:
        at = block.start
        for start, end in sentence_spans(document.text, block.start, block.end):
            assert at <= start < end <= block.end
            assert not document.text[at:start].strip()
            at = end
        assert not document.text[at : block.end].strip()


@pytest.mark.parametrize("most", [12, 40])
@pytest.mark.parametrize("name", FILES)
def test_chunks_are_pieces_of_the_text_and_miss_nothing(name: str, most: int) -> None:
    document = parse(FILES[name], filename=name)
    at = 0
    for chunk in Chunker(max_tokens=most).chunk(document, title="T", counter=Words()):
        assert chunk.text == document.text[chunk.start : chunk.end] != ""
        assert not document.text[at : chunk.start].strip()
        assert all(chunk.start <= a < b <= chunk.end for a, b in chunk.headers)
        at = chunk.end
    assert not document.text[at:].strip()


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_is_read_soundly_or_refused(name: str) -> None:
    for data in mutated(FILES[name], seed=1, count=_MUTATIONS):
        with contextlib.suppress(Unreadable):
            sound(parse(data, filename=name))
