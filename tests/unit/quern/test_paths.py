"""Paths that have names in them."""

import pytest

from quern.paths import document_path
from rag.errors import InvalidRequest


def test_slashes_of_a_document_id_stay_and_the_rest_is_quoted() -> None:
    assert document_path("my.docs", "a/b c?.md") == (
        "/api/collections/my.docs/documents/a/b%20c%3F.md"
    )


@pytest.mark.parametrize("document_id", ["..", "../../other", ".", "a/../..", "", "a//b"])
def test_no_document_id_leads_to_another_address(document_id: str) -> None:
    with pytest.raises(InvalidRequest, match="is not the id of a document"):
        document_path("default", document_id)


def test_a_document_path_keeps_slashes_and_quotes_the_rest() -> None:
    path = document_path("a b", "reports/für 100 %?.md")

    assert path == "/api/collections/a%20b/documents/reports/f%C3%BCr%20100%20%25%3F.md"
