"""The records of documents on a real Redis, and the list of them."""

import pytest

from protocol.keys import key
from tests.support.workbench import Workbench


@pytest.fixture
def inc(bench: Workbench) -> str:
    return bench.collection()


def test_documents_are_listed_in_order_page_by_page(bench: Workbench, inc: str) -> None:
    for name in ("b", "a", "c:d"):
        bench.publish(bench.ingest(inc, name)[1][0])
    first, cursor = bench.catalogue.documents.page(inc, after="", limit=2)
    assert cursor is not None
    second, end = bench.catalogue.documents.page(inc, after=cursor, limit=2)

    assert [d["document_id"] for d in first + second] == ["a", "b", "c:d"]
    assert end is None
    hashes = bench.catalogue.documents.hashes(inc, ["a", "b", "c:d", "d"], made_by="")
    assert hashes.keys() == {"a", "b", "c:d"}
    assert {name for name, _ in bench.catalogue.generations.every_current(inc)} == {"a", "b", "c:d"}


def test_the_bytes_of_a_replaced_document_are_no_longer_a_duplicate(
    bench: Workbench, inc: str
) -> None:
    bench.publish(bench.ingest(inc, rows=[bench.row("a", content="old")])[1][0])
    bench.publish(bench.ingest(inc, rows=[bench.row("a", content="new")])[1][0])

    assert bench.redis.hgetall(key("contents", inc)) == {"sha-new": "a"}
