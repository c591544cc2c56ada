"""Values that documents bear and filters compare with: texts, numbers, and true or false."""

import math
from typing import Final

from rag.documents import Scalar
from rag.errors import InvalidRequest

MAX_TEXT: Final = 1_000  # code points of a text


def check_scalar(given: object, where: str, *, kinds: str) -> Scalar:
    """
    Check a value of JSON: a text, a finite number of at most 64 bits, true or false.

    Raises:
        InvalidRequest: Names *where* it stands, and what is wrong; of another kind it says *kinds*.
    """
    if not isinstance(given, str | int | float | bool):
        raise InvalidRequest(where, kinds)
    if isinstance(given, str):
        if len(given) > MAX_TEXT:
            raise InvalidRequest(where, f"must have at most {MAX_TEXT} characters")
        encoded(given, where)
    elif isinstance(given, float):
        if not math.isfinite(given):
            raise InvalidRequest(where, "must be finite")
    elif not -(2**63) <= given < 2**63:
        raise InvalidRequest(where, "must fit into 64 bits")
    return given


def encoded(text: str, where: str) -> bytes:
    """Encode text as UTF-8; raises InvalidRequest for lone surrogates, which JSON can carry."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(where, "must be valid Unicode: it holds a lone surrogate") from error
