"""What a backup says of itself, and what is not believed."""

from dataclasses import replace
from pathlib import Path

import pytest

from stack.backups.manifest import (
    Manifest,
    NotWhole,
    damaged_parts,
    digest_of,
    read_manifest,
    write_manifest,
)

MADE = Manifest(
    quern="0.2.0", made_at="2026-01-01T00:00:00+00:00", redis="redis 7.2.5", snapshot="redis-1.rdb",
    blobs="blobs-1.txt", segments="segments-1.txt", counts={"documents": 3},
)  # fmt: skip


def test_a_manifest_is_read_as_it_was_written_and_without_one_there_is_none(
    tmp_path: Path,
) -> None:
    assert read_manifest(tmp_path) is None

    write_manifest(tmp_path, MADE)

    assert read_manifest(tmp_path) == MADE
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]


def test_parts_that_are_missing_or_changed_are_named(tmp_path: Path) -> None:
    for name in ("good", "bad"):
        (tmp_path / name).write_bytes(name.encode())
    parts = {name: digest_of(tmp_path / name) for name in ("good", "bad")} | {"gone": "0" * 64}
    (tmp_path / "bad").write_bytes(b"worse")

    assert list(damaged_parts(tmp_path, replace(MADE, parts=parts))) == ["bad", "gone"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "cannot be read"),
        ("[]", "no manifest of a backup"),
        ('{"form": 1}', "no manifest of a backup"),
        ('{"form": 2, "quern": "9.0"}', "made by Quern 9.0, which is newer"),
    ],
)
def test_what_is_no_manifest_of_this_build_is_refused(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(NotWhole, match=told):
        read_manifest(tmp_path)
