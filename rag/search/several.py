"""A search of several collections: what each of them found, as one."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from rag.search.retrieval import Found


def merged(founds: Mapping[str, Found], *, top_k: int) -> Found:
    """
    Return what was found in collections as what one search found; *founds* are by their ids.

    The best *top_k* passages of all stay, by their relevance where they have one, and those that
    are not of the first collection say whose they are. Of a ranking there is no explanation: there
    is none of the whole.
    """
    (first, found), *others = founds.items()
    if not others:
        return found
    every = list(founds.values())
    passages = [
        passage if collection_id == first else replace(passage, collection_id=collection_id)
        for collection_id, one in founds.items()
        for passage in one.passages
    ]
    # Equal ones keep their order.
    passages.sort(key=lambda passage: (-(passage.relevance or 0.0), -passage.score))
    return Found(
        passages=passages[:top_k],
        degraded=_once(one.degraded for one in every),
        embed_ms=sum(one.embed_ms for one in every),
        retrieve_ms=sum(one.retrieve_ms for one in every),
        dense_ms=sum(one.dense_ms for one in every),
        sparse_ms=sum(one.sparse_ms for one in every),
        fuse_ms=sum(one.fuse_ms for one in every),
        rerank_ms=sum(one.rerank_ms for one in every),
        dense_found=sum(one.dense_found for one in every),
        sparse_found=sum(one.sparse_found for one in every),
        documents=sum(one.documents for one in every),
        waiting=sum(one.waiting for one in every),
        unmatched=all(one.unmatched for one in every),
        hints=_once(one.hints for one in every),
    )


def _once(many: Iterable[Sequence[str]]) -> list[str]:
    """Return all words, each once, in order."""
    return list(dict.fromkeys(chain.from_iterable(many)))
