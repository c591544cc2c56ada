import json

import pytest

from corpus.catalogue.records import maker, packed, source_of, whole

SHA, TEXT, MANIFEST = "a1" * 32, "b2" * 32, "c3" * 32
RECORD = {
    "document_id": "notes/a.md", "generation": 1_760_000_000_000_000, "title": "", "sha256": SHA,
    "file": "notes/a.md", "kind": "text", "language": "", "source_blob": SHA, "text_blob": TEXT,
    "manifest_blob": MANIFEST, "bytes": 3, "chars": 3, "chunks": 1, "metadata": {},
    "made_by": "0f" * 8, "updated_at": "2025-10-09T08:53:20.417Z",
}  # fmt: skip


@pytest.mark.parametrize(
    "told",
    [
        {},
        {"title": "A", "language": "en", "metadata": {"year": 2026}, "file": "b.md"},
        {"sha256": "", "source_blob": "", "file": "", "kind": ""},  # made anew from its rows
        {"source_blob": TEXT},
        {"text_blob": SHA},  # a text is its own source
        {"text_blob": "t", "manifest_blob": ""},
        {"updated_at": "2025-10-09T08:53:19.999Z"},  # by a clock that is behind Redis'
        {"updated_at": "2026-01-01T00:00:00Z"},  # as this program does not write it
        {"updated_at": "soon"},
        {"made_by": ""},
    ],
)
def test_a_record_is_read_as_it_was_given(told: dict[str, object]) -> None:
    record = RECORD | told
    short = record | {"made_by": maker(str(record["made_by"]))}
    kept = json.loads(json.dumps(packed(record)))

    assert whole("notes/a.md", kept) == short
    assert packed(short) == kept
    assert whole("notes/a.md", record) == short  # as earlier builds kept it
    assert source_of(kept) == source_of(record) == (short["sha256"], short["made_by"])


def test_a_record_is_kept_without_its_names_and_what_is_known_besides() -> None:
    assert packed(RECORD | {"text_blob": SHA}) == [
        1_760_000_000_000_000, "oaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaGhoaE", "0f0f0f0f", "",
        "w8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8PDw8M", None, "text", 3, 3, 1, 417,
    ]  # fmt: skip


def test_what_an_earlier_build_left_out_is_read_as_it_was_given() -> None:
    left_out = ("document_id", "title", "file", "language", "source_blob", "metadata")
    kept = {name: value for name, value in RECORD.items() if name not in left_out}
    kept["text_blob"] = "srKysrKysrKysrKysrKysrKysrKysrKysrKysrKysrI"

    assert whole("notes/a.md", kept) == RECORD | {"made_by": "0f0f0f0f"}


def test_a_delete_has_no_record() -> None:
    assert packed({}) == []
