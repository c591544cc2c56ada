"""Which of a folder's files a collection has already, by their hashes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.client import Client, Refused, diff_path
from cli.files import LocalFile, as_known

#: Of one question which files are new: some megabytes of JSON.
DIFF_FILES = 20_000


@dataclass(slots=True)
class Comparison:
    """A folder beside a collection; every file is in one of the lists, or unchanged."""

    new: list[LocalFile] = field(default_factory=list)
    changed: list[LocalFile] = field(default_factory=list)
    #: Nothing could be made of these very bytes before; they would fail again.
    failed: list[LocalFile] = field(default_factory=list)
    #: Of no bytes, and no document until now.
    empty: list[LocalFile] = field(default_factory=list)
    unchanged: list[LocalFile] = field(default_factory=list)
    #: Documents of the collection that no file is; None where the server could not tell.
    gone: list[str] | None = None

    def to_send(self, *, failed_too: bool) -> list[LocalFile]:
        """Return the files to hand over, in order; those that *failed_too* where asked."""
        chosen = self.new + self.changed + (self.failed if failed_too else [])
        return sorted(chosen, key=lambda file: file.document_id)


def compare(client: Client, files: Sequence[LocalFile], collection: str) -> Comparison:
    """Ask the server which of *files* it lacks, or has with other bytes; all if it cannot tell."""
    listed = {as_known(file.document_id): file for file in files}
    found = Comparison()
    entries = [{"id": name, "sha256": _sha256(file)} for name, file in listed.items()]
    try:
        answers = [
            client.post(diff_path(collection), entries[first : first + DIFF_FILES]).json()
            for first in range(0, len(entries), DIFF_FILES)
        ]
    except Refused:
        return Comparison(new=list(files))  # a name that no document may have: its upload says so
    words = {name: word for answer in answers for name, word in _words(answer).items()}
    for name, file in listed.items():
        word = words.get(name, "unchanged")
        getattr(found, "empty" if word == "new" and not file.size else word).append(file)
    # Each answer knows of its part only: gone is what no part lists.
    found.gone = sorted(set.intersection(*(set(answer["gone"]) for answer in answers)))
    return found


def _words(answer: dict[str, Any]) -> dict[str, str]:
    """Return what is said of each file that is not unchanged."""
    return {name: word for word in ("new", "changed", "failed") for name in answer[word]}


def _sha256(file: LocalFile) -> str:
    """Hash a file; one that cannot be read is unlike any document."""
    try:
        with file.path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError:
        return "0" * 64
