"""
Reading what is asked of `/v1/batches`, and the requests in the lines of a batch's file.

A window shorter than OpenAI's only one, `24h`, may be asked for: `90s`, `30m`, `6h`.
Source: openai-openapi 2.3.0, `/batches`; openai-python 3.57, `batches.create`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from intake.fields import text, whole
from intake.v1.asking import Asked
from intake.v1.batches.batch import ENDPOINTS, BatchRequest, Endpoint
from intake.v1.embeddings import EmbeddingsAsked
from intake.v1.errors import Missing, Refused
from intake.v1.response_request import ResponseRequest
from rag.errors import InvalidRequest
from web.v1 import reading
from web.v1.chat_requests import read_chat
from web.v1.embedding_requests import read_embeddings
from web.v1.errors import V1Error, unsupported
from web.v1.response_requests import read_response

Json = dict[str, Any]

_WINDOW: Final = re.compile(r"([1-9]\d{0,5})([smh])")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600}
_DAY_S: Final = 86_400
#: How long the files of a batch may be asked to be kept, seconds.
_KEPT_S: Final = whole(3_600, 2_592_000)
_NOT_FOUND: Final = 404


def read_batch(body: Mapping[str, Any]) -> BatchRequest:
    """
    Read a request.

    Raises:
        InvalidRequest, V1Error: Name the field and what it should hold.
    """
    endpoint = body.get("endpoint")
    if endpoint not in ENDPOINTS:
        raise unsupported("endpoint", f"It must be one of: {', '.join(ENDPOINTS)}.")
    window = body.get("completion_window")
    given = body.get("metadata")
    return BatchRequest(
        input_file_id=text(200).read(body.get("input_file_id"), "input_file_id"),
        endpoint=endpoint,
        completion_window=str(window),
        window_s=_window_s(window),
        metadata=None if given is None else reading.metadata(given),
        output_s=_kept_s(body.get("output_expires_after")),
    )


def read_line(endpoint: Endpoint, body: Json) -> Asked | ResponseRequest | EmbeddingsAsked:
    """
    Read the request of a line.

    Raises:
        InvalidRequest, Refused: Name the field and what it should hold.
    """
    try:
        match endpoint:
            case "/v1/chat/completions":
                return read_chat(body).asked
            case "/v1/responses":
                return read_response(body)
            case _:
                return read_embeddings(body)
    except V1Error as error:
        kind = Missing if error.status == _NOT_FOUND else Refused
        raise kind(error.detail, param=error.param, code=error.code) from error


def _window_s(given: object) -> int:
    """Read how long a batch may take."""
    found = _WINDOW.fullmatch(given) if isinstance(given, str) else None
    seconds = int(found[1]) * _SECONDS[found[2]] if found else 0
    if not 0 < seconds <= _DAY_S:
        raise InvalidRequest("completion_window", "must be 24h, or shorter, as 90s, 30m or 6h")
    return seconds


def _kept_s(given: object) -> int | None:
    """Read how long the files of a batch are to be kept."""
    if given is None:
        return None
    where = "output_expires_after"
    if not isinstance(given, dict) or given.get("anchor") != "created_at":
        raise InvalidRequest(f"{where}.anchor", "must be created_at")
    return _KEPT_S.read(given.get("seconds"), f"{where}.seconds")
