"""What multiplies int8 numbers here, by what Linux tells of the processor."""

import sys
from pathlib import Path

import pytest

from adapters.embedding_models.processor import OTHER, integer_unit


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of the processor")
@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512bw avx512_vnni\n", "AVX512-VNNI"),
        ("processor : 0\nflags\t\t: fpu avx2 avx_vnni\n", "AVX-VNNI"),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp sve\n", "Arm dot product"),
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512bw\n", "AVX-512"),
        ("processor : 0\nflags\t\t: fpu avx avx2\n", "AVX2"),
        ("processor : 0\nmodel name\t: avx512_vnni\n", OTHER),
    ],
)
def test_it_is_told_by_the_flags(cpuinfo: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)

    assert integer_unit(file) == expected


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of the processor")
def test_without_flags_nothing_is_promised(tmp_path: Path) -> None:
    assert integer_unit(tmp_path / "none") == OTHER
