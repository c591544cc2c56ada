"""Parsing a file: its bytes become text, chunks and a manifest in the blob store."""

from collections.abc import Mapping

from corpus.blobs import BlobStore, Together
from corpus.manifests import manifest_of, note_of
from jobs.leases.lease import Lease
from rag.chunking.chunker import Chunker, fit_title
from rag.documents import ParsedDocument
from rag.errors import BlobMissing, NoText
from rag.ports import LanguageDetector, Parser, TokenCounter
from runtime.metrics.families import TYPES
from runtime.metrics.meters import INGESTED_BYTES, timed

#: A title may take this share of a chunk at most.
TITLE_SHARE = 4


class FileReader:
    """
    Turn the bytes of a file into what the publish stage needs.

    Args:
        parser: Turns bytes into text, in a limited sub-process.

        chunker: Cuts the text.

        tokens: Counts as the embedding model does.

        languages: Tells what language a text is written in.

        blobs: Where the bytes lie.
    """

    def __init__(
        self,
        *,
        parser: Parser,
        chunker: Chunker,
        tokens: TokenCounter,
        languages: LanguageDetector,
        blobs: BlobStore,
    ) -> None:
        self._parser = parser
        self._chunker = chunker
        self._tokens = tokens
        self._languages = languages
        self._blobs = blobs

    def read(self, lease: Lease, outputs: Together) -> dict[str, str | int]:
        """
        Parse and chunk the file of a row; returns the fields that the row gets.

        Text and manifest go to *outputs*; they are on the disk once those are.

        Raises:
            Unreadable, NoText: The file cannot be turned into text; the detail says why.

            BlobMissing: Its bytes are missing.
        """
        row = lease.unit.fields
        data = self._blobs.get(row["sha256"])
        if data is None:
            raise BlobMissing("the file's bytes are missing from the blob store")
        with timed("parse"):
            document = self._parser.parse(
                data, filename=row["filename"], abort=lambda: lease.stopped
            )
        INGESTED_BYTES[document.kind if document.kind in TYPES else "other"].inc(len(data))
        lease.check()
        note = note_of(document.notes)
        if not document.text.strip():
            raise NoText("the file holds no text" + (f": {note}" if note else ""))
        chunker = self._chunker_of(row)
        most = chunker.max_tokens // TITLE_SHARE
        title = fit_title(_title(document, row), self._tokens, most)
        with timed("chunk"):
            chunks = chunker.chunk(document, title=title, counter=self._tokens)
        lease.check()
        text_blob = outputs.put(document.text.encode())
        language = self._languages.language_of(document.text)
        manifest = manifest_of(document, title, chunks, text_blob, language=language)
        fields: dict[str, str | int] = {
            "manifest_blob": outputs.put_json(manifest),
            "text_blob": text_blob,
            "chunks": len(chunks),
        }
        return fields | ({"note": note} if note else {})

    def _chunker_of(self, row: Mapping[str, str]) -> Chunker:
        """Return what cuts the text of a row, which may ask for shorter chunks."""
        most = int(row.get("chunk_tokens", "0"))
        return Chunker(max_tokens=most) if 0 < most < self._chunker.max_tokens else self._chunker


def _title(document: ParsedDocument, row: Mapping[str, str]) -> str:
    """Choose a title: the owner's, the document's own, else the file's name."""
    given = row["title"] or document.title or ""
    if given.strip():
        return " ".join(given.split())
    name = row["filename"].rsplit("/", 1)[-1]
    return name.rsplit(".", 1)[0].replace("_", " ").replace("-", " ").strip()
