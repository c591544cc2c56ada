"""Passages, records and blobs of current documents that vanish are found, and put back."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from adapters.chroma.store import ChromaStore
from protocol.keys import key
from rag.errors import NoVector
from rag.ports import EmbeddedPassages, PassageText
from tests.support.worlds.checked_world import TEXTS, World


@pytest.mark.parametrize("all_of_them", [False, True])
def test_rows_deleted_behind_our_back_are_embedded_again_under_their_ids(
    world: World, *, all_of_them: bool
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[0 if all_of_them else 1 :])
    found = world.check()
    assert found.differences == {"passages_missing": (1, 0)}
    assert found.documents("passages_missing") == {"oil"}
    assert not found.consistent
    repaired = world.repair()

    assert repaired.differences == {"passages_missing": (1, 1)}
    assert repaired.consistent
    assert world.held() == world.wanted()
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("embargo", mode) == {"oil"}


def test_a_collection_dropped_behind_our_back_is_filled_again(
    world: World, chroma_url: str
) -> None:
    with closing(ChromaStore(chroma_url)) as another:
        another.drop(world.inc)
    assert world.check().differences == {"passages_missing": (3, 0)}
    repaired = world.repair()

    assert repaired.differences == {"passages_missing": (3, 3)}
    assert world.held() == world.wanted()
    assert world.search("forests", "dense") == {"trees"}


def test_half_a_document_whose_text_is_gone_is_withdrawn_until_it_comes_again(
    world: World,
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    world.blob("oil", "manifest_blob").unlink()
    world.blob("oil", "text_blob").unlink()  # and with it the file: a text is its own source
    repaired = world.repair()

    assert repaired.differences["passages_missing"] == (1, 0)
    assert "ingest it again" in repaired.told[0]["detail"]
    assert not repaired.consistent
    for mode in ("dense", "sparse", "hybrid"):
        assert world.search("prices", mode) == set()
    assert world.bench.catalogue.documents.record(world.inc, "oil") is None
    row = world.publish("oil")
    assert world.bench.field(row, "outcome") == "created"
    assert world.search("prices", "hybrid") == {"oil"}


def test_no_document_is_withdrawn_while_the_disk_of_the_blobs_is_away(world: World) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    (world.folder / "blobs").rename(world.folder / "away")
    found = world.check(repair=True)
    assert any("is its disk there?" in f["detail"] for f in found.told)
    (world.folder / "away").rename(world.folder / "blobs")
    world.repair()

    assert world.held() == world.wanted()


def test_a_lost_text_is_made_anew_of_its_passages(world: World) -> None:
    record = world.bench.catalogue.documents.record(world.inc, "oil")
    assert record is not None
    world.blob("oil", "manifest_blob").unlink()
    assert world.check().differences == {"text_missing": (1, 0)}
    world.repair()

    after = world.bench.catalogue.documents.record(world.inc, "oil")
    assert after is not None
    text = (world.blobs.get(after["text_blob"]) or b"").decode()
    manifest = world.blobs.get_json(after["manifest_blob"])
    assert isinstance(manifest, dict)
    spans = [text[span["start"] : span["end"]] for span in manifest["chunks"]]
    assert tuple(spans) == TEXTS["oil"]
    assert after["source_blob"] == record["source_blob"]


def test_a_lost_file_is_named_until_it_is_sent_again(world: World) -> None:
    row = world.publish("table", "A table of numbers.")
    source = world.blobs.put(b"the bytes of a spreadsheet")
    record = world.bench.catalogue.documents.record(world.inc, "table")
    assert record is not None
    world.bench.catalogue.repairs.restore(
        world.inc, record | {"sha256": source, "source_blob": source}
    )
    world.blob("table", "source_blob").unlink()
    for repair in (False, True):
        assert world.check(repair=repair).differences == {"file_missing": (1, 0)}
    same = world.bench.row("table", content="A table of numbers.")
    _, (again,) = world.bench.ingest(world.inc, rows=[same])
    assert world.bench.state(again) == "queued", "the same file sent again is called unchanged"
    world.blobs.put(b"the bytes of a spreadsheet")

    assert world.check().differences == {}
    assert world.bench.state(row) == "succeeded"


def test_a_lost_list_of_documents_is_written_anew(world: World) -> None:
    world.bench.redis.delete(key("names", world.inc))
    assert world.check().differences == {"record_missing": (3, 0)}
    repaired = world.repair()

    assert repaired.differences == {"record_missing": (3, 3)}
    records, _ = world.bench.catalogue.documents.page(world.inc, after="", limit=10)
    assert [record["document_id"] for record in records] == sorted(TEXTS)
    assert world.bench.garbage(world.inc) == set()


def test_vectors_made_anew_are_checked_and_repaired_as_any(world: World) -> None:
    vector_index = world.reindex()
    assert vector_index != world.inc
    assert world.check().differences == {}  # nor is the old vector index, not dropped yet, unknown
    assert world.check(repair=True).differences == {}
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    repaired = world.repair()

    assert repaired.differences == {"passages_missing": (1, 1)}
    assert world.store.count(vector_index) == len(world.wanted()) == world.store.count(world.inc)
    assert world.bench.catalogue.collections.collection_ids() == {"papers": world.inc}
    assert world.search("embargo", "hybrid") == {"oil"}


def test_a_switch_in_the_middle_of_a_repair_leaves_no_vector_in_the_wrong_vector_index(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.vectors.delete(world.inc, world.ids("oil")[:1])
    vector_index = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
    world.store.create(vector_index)
    embed = world.embedder.embed

    def change_over(texts: list[str]) -> Any:
        world.bench.redis.hset(key("collection", world.inc), "edition", vector_index)
        return embed(texts)

    monkeypatch.setattr(world.embedder, "embed", change_over)
    found = world.check(repair=True)

    assert found.differences == {"passages_missing": (1, 0)}
    assert "made anew meanwhile" in found.told[0]["detail"]
    assert world.bench.catalogue.vector_indexes.in_use(world.inc).name == vector_index
    assert world.store.count(vector_index) == 0


def test_passages_that_the_model_gives_no_vector_are_left_and_all_else_is_repaired(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = world.embedder.embed_passages

    def picky(passages: Sequence[PassageText]) -> EmbeddedPassages:
        if any(passage.text in TEXTS["oil"] for passage in passages):
            raise NoVector("not of norm 1")
        return embed(passages)

    monkeypatch.setattr(world.embedder, "embed_passages", picky)
    world.vectors.delete(world.inc, world.ids("oil") + world.ids("trees"))
    repaired = world.check(repair=True)

    assert repaired.differences == {"passages_missing": (2, 1)}
    assert {one["document_id"]: one["outcome"] for one in repaired.told} == {
        "oil": "left", "trees": "repaired",
    }  # fmt: skip
    assert world.search("forests", "dense") == {"trees"}
