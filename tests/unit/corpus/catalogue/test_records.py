import pytest

from corpus.catalogue.records import packed, whole

SHA, TEXT, MANIFEST = "a1" * 32, "b2" * 32, "c3" * 32
RECORD = {
    "document_id": "notes/a.md", "generation": 1_760_000_000_000_000, "title": "", "sha256": SHA,
    "file": "notes/a.md", "kind": "text", "language": "", "source_blob": SHA, "text_blob": TEXT,
    "manifest_blob": MANIFEST, "bytes": 3, "chars": 3, "chunks": 1, "metadata": {},
    "made_by": "0f" * 8, "updated_at": "2026-01-01T00:00:00Z",
}  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"title": "A", "language": "en", "metadata": {"year": 2026}, "file": "b.md"},
        {"sha256": "", "source_blob": "", "file": "", "kind": ""},  # made anew from its rows
        {"source_blob": TEXT},
        {"text_blob": "t", "manifest_blob": ""},
    ],
)
def test_a_record_is_read_as_it_was_given(told: dict[str, object]) -> None:
    record = RECORD | told

    assert whole("notes/a.md", packed(record)) == record
    assert whole("notes/a.md", record) == record  # as earlier builds kept it


def test_a_record_is_kept_without_what_is_known_besides() -> None:
    kept = packed(RECORD)

    assert kept.keys() == RECORD.keys() - {
        "document_id", "title", "file", "language", "source_blob", "metadata",
    }  # fmt: skip
    assert kept["sha256"] == SHA
    assert len(kept["text_blob"]) == 43


def test_a_delete_has_no_record() -> None:
    assert packed({}) == {}
