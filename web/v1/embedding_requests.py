"""
Reading what is asked of `/v1/embeddings`.

What is not known is passed over. Source: openai-openapi 2.3.0, `CreateEmbeddingRequest`.
"""

from collections.abc import Mapping
from typing import Any, Final

from intake.fields import Field, Fields, choice, flag, nullable, text, whole
from intake.v1.embeddings import EmbeddingsAsked
from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded
from web.v1.errors import unsupported

#: As many texts as OpenAI lets be sent together.
_MOST_TEXTS: Final = 2_048
_FIELDS: Final = Fields(
    {
        "model": Field(nullable(text(200))),
        "encoding_format": Field(nullable(choice("float", "base64"), empty="float")),
        "dimensions": Field(nullable(whole(1, 100_000))),
        "truncate": Field(nullable(flag(), empty=False)),
    }
)


def read_embeddings(body: Mapping[str, Any]) -> EmbeddingsAsked:
    """
    Read a request.

    Raises:
        InvalidRequest, V1Error: Name the field and what it should hold.
    """
    known = _FIELDS.read({name: body.get(name) for name in _FIELDS.properties})
    return EmbeddingsAsked(
        texts=_texts(body.get("input")),
        model=known["model"],
        truncate=known["truncate"],
        as_base64=known["encoding_format"] == "base64",
        dimensions=known["dimensions"],
    )


def _texts(given: object) -> list[str]:
    """Read what is to be embedded: a text, or a list of texts; raises InvalidRequest, V1Error."""
    texts = [given] if isinstance(given, str) else given
    if not isinstance(texts, list) or not 0 < len(texts) <= _MOST_TEXTS:
        raise InvalidRequest("input", f"must be a text, or a list of 1 to {_MOST_TEXTS} texts")
    for n, one in enumerate(texts):
        where = "input" if isinstance(given, str) else f"input[{n}]"
        if isinstance(one, int | list):
            raise unsupported(where, "Lists of tokens are not supported; send texts.")
        if not isinstance(one, str) or not one.strip():
            raise InvalidRequest(where, "must be a text that is not empty")
        encoded(one, where)
    return texts
