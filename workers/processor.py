"""What this machine's processor can do."""

import platform
import sys
from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")
#: Instructions that multiply int8 numbers and sum them up in one step, x86 and Arm, by their flags.
_INT8_PRODUCTS: Final = {
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "asimddp": "Arm dot product",
}


def multiplies_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """
    Tell whether this processor has instructions for int8 products.

    Without them int8 is hardly faster than float32, and on x86 its 16-bit sums may overflow.
    """
    return not _INT8_PRODUCTS.keys().isdisjoint(_flags(cpuinfo))


def int8_unit(cpuinfo: Path = _CPUINFO) -> str:
    """Name the instructions for int8 products that this processor has, or what it has instead."""
    flags = _flags(cpuinfo)
    names = [name for flag, name in _INT8_PRODUCTS.items() if flag in flags]
    return ", ".join(names) or ("AVX2 only" if "avx2" in flags else "none")


def _flags(cpuinfo: Path) -> frozenset[str]:
    """Return what the system tells of the processor, in Linux' words; nothing where it does not."""
    if sys.platform == "darwin":
        return frozenset({"asimddp"} if platform.machine() == "arm64" else ())
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return frozenset()
    parts = (line.partition(":") for line in lines)
    return frozenset(
        flag
        for name, _, words in parts
        if name.strip() in ("flags", "Features")
        for flag in words.split()
    )
