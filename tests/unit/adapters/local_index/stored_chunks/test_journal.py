"""The journal: lines count in groups, and a group counts once it was written whole."""

from pathlib import Path

import pytest

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.stored_chunks.journal import Journal, read_lines


def two_groups(path: Path) -> Journal:
    journal = Journal(path)
    journal.append({"add": "a"})
    journal.commit({"commit": "1"})
    journal.append({"add": "b"})
    journal.commit({"commit": "2"})
    return journal


def said(path: Path) -> list[dict[str, str]]:
    return [line for line, _ in read_lines(path.read_bytes())]


def test_lines_are_written_with_the_commit_that_ends_their_group(tmp_path: Path) -> None:
    journal = two_groups(tmp_path / "journal")
    journal.append({"add": "never committed"})
    journal.close()

    assert said(tmp_path / "journal") == [
        {"add": "a"}, {"commit": "1"}, {"add": "b"}, {"commit": "2"},
    ]  # fmt: skip


def test_what_an_earlier_writer_left_behind_the_last_commit_is_never_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    two_groups(path).close()
    end = path.stat().st_size
    left = Journal(path, end=end)
    left.append({"commit": "8"})  # as long as the commit that comes in its place
    left.commit({"commit": "9"})
    left.close()
    journal = Journal(path, end=end)
    journal.commit({"commit": "3"})
    journal.close()

    assert said(path)[-2:] == [{"commit": "2"}, {"commit": "3"}]


def test_a_line_that_is_not_as_it_was_written_ends_what_is_read(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    journal = two_groups(path)
    whole = journal.intact(thorough=True)
    data = path.read_bytes()
    path.write_bytes(data.replace(b'"add":"b"', b'"add":"c"'))
    changed = (journal.intact(thorough=False), journal.intact(thorough=True))
    lines = said(path)
    path.write_bytes(data[:-1])
    cut = journal.intact(thorough=False)
    journal.close()

    assert whole
    assert changed == (True, False)
    assert lines == [{"add": "a"}, {"commit": "1"}]
    assert not cut


def test_a_closed_journal_takes_no_commit(tmp_path: Path) -> None:
    journal = two_groups(tmp_path / "journal")
    journal.close()

    with pytest.raises(IndexUnusable, match="closed"):
        journal.commit({"commit": "3"})
