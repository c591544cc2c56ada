"""Editions on a real Redis: which embedder and settings a collection's vectors were made with."""

from dataclasses import asdict, replace

import pytest

from corpus.catalogue.catalogue import Catalogue
from protocol.keys import key
from rag.errors import EmbedderMismatch
from rag.ports import Edition, EmbedderIdentity, HnswSettings
from tests.support.workbench import Workbench

MODEL = EmbedderIdentity("model", "1", "torch", 384, 254)


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_one_collection_has_one_embedder(bench: Workbench, inc: str) -> None:
    bench.catalogue.editions.agree_on_embedder(inc, MODEL)
    bench.catalogue.editions.agree_on_embedder(inc, MODEL)

    with pytest.raises(EmbedderMismatch, match=r"quern reindex, or set .* QUERN_EMBEDDING_ENGINE"):
        bench.catalogue.editions.agree_on_embedder(inc, replace(MODEL, revision="2"))


def test_a_collection_keeps_the_vector_settings_it_was_made_with(bench: Workbench) -> None:
    old, new = HnswSettings(), HnswSettings("ip", 400, 300, 64)
    before = bench.collection("before")
    catalogue = Catalogue.of(bench.ledger, hnsw=new)
    after, _ = catalogue.collections.create("after")

    assert catalogue.collections.create("before") == (before, False)
    assert catalogue.editions.agree_on_embedder(before, MODEL) == Edition(before, MODEL, old)
    assert catalogue.editions.agree_on_embedder(after, MODEL) == Edition(after, MODEL, new)
    assert catalogue.editions.in_use(after) == Edition(after, MODEL, new)
    assert [c.hnsw for c in catalogue.collections.all()] == [asdict(new), asdict(old)]


def test_a_collection_made_before_settings_were_recorded_has_none(
    bench: Workbench, inc: str
) -> None:
    bench.redis.hdel(key("collection", inc), "hnsw")

    assert bench.catalogue.editions.agree_on_embedder(inc, MODEL).hnsw is None
    assert bench.catalogue.collections.all()[0].hnsw is None


def test_a_deleted_collection_does_not_exist_again_because_an_embedder_is_recorded(
    bench: Workbench, inc: str
) -> None:
    bench.catalogue.collections.drop("papers")
    bench.catalogue.editions.agree_on_embedder(inc, MODEL)

    assert not bench.catalogue.collections.exists(inc)
