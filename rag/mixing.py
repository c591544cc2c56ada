"""
Which embedders' vectors may stand in one collection, by measurement.

Two engines that compute one model make vectors of nearly the same direction. Whether they rank
alike is measured, not assumed: nDCG@10 of a collection that is half one's, half the other's, and of
one's questions on the other's passages (docs/decisions/0035).
"""

from typing import Final

_REVISION: Final = "1110a243fdf4706b3f48f1d95db1a4f5529b4d41"

#: Sets of (model, revision, engine): inside one, vectors may be compared.
_MIX: Final = (
    frozenset(
        ("all-MiniLM-L6-v2", _REVISION, engine)
        for engine in (
            "sentence-transformers-fp32:pooling+normalize",  # and float32 on ONNX Runtime
            "onnxruntime-int8-353252f0:mean+normalize",
            # Made with weights from -127 to 127, on processors with int8 instructions only.
            "onnxruntime-int8-cb428ae9:mean+normalize",
        )
    ),
)


def may_mix(one: tuple[str, str, str], other: tuple[str, str, str]) -> bool:
    """Return True if vectors of two (model, revision, engine) may be compared."""
    return one == other or any({one, other} <= mixed for mixed in _MIX)
