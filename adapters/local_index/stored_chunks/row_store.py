"""Rows as one set of files holds them: journal and files written together, and seen together."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from adapters.local_index.errors import IndexUnusable
from adapters.local_index.stored_chunks.committed_rows import CommittedRows
from adapters.local_index.stored_chunks.journal import Journal, Line, read_lines
from adapters.local_index.stored_chunks.row_files import Generation, RowFiles
from rag.metadata.filters import facts

FORMAT_VERSION = 2
JOURNAL = "journal"


class RowStore:
    """
    A journal, the files that it names, and what readers see of them.

    The journal says whose the rows are and ends each group of changes with the cursor of the log.
    After a crash the rows are those of the last group that was written whole. One thread writes;
    any number may read *committed*.
    """

    def __init__(self, journal: Journal, files: RowFiles) -> None:
        """Take over open files; use `begin` or `load`."""
        self.journal = journal
        self.files = files
        self.committed = CommittedRows()
        self.known: dict[str, Generation] = {}
        self.dead = 0  # rows of generations that were replaced or dropped
        self.cursor = self.log_epoch = ""
        self._changed: list[tuple[int, bool]] = []  # numbers of generations born and dead

    @classmethod
    def begin(cls, journal: Path, number: int, *, dimension: int = 0) -> Self:
        """Begin empty files of that number; they count once something is committed."""
        with ExitStack() as opened:
            files = RowFiles(journal.parent, number, dimension=dimension)
            opened.callback(files.close)
            store = cls(Journal(journal), files)
            store.journal.append({"format": FORMAT_VERSION, "files": number})
            opened.pop_all()
        return store

    @classmethod
    def load(cls, journal: Path) -> Self:
        """
        Read a journal up to its last commit, and check every vector.

        Raises:
            IndexUnusable: They are corrupt or of another format.
        """
        lines, end = _committed_lines(journal)
        first, last = lines[0], lines[-1]
        with ExitStack() as opened:
            files = RowFiles(
                journal.parent, int(first["files"]), rows=int(last["rows"]),
                dimension=int(last["dimension"]), records_end=int(last["records_end"]),
            )  # fmt: skip
            opened.callback(files.close)
            store = cls(Journal(journal, end=end), files)
            opened.callback(store.journal.close)
            for line in lines[1:]:
                store._replay(line)
            store.cursor, store.log_epoch = last["commit"], last["epoch"]
            files.check_vectors(store.known)
            store._show()
            opened.pop_all()
        return store

    def append(self, line: Line, vectors: bytes, records: Sequence[bytes]) -> None:
        """
        Write the rows of a generation; seen after commit.

        Args:
            line: The journal's, which says whose they are; where they begin is added to it.

            vectors: Of the rows, as float16.

            records: Of its chunks, one for each row.
        """
        line = line | {"start": self.files.append(vectors, records)}
        self.journal.append(line)
        self._replay(line)

    def drop(self, name: str) -> None:
        """Drop a generation, if it is there; seen after commit."""
        if self._forget(name):
            self.journal.append({"drop": name})

    def commit(self, *, cursor: str, log_epoch: str) -> None:
        """Write the journal's group with the cursor, and let readers see what it says."""
        line = {
            "commit": cursor, "epoch": log_epoch, "rows": self.files.rows,
            "dimension": self.files.dimension, "records_end": self.files.records_end,
        }  # fmt: skip
        self.journal.commit(line)
        self.cursor, self.log_epoch = cursor, log_epoch
        self._show()

    def intact(self, *, thorough: bool) -> bool:
        """Return True if all files are there and not cut; *thorough* also reads their sums."""
        try:
            if not self.journal.intact(thorough=False):
                return False
            self.files.check_sizes()
            if thorough:
                self.files.check_vectors(self.known)
                self.files.check_records(self.known)
                return self.journal.intact(thorough=True)
        except (OSError, IndexUnusable):
            return False
        return True

    def close(self) -> None:
        """Let the files go; what was not committed is dropped."""
        self.files.close()
        self.journal.close()

    def _replay(self, line: Line) -> None:
        """Take one line of the journal."""
        if "add" in line:
            document = line["add"]
            name = f"{document}:{line['generation']}"
            known = facts(document, line["title"], line["metadata"], line["language"])
            self._forget(name)
            start, count = line["start"], line["count"]
            number = self.committed.append(name, start=start, count=count, known=known)
            self.known[name] = Generation(number, start, count, line["crc"])
            self._changed.append((number, True))
        elif "drop" in line:
            self._forget(line["drop"])

    def _forget(self, name: str) -> bool:
        """Count a generation out; return True if it was there."""
        gone = self.known.pop(name, None)
        if gone is not None:
            self.dead += gone.count
            self._changed.append((gone.number, False))
        return gone is not None

    def _show(self) -> None:
        """Let readers see what is known now."""
        alive = self.files.rows - self.dead
        self.committed.show(self.files.map(), self._changed, rows=alive)
        self._changed = []


def _committed_lines(journal: Path) -> tuple[list[Line], int]:
    """Return the lines of a journal up to its last commit, and where that one ends."""
    lines = list(read_lines(journal.read_bytes()))
    if not lines or lines[0][0].get("format") != FORMAT_VERSION:
        raise IndexUnusable(f"{journal.parent} was written by another version: it must be rebuilt")
    while lines and "commit" not in lines[-1][0]:
        lines.pop()
    if not lines:
        raise IndexUnusable(f"{journal.parent} has no commit")
    return [line for line, _ in lines], lines[-1][1]
