"""Which of a folder's files a collection has already, by their hashes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cli.sync.files import File, as_known
from quern.client import Client
from quern.errors import Refused
from quern.paths import diff_path, hashes_path

#: Of one question which files are new: a megabyte of JSON.
DIFF_FILES = 10_000
#: Documents of a collection that are listed at once.
LISTED = 2_000
NOT_FOUND = 404
#: Unlike that of any document.
NO_HASH = "0" * 64


@dataclass(slots=True)
class Comparison:
    """A folder beside a collection; every file is in one of the lists, or unchanged."""

    new: list[File] = field(default_factory=list)
    changed: list[File] = field(default_factory=list)
    #: Nothing could be made of these very bytes before; they would fail again.
    failed: list[File] = field(default_factory=list)
    #: Of no bytes, and no document until now.
    empty: list[File] = field(default_factory=list)
    unchanged: list[File] = field(default_factory=list)
    #: Documents of the collection that no file is; None where nobody asked or the server could not
    #: tell.
    gone: list[str] | None = None

    def to_send(self, *, failed_too: bool) -> list[File]:
        """Return the files to upload, in order; those that *failed_too* where asked."""
        chosen = self.new + self.changed + (self.failed if failed_too else [])
        return sorted(chosen, key=lambda file: file.document_id)


def compare(
    client: Client, files: Sequence[File], collection: str, *, gone: bool = False
) -> Comparison:
    """
    Ask the server which of *files* it lacks or has with other bytes; all if unknown.

    With *gone* also which documents no file is.

    A file that lies elsewhere is read for that only if there is such a document, and nobody knows
    what the file hashes to.
    """
    listed = {as_known(file.document_id): file for file in files}
    found = Comparison()
    hashes = {name: file.known_hash() for name, file in listed.items()}
    try:
        answers = _asked(client, collection, hashes)
        words = _words(answers)
        # With no hash a file is like no document, which says only whether there is one.
        unsure = [name for name in listed if hashes[name] is None and name in words]
        read = {name: listed[name].read_hash() for name in unsure if words[name] == "changed"}
        told = _words(_asked(client, collection, read))
    except Refused:
        return Comparison(new=list(files))  # a name that no document may have: its upload says so
    words |= {name: told.get(name, "unchanged") for name in read}
    for name, file in listed.items():
        word = words.get(name, "unchanged")
        getattr(found, "empty" if word == "new" and file.size == 0 else word).append(file)
    if gone:
        found.gone = [name for name in _stored(client, collection) if name not in listed]
    return found


def _stored(client: Client, collection: str) -> Iterator[str]:
    """Yield the documents of a collection in order; none where there is no such collection."""
    try:
        for page in client.pages(hashes_path(collection), patiently=True, size=LISTED):
            yield from (str(entry["id"]) for entry in page.json()["documents"])
    except Refused as error:
        if error.status != NOT_FOUND:
            raise


def _asked(
    client: Client, collection: str, hashes: Mapping[str, str | None]
) -> list[dict[str, Any]]:
    """Ask about files by name and hash, some at a time."""
    entries = [{"id": name, "sha256": sha256 or NO_HASH} for name, sha256 in hashes.items()]
    return [
        client.post(
            f"{diff_path(collection)}?gone=false", entries[first : first + DIFF_FILES]
        ).json()
        for first in range(0, len(entries), DIFF_FILES)
    ]


def _words(answers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what is said of each file that is not unchanged."""
    kinds = ("new", "changed", "failed")
    return {name: word for answer in answers for word in kinds for name in answer[word]}
