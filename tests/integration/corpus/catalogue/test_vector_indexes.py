"""Vector indexes on a real Redis: the embedder and settings of a collection's vectors."""

from dataclasses import asdict, replace

import pytest

from corpus.catalogue.catalogue import Catalogue
from protocol.keys import key
from rag.errors import EmbedderMismatch
from rag.ports import EmbedderIdentity, HnswSettings, VectorIndex
from tests.support.workbench import Workbench

MODEL = EmbedderIdentity("model", "1", "torch", 384, 254)


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_one_collection_has_one_embedder(bench: Workbench, inc: str) -> None:
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)

    with pytest.raises(EmbedderMismatch, match=r"quern reindex, or set .* QUERN_EMBEDDING_ENGINE"):
        bench.catalogue.vector_indexes.register_embedder(inc, replace(MODEL, revision="2"))


def test_a_collection_keeps_the_vector_settings_it_was_made_with(bench: Workbench) -> None:
    old, new = HnswSettings(), HnswSettings("ip", 400, 300, 64)
    before = bench.collection("before")
    catalogue = Catalogue.of(bench.ledger, hnsw=new)
    after, _ = catalogue.collections.create("after")

    assert catalogue.collections.create("before") == (before, False)
    assert catalogue.vector_indexes.register_embedder(before, MODEL) == VectorIndex(
        before, MODEL, old
    )
    assert catalogue.vector_indexes.register_embedder(after, MODEL) == VectorIndex(
        after, MODEL, new
    )
    assert catalogue.vector_indexes.in_use(after) == VectorIndex(after, MODEL, new)
    assert [c.hnsw for c in catalogue.collections.all()] == [asdict(new), asdict(old)]


def test_a_collection_made_before_settings_were_recorded_has_none(
    bench: Workbench, inc: str
) -> None:
    bench.redis.hdel(key("collection", inc), "hnsw")

    assert bench.catalogue.vector_indexes.register_embedder(inc, MODEL).hnsw is None
    assert bench.catalogue.collections.all()[0].hnsw is None


def test_a_deleted_collection_does_not_exist_again_because_an_embedder_is_recorded(
    bench: Workbench, inc: str
) -> None:
    bench.catalogue.collections.drop("papers")
    bench.catalogue.vector_indexes.register_embedder(inc, MODEL)

    assert not bench.catalogue.collections.exists(inc)
