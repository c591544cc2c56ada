"""Counting the tokens of many texts, in calls that memory bears."""

from collections.abc import Sequence

from rag.ports import TokenCounter

_BATCH = 4096  # texts of one call to the counter, which may keep every token in memory


def token_counts(texts: Sequence[str], counter: TokenCounter) -> list[int]:
    """Return the tokens of each text, in few calls."""
    batches = range(0, len(texts), _BATCH)
    return [n for at in batches for n in counter.count_tokens(texts[at : at + _BATCH])]
