"""The files of a tantivy index: whether those of its last commit are there and whole."""

import contextlib
import json
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

from adapters.local_index.errors import IndexInUse, IndexUnusable

SEGMENT_FILES = 6  # of a segment at least: terms, postings, positions, fast, lengths, store


def check_present(path: Path) -> None:
    """Look whether every segment of the last commit still has its files, none of them empty."""
    for segment, files in _committed(path):
        sizes = [file.stat().st_size for file in files]
        if len(sizes) < SEGMENT_FILES or not all(sizes):
            raise IndexUnusable(f"{path} lacks files of segment {segment}")


def check_files(path: Path) -> None:
    """
    Compare each file of the last commit with the CRC-32 in its footer.

    tantivy writes the footer (`body | json | length | magic`) but checks the sum only on request,
    which its Python binding does not offer; an unnoticed activated bit would be a wrong ranking.
    """
    for _, files in _committed(path):
        for file in files:
            data = memoryview(file.read_bytes())
            (length,) = struct.unpack("<I", data[-8:-4])
            end = len(data) - 8 - length
            footer = json.loads(bytes(data[end:-8]))
            if zlib.crc32(data[:end]) != footer["crc"]:
                raise IndexUnusable(f"{file} is corrupt: its checksum is wrong")


@contextlib.contextmanager
def refusals(path: Path | None = None) -> Iterator[None]:
    """Turn tantivy's refusals, which are all ValueErrors, into ours."""
    where = f"{path}: " if path else ""
    try:
        yield
    except (ValueError, OSError, KeyError, struct.error) as error:
        if "LockBusy" in str(error):
            raise IndexInUse(f"{where}another process is writing this index") from error
        raise IndexUnusable(f"{where}{error}") from error
    except BaseException as error:
        # A Rust panic passes by `Exception`, and its class cannot be imported.
        if type(error).__name__ == "PanicException":
            raise IndexUnusable(f"{where}{error}") from error
        raise


def _committed(path: Path) -> Iterator[tuple[str, list[Path]]]:
    """Yield each segment of the last commit with its files."""
    meta = json.loads((path / "meta.json").read_text())
    for segment in meta["segments"]:
        name = segment["segment_id"].replace("-", "")
        deletes = segment["deletes"] and f"{name}.{segment['deletes']['opstamp']}.del"
        # A commit that was killed leaves deletes of its own, perhaps half written, unread by all.
        yield (
            name,
            [
                file
                for file in path.glob(f"{name}.*")
                if file.suffix != ".del" or file.name == deletes
            ],
        )
