"""Room on the disk: nothing is accepted that would fill it."""

from typing import Final

from corpus.blobs import BlobStore
from intake.errors import DiskFull

#: A file's text, chunks, vectors and words take about as much again as the file.
_TIMES: Final = 2


class DiskRoom:
    """
    Refuse new work while the disk that keeps the data has no room for it.

    Args:
        floor_mb: So much stays free, MB: what was accepted is finished in it, and Redis and Chroma
            write there too. Below it `/readyz` says no.
    """

    def __init__(self, blobs: BlobStore, *, floor_mb: int) -> None:
        self._blobs = blobs
        self._floor_mb = floor_mb

    def check(self, size: int = 0) -> None:
        """
        Look whether there is room for *size* bytes and what is made of them.

        Raises:
            DiskFull: There is none.

            StoreUnavailable: The disk is away.
        """
        free = self._blobs.free_bytes()
        if free - _TIMES * size < self._floor_mb * 1_000_000:
            raise DiskFull(
                f"The disk of the data folder has {free // 1_000_000} MB left, and "
                f"{self._floor_mb} MB (QUERN_HEALTH_DISK_FLOOR_MB) stay free. Make room there, or "
                "delete documents that nobody needs"
            )
