"""A new version of a document pays for what changed in it, not for its length."""

import random
from collections.abc import Sequence

import numpy as np
import pytest

from rag.chunking.chunker import Chunker
from rag.documents import Block, ParsedDocument, indexed_text
from rag.embedding_cache import CachedEmbedder
from rag.in_memory_ports.bytes_store import DictStore
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import Vectors

TITLE = "The book"
CHUNKS = 100  # about


class Counting(HashingEmbedder):
    """Remembers what it was asked to embed, however; makes one vector of everything."""

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:  # noqa: ARG002
        self.seen.extend(texts)
        return np.tile(np.eye(1, self.identity.dimension, dtype=np.float32), (len(texts), 1))


def sentence(chance: random.Random) -> str:
    return " ".join(f"word{chance.randrange(3_000)}" for _ in range(chance.randint(8, 30))) + "."


def book(seed: int, *, sentences: tuple[int, int]) -> list[str]:
    chance = random.Random(seed)
    paragraphs: list[str] = []
    while sum(len(paragraph.split()) for paragraph in paragraphs) < 190 * CHUNKS:
        count = chance.randint(*sentences)
        paragraphs.append(" ".join(sentence(chance) for _ in range(count)))
    return paragraphs


def parsed(paragraphs: list[str]) -> ParsedDocument:
    blocks, at = [], 0
    for paragraph in paragraphs:
        blocks.append(Block("paragraph", at, at + len(paragraph)))
        at += len(paragraph) + 2
    return ParsedDocument("\n\n".join(paragraphs), "text", None, tuple(blocks))


def embedded(before: list[str], after: list[str]) -> tuple[int, int]:
    """Embed both versions; returns the chunks of the first, and how many the second embeds."""
    embedder = Counting()
    cache = CachedEmbedder(embedder, DictStore(), ttl_s=60)
    for paragraphs in (before, after):
        first = len(embedder.seen)
        chunks = Chunker().chunk(parsed(paragraphs), title=TITLE, counter=embedder)
        cache.embed([indexed_text(TITLE, chunk.text) for chunk in chunks])
    return first, len(embedder.seen) - first


@pytest.mark.parametrize("where", [0.0, 0.5, 0.99], ids=["beginning", "middle", "end"])
@pytest.mark.parametrize("sentences", [(2, 9), (20, 40)], ids=["short", "long"])
def test_a_changed_word_embeds_one_chunk_again(where: float, sentences: tuple[int, int]) -> None:
    before = book(1, sentences=sentences)
    after = list(before)
    at = int(where * len(before))
    after[at] = after[at].replace(after[at].split()[2], "changed", 1)

    chunks, again = embedded(before, after)

    assert chunks >= CHUNKS * 0.9
    assert again == 1


@pytest.mark.parametrize("where", [0.0, 0.5, 0.99], ids=["beginning", "middle", "end"])
def test_a_new_sentence_embeds_its_neighbourhood_again(where: float) -> None:
    counts = []
    for seed in range(3):
        before = book(seed, sentences=(2, 9))
        after = list(before)
        after[int(where * len(before))] += " This is a sentence that was not there before."
        chunks, again = embedded(before, after)
        assert chunks >= CHUNKS * 0.9
        counts.append(again)

    # Cuts are chosen for the whole document, yet fall into their old places a few chunks later.
    assert max(counts) <= 12
    assert sorted(counts)[1] <= 2
