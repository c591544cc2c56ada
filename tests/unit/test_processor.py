"""Which processors multiply int8 numbers fast, by what Linux tells of them."""

import sys
from pathlib import Path

import pytest

from workers.processor import int8_unit, multiplies_int8


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of the processor")
@pytest.mark.parametrize(
    ("cpuinfo", "expected"),
    [
        ("processor : 0\nflags\t\t: fpu avx2 avx512f avx512_vnni\n", True),
        ("processor : 0\nflags\t\t: fpu avx2 avx_vnni\n", True),
        ("processor\t: 0\nFeatures\t: fp asimd asimddp sve\n", True),
        ("processor : 0\nflags\t\t: fpu avx2 avx512f\n", False),
        ("processor : 0\nmodel name\t: avx512_vnni\n", False),
    ],
)
def test_it_is_told_by_the_flags(cpuinfo: str, expected: bool, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpuinfo)

    assert multiplies_int8(file) is expected


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of the processor")
def test_without_flags_nothing_is_promised(tmp_path: Path) -> None:
    assert not multiplies_int8(tmp_path / "none")
    assert int8_unit(tmp_path / "none") == "none"


@pytest.mark.skipif(sys.platform != "linux", reason="reads what Linux tells of the processor")
@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f avx512_vnni", "AVX512-VNNI"),
        ("fpu avx2 avx_vnni avx512_vnni", "AVX512-VNNI, AVX-VNNI"),
        ("fpu avx2 avx512f", "AVX2 only"),
        ("fpu sse4_2", "none"),
    ],
)
def test_the_unit_is_named_for_people(flags: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(f"processor : 0\nflags\t\t: {flags}\n")

    assert int8_unit(file) == expected
