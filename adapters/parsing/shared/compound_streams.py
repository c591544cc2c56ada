"""Streams of OLE compound files, read without trust in the lengths that they declare."""

import os
from collections.abc import Sequence

import olefile


def stream(ole: olefile.OleFileIO, path: Sequence[str]) -> bytes:
    """
    Return a stream of an open compound file; empty where there is none.

    Raises:
        ValueError: It says that it is longer than the whole file. Chains of sectors may run in
            circles, and olefile follows one for as long as the declared length lasts.
    """
    names = list(path)
    if not ole.exists(names):
        return b""
    if ole.get_size(names) > ole.fp.seek(0, os.SEEK_END):
        raise ValueError("a stream that is longer than its file")
    return bytes(ole.openstream(names).read())
