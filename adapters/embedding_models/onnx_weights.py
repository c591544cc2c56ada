"""The weights of an ONNX graph in a file beside it, which all processes map and none copies."""

from typing import Final

#: Smaller ones stay in the graph.
_SMALLEST: Final = 2**16
#: Where a page begins, on all processors that are likely.
_PAGE: Final = 2**16


def apart(graph: bytes, file: str) -> tuple[bytes, bytes]:
    """
    Return a graph without its larger weights, and these, to be kept beside it as *file*.

    ONNX Runtime copies what is inside a graph into each process, and maps what lies beside it: the
    word embeddings, two thirds of a form, are then in memory once, and as far as they are used.
    """
    import onnx  # noqa: PLC0415 - only needed while a form is made

    model = onnx.load_from_string(graph)
    weights = bytearray()
    for constant in model.graph.initializer:
        size = len(constant.raw_data)
        if size < _SMALLEST:
            continue
        weights += bytes(-len(weights) % _PAGE)
        where = {"location": file, "offset": len(weights), "length": size}
        weights += constant.raw_data
        constant.ClearField("raw_data")
        constant.data_location = onnx.TensorProto.EXTERNAL
        for key, value in where.items():
            constant.external_data.add(key=key, value=str(value))
    content: bytes = model.SerializeToString(deterministic=True)
    return content, bytes(weights)
