"""What this machine's processor can do."""

import platform
import sys
from pathlib import Path
from typing import Final

_CPUINFO: Final = Path("/proc/cpuinfo")
#: Flag of /proc/cpuinfo → the instructions that ONNX Runtime multiplies int8 numbers with, best
#: first. All give the same sums (`adapters/embedding_models/onnx_graph.py`); they differ in speed.
_UNITS: Final = {
    "avx512_vnni": "AVX512-VNNI",
    "avx_vnni": "AVX-VNNI",
    "i8mm": "Arm I8MM",
    "asimddp": "Arm dot product",
    "avx512bw": "AVX-512",
    "avx2": "AVX2",
    "asimd": "Arm NEON",
}
OTHER: Final = "plain instructions"


def integer_unit(cpuinfo: Path = _CPUINFO) -> str:
    """Return the best instructions for int8 products that this processor has, by their name."""
    if sys.platform == "darwin":
        return "Arm dot product" if platform.machine() == "arm64" else OTHER
    try:
        lines = cpuinfo.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return OTHER
    fields = (line.partition(":") for line in lines)
    flags = {
        flag
        for name, _, words in fields
        if name.strip() in ("flags", "Features")
        for flag in words.split()
    }
    return next((unit for flag, unit in _UNITS.items() if flag in flags), OTHER)
