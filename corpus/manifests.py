"""Manifests: how a parsed document's chunks are written down, and cut out of its text again."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from rag.documents import Chunk, ParsedDocument, Value, chunk_id, rare
from rag.ports import StoredChunk

#: Code points of white space kept between two chunks: more parts them for good.
MOST_BEFORE = 100
#: Remarks of a parser that are kept with a document.
MOST_NOTES = 50
#: Code points of the line that a row shows of them.
LONGEST_NOTE = 500


def manifest_of(
    document: ParsedDocument,
    title: str,
    chunks: Sequence[Chunk],
    text_blob: str,
    *,
    language: str = "",
) -> dict[str, Any]:
    """Return what the publish stage needs of a parsed document; its texts are in *text_blob*."""
    manifest: dict[str, Any] = {
        "title": title,
        "kind": document.kind,
        "language": language,
        "text_blob": text_blob,
        "chars": len(document.text),
        "chunks": spans_of(chunks),
    }
    if document.notes:
        manifest["notes"] = [note_of([note]) for note in document.notes[:MOST_NOTES]]
    if document.encoding:
        manifest["encoding"] = document.encoding
    return manifest


def note_of(notes: Iterable[str]) -> str:
    """Return a parser's remarks as one line of bounded length, for a row in Redis."""
    # What is not shown need not be joined: there may be thousands.
    told = " ".join(" ".join(note.split()) for note in islice(notes, MOST_NOTES))
    return told if len(told) <= LONGEST_NOTE else told[: LONGEST_NOTE - 1].rstrip() + "\u2026"


def spans_of(chunks: Iterable[Chunk]) -> list[dict[str, Any]]:
    """Write chunks without their texts; what most of them lack is left out."""
    return [
        {"n": chunk.n, "start": chunk.start, "end": chunk.end, "page": chunk.page} | rare(chunk)
        for chunk in chunks
    ]


def stored_chunks(
    document: str,
    generation: int,
    manifest: Mapping[str, Any],
    text: str,
    metadata: Mapping[str, Value],
) -> list[StoredChunk]:
    """Cut a document's chunks out of its parsed *text*, as they are to be stored."""
    chunks = chunks_of(manifest, text)
    return [
        StoredChunk(
            chunk_id=chunk_id(document, generation, chunk.n),
            chunk=chunk,
            of=len(chunks),
            title=manifest["title"],
            metadata=metadata,
            language=manifest.get("language", ""),
        )
        for chunk in chunks
    ]


def chunks_of(manifest: Mapping[str, Any], text: str) -> list[Chunk]:
    """Cut a document's chunks out of its parsed *text*."""
    chunks: list[Chunk] = []
    end = None
    for span in manifest["chunks"]:
        before = "" if end is None else text[end : span["start"]]
        end = span["end"]
        chunks.append(
            Chunk(
                n=span["n"], start=span["start"], end=end, page=span["page"],
                text=text[span["start"] : end],
                before=before if len(before) <= MOST_BEFORE else "",
                context=span.get("context", ""),
                headers=tuple((first, last) for first, last in span.get("headers", ())),
                page_label=span.get("page_label", ""), page_kind=span.get("page_kind", ""),
                section=span.get("section", ""),
                headings=tuple((a, b, level) for a, b, level in span.get("headings", ())),
            )
        )  # fmt: skip
    return chunks
