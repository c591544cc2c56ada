"""The records of documents on a real Redis, and the list of them."""

import pytest

from protocol import sizes
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

    rows = [bench.row("b", content="old"), bench.row("c", content="new")]
    _, (old, new) = bench.ingest(inc, rows=rows, on_duplicate="skip")

    assert bench.state(old) == "queued"
    assert bench.field(new, "duplicate_of") == "a"


def test_bytes_of_many_documents_lie_in_hashes_that_stay_short(
    redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sizes, "BY_HASH_FIELDS", 4)
    bench = Workbench(redis_url)
    inc = bench.collection()
    names = [f"d{n}" for n in range(80)]
    for name in names:
        bench.publish(bench.ingest(inc, rows=[bench.row(name, content=name)])[1][0])
    rows = [bench.row(f"twin of {name}", content=name) for name in names]
    _, twins = bench.ingest(inc, rows=rows, on_duplicate="skip")
    hashes = list(bench.redis.scan_iter(match=key("by_hash", inc, "*")))

    assert [bench.field(row, "duplicate_of") for row in twins] == names
    assert all(bench.redis.hlen(name) <= 4 + 1 for name in hashes)
    assert sum(bench.redis.hlen(name) for name in hashes) == len(names) + 1
    bench.catalogue.collections.drop("papers")
    bench.catalogue.collections.forget(inc)
    assert list(bench.redis.scan_iter(match=f"*{inc}*")) == []
    bench.close()
