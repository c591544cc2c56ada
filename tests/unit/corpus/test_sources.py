"""Sources of a question: small ones in the row, large ones in the blob store."""

from pathlib import Path

import pytest

from corpus.blobs import BlobStore
from corpus.sources import keep_result, keep_sources, kept_result, kept_sources
from rag.errors import Unreadable

SMALL = [{"chunk_id": "d:1:0", "text": "The well is deep."}]
LARGE = [{"chunk_id": "d:1:0", "text": "The well is deep. " * 200}]


@pytest.fixture
def blobs(tmp_path: Path) -> BlobStore:
    return BlobStore(tmp_path)


def test_small_sources_lie_in_the_row_and_in_the_event(blobs: BlobStore) -> None:
    fields, shown = keep_sources(SMALL, blobs)

    assert shown == {"sources": SMALL}
    assert fields["sources_blob"] == ""
    assert kept_sources(fields, blobs) == SMALL


def test_large_sources_lie_in_the_blob_store(blobs: BlobStore) -> None:
    fields, shown = keep_sources(LARGE, blobs)

    assert fields == {"sources": "", "sources_blob": shown["blob"]}
    assert kept_sources(fields, blobs) == LARGE


def test_sources_found_again_take_the_place_of_the_first_ones(blobs: BlobStore) -> None:
    large, small = keep_sources(LARGE, blobs)[0], keep_sources(SMALL, blobs)[0]

    assert kept_sources(large | small, blobs) == SMALL
    assert kept_sources(small | large, blobs) == LARGE


def test_a_row_before_its_retrieval_has_none_and_one_whose_blob_is_gone_says_so(
    blobs: BlobStore,
) -> None:
    assert kept_sources({}, blobs) is None
    with pytest.raises(Unreadable, match="ask again"):
        kept_sources({"sources_blob": "0" * 64}, blobs)


def test_small_results_lie_in_the_row_and_large_ones_in_the_blob_store(blobs: BlobStore) -> None:
    small = {"answer": "It is deep."}
    large = {"answer": "It is deep. " * 500}
    gone = {"result_blob": "0" * 64}

    assert keep_result(small, blobs) == {"result": '{"answer":"It is deep."}'}
    assert keep_result(large, blobs).keys() == {"result_blob"}
    assert kept_result(keep_result(small, blobs), blobs) == small
    assert kept_result(keep_result(large, blobs), blobs) == large
    assert kept_result({"state": "running"}, blobs) is None
    with pytest.raises(Unreadable, match="gone"):
        kept_result(gone, blobs)
