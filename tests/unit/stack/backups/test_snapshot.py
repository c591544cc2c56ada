"""A snapshot as servers send it: with its length, or up to a mark; and what is none."""

import hashlib
import io
from pathlib import Path

import pytest

from rag.errors import Broken
from stack.backups.snapshot import receive

DATA = bytes(range(256)) * 9_000
MARK = b"0123456789abcdef0123456789abcdef01234567"


class Dripping(io.BytesIO):
    """Gives few bytes at a time, as a socket may."""

    def read1(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 7, 7))

    def read(self, size: int | None = -1) -> bytes:
        return super().read(min(size or 4_099, 4_099))


@pytest.mark.parametrize(
    "sent",
    [b"$%d\r\n%s" % (len(DATA), DATA), b"\n\n\n$%d\r\n%s*1\r\n$4\r\nPING\r\n" % (len(DATA), DATA)],
)
def test_a_snapshot_with_a_length_is_that_long_whatever_follows(
    tmp_path: Path, sent: bytes
) -> None:
    told: list[tuple[int, int | None]] = []

    digest = receive(Dripping(sent), tmp_path / "s", told=lambda *how_far: told.append(how_far))

    assert digest == hashlib.sha256(DATA).hexdigest()
    assert (tmp_path / "s").read_bytes() == DATA
    assert told[-1] == (len(DATA), len(DATA))
    assert (tmp_path / "s").stat().st_mode & 0o077 == 0


def test_a_snapshot_without_a_length_ends_at_its_mark(tmp_path: Path) -> None:
    short = DATA[:1_000]

    digest = receive(
        Dripping(b"$EOF:" + MARK + b"\r\n" + short + MARK), tmp_path / "s", told=lambda *_: None
    )

    assert digest == hashlib.sha256(short).hexdigest()
    assert (tmp_path / "s").read_bytes() == short


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b"-NOPERM this user has no permissions\r\n", "NOPERM this user has no permissions"),
        (b"", "it closed the connection"),
        (b"$1000\r\nabc", "ended after 3 of 1000 bytes"),
        (b"$EOF:" + MARK + b"\r\nabc", "ended after"),
    ],
)
def test_half_a_snapshot_is_none_and_the_servers_reason_is_told(
    tmp_path: Path, sent: bytes, told: str
) -> None:
    with pytest.raises(Broken, match=told):
        receive(Dripping(sent), tmp_path / "s", told=lambda *_: None)

    assert not (tmp_path / "s").exists()
