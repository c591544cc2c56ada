"""
Vectors, as `/v1` shows them: as numbers, or as their bytes.

Source: openai-openapi 2.3.0, `CreateEmbeddingResponse`.
"""

import base64
import struct
from typing import Any

from intake.v1.embeddings import Embedded


def embeddings_object(found: Embedded, *, as_base64: bool) -> dict[str, Any]:
    """Show vectors, as numbers or as their bytes."""
    told: list[str] | list[list[float]] = (
        [base64.b64encode(vector).decode() for vector in found.vectors]
        if as_base64
        else [list(struct.unpack(f"<{len(vector) // 4}f", vector)) for vector in found.vectors]
    )
    return {
        "object": "list",
        "data": [
            {"object": "embedding", "index": n, "embedding": one} for n, one in enumerate(told)
        ],
        "model": found.model,
        "usage": {"prompt_tokens": found.tokens, "total_tokens": found.tokens},
    }
