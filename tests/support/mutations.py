"""Seeded damage to small files: bytes turned, cut, doubled, and taken from elsewhere."""

import io
import random
import zipfile
from collections.abc import Iterator

from tests.support.files.office_files import zipped

_MOST = 40  # bytes that are cut or doubled
_SIGNS = (b"<", b">", b"&", b'"', b"\0", b"\xff", b"-1", b"99999999", b"{", b"}", b"\\", b"/")


def mutated(data: bytes, *, seed: int, count: int) -> Iterator[bytes]:
    """Yield *count* damaged forms of a file; of a zip archive every other has a damaged part."""
    chance = random.Random(seed)
    for n in range(count):
        inside = n % 2 and data.startswith(b"PK\x03\x04")
        yield _within(data, chance) if inside else _damaged(data, chance)


def _within(data: bytes, chance: random.Random) -> bytes:
    """Damage one part of a zip archive, whose sums stay right."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = chance.choice(sorted(name for name, body in parts.items() if body))
    return zipped(parts | {name: _damaged(parts[name], chance)})


def _damaged(data: bytes, chance: random.Random) -> bytes:
    """Damage bytes in one to three ways."""
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(max(len(data), 1))
        end = min(at + chance.randint(1, _MOST), len(data))
        match chance.randrange(6):
            case 0:
                turned = bytes(byte ^ (1 << chance.randrange(8)) for byte in data[at : at + 1])
                data = data[:at] + turned + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:]
            case 3:
                data = data[:at] + chance.choice(_SIGNS) + data[at:]
            case 4:
                other = chance.randrange(max(len(data), 1))
                data = data[:at] + data[other : other + end - at] + data[end:]
            case _:
                data = data[: max(at, len(data) // 2)]
    return data
