"""What this machine's processor can do."""

import platform
import sys
from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")
#: Instructions that multiply int8 numbers and sum them up in one step: x86 and Arm.
_INT8_PRODUCTS: Final = frozenset({"avx512_vnni", "avx_vnni", "asimddp"})


def multiplies_int8(cpuinfo: Path = _CPUINFO) -> bool:
    """
    Tell whether this processor has instructions for int8 products.

    Without them int8 is hardly faster than float32, and on x86 its 16-bit sums may overflow.
    """
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return False
    flags = (line.partition(":") for line in lines)
    return any(
        name.strip() in ("flags", "Features") and not _INT8_PRODUCTS.isdisjoint(words.split())
        for name, _, words in flags
    )
