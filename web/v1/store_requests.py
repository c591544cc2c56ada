"""
Reading what is asked of `/v1/vector_stores`.

What is not known is passed over; a strategy, a ranker or an operator that is not known is refused.
Source: openai-openapi 2.3.0, `CreateVectorStoreRequest`, `CreateVectorStoreFileRequest`,
`CreateVectorStoreFileBatchRequest`, `VectorStoreSearchRequest`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from intake.documents import DOCUMENT_ID, METADATA
from intake.fields import flag, number, whole
from intake.vector_stores.asked import FileToAttach, NewStore, StoreChange, StoreSearch
from rag.documents import Value
from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded
from rag.search.modes import Mode
from web.v1 import reading
from web.v1.errors import unsupported
from web.v1.filters import read_filters
from web.v1.reading import ENTRIES, NAME_CHARACTERS, TEXT_CHARACTERS

Json = dict[str, Any]

MOST_FILES: Final = 500
MOST_OF_BATCH: Final = 2_000
_MOST_QUERIES: Final = 10
_LABEL: Final = 256
_DAYS: Final = whole(1, 365)
_RESULTS: Final = whole(1, 50)
_USUAL_RESULTS: Final = 10
_THRESHOLD: Final = number(0, 1)
_TOKENS: Final = whole(100, 4_096)
_WEIGHT: Final = number(0, 2**31)
_RANKERS: Final = ("none", "auto", "default-2024-11-15")


def read_store(body: Mapping[str, Any]) -> NewStore:
    """Read a store that is to be made; raises InvalidRequest, V1Error."""
    file_ids = body.get("file_ids")
    chunking = read_chunking(body.get("chunking_strategy"))
    files = [] if file_ids is None else _ids(file_ids, "file_ids", MOST_FILES)
    return NewStore(
        label=_label(body.get("name"), "name"),
        description=_label(body.get("description"), "description", most=TEXT_CHARACTERS),
        metadata=reading.metadata(body.get("metadata")),
        expires_days=_expires(body.get("expires_after")),
        files=[FileToAttach(file_id=one, attributes={}, chunking=chunking) for one in files],
    )


def read_store_change(body: Mapping[str, Any]) -> StoreChange:
    """Read what is to change of a store; what is null is taken from it. Raises InvalidRequest."""
    fields: dict[str, str | None] = {}
    if "name" in body:
        fields["label"] = _label(body["name"], "name")
    if "description" in body:
        fields["description"] = (
            _label(body["description"], "description", most=TEXT_CHARACTERS) or None
        )
    if "metadata" in body:
        told = reading.metadata(body["metadata"])
        fields["metadata"] = orjson.dumps(told).decode()
    if "expires_after" in body:
        days = _expires(body["expires_after"])
        fields["expires_days"] = None if days is None else str(days)
    return StoreChange(fields=fields)


def read_file(body: Mapping[str, Any], where: str = "") -> FileToAttach:
    """Read a file that is to be attached; raises InvalidRequest, V1Error."""
    return FileToAttach(
        file_id=_id(body.get("file_id"), f"{where}file_id"),
        attributes=read_attributes(body.get("attributes"), f"{where}attributes"),
        chunking=read_chunking(body.get("chunking_strategy"), f"{where}chunking_strategy"),
    )


def read_batch(body: Mapping[str, Any]) -> list[FileToAttach]:
    """Read files that are to be attached together; raises InvalidRequest, V1Error."""
    file_ids, files = body.get("file_ids"), body.get("files")
    if (file_ids is None) == (files is None):
        raise InvalidRequest("file_ids", "or files must be sent: one of them, not both")
    if files is None:
        attributes = read_attributes(body.get("attributes"))
        chunking = read_chunking(body.get("chunking_strategy"))
        return [
            FileToAttach(file_id=one, attributes=attributes, chunking=chunking)
            for one in _ids(file_ids, "file_ids", MOST_OF_BATCH, least=1)
        ]
    if not isinstance(files, list) or not 1 <= len(files) <= MOST_OF_BATCH:
        raise InvalidRequest("files", f"must be a list of 1 to {MOST_OF_BATCH} files")
    for n, one in enumerate(files):
        if not isinstance(one, dict):
            raise InvalidRequest(f"files[{n}]", "must be an object with file_id")
    return [read_file(one, f"files[{n}].") for n, one in enumerate(files)]


def read_attributes(given: object, where: str = "attributes") -> dict[str, Value]:
    """Read the attributes of a file, none where null was sent; raises InvalidRequest."""
    if given is None:
        return {}
    if not isinstance(given, dict) or len(given) > ENTRIES:
        raise InvalidRequest(where, f"must be an object of at most {ENTRIES} entries")
    for name, value in given.items():
        if len(name) > NAME_CHARACTERS or not name:
            raise InvalidRequest(where, f"must have names of 1 to {NAME_CHARACTERS} characters")
        if not isinstance(value, str | int | float | bool):
            raise InvalidRequest(f"{where}.{name}", "must be a text, a number or a flag")
        if isinstance(value, str) and len(value) > TEXT_CHARACTERS:
            raise InvalidRequest(
                f"{where}.{name}", f"must have at most {TEXT_CHARACTERS} characters"
            )
    return METADATA.read(given, where)


def read_chunking(given: object, where: str = "chunking_strategy") -> tuple[int, int] | None:
    """
    Read how a file is to be cut, in tokens of a chunk and of its overlap with the next.

    None leaves it to Quern. Raises InvalidRequest, V1Error.
    """
    if given is None:
        return None
    kind = given.get("type") if isinstance(given, dict) else None
    if kind == "auto":
        return None
    if kind != "static" or not isinstance(given, dict):
        raise unsupported(f"{where}.type", "A chunking strategy is `auto` or `static`.")
    told = given.get("static")
    if not isinstance(told, dict):
        raise InvalidRequest(f"{where}.static", "must be an object")
    most = _TOKENS.read(told.get("max_chunk_size_tokens"), f"{where}.static.max_chunk_size_tokens")
    place = f"{where}.static.chunk_overlap_tokens"
    overlap = whole(0, most // 2).read(told.get("chunk_overlap_tokens"), place)
    return most, overlap


def read_search(body: Mapping[str, Any], *, most_bytes: int) -> StoreSearch:
    """Read a search of a store; raises InvalidRequest, V1Error."""
    queries = _queries(body.get("query"), most_bytes)
    most = body.get("max_num_results")
    ranking = body.get("ranking_options")
    if ranking is not None and not isinstance(ranking, dict):
        raise InvalidRequest("ranking_options", "must be an object")
    threshold, mode = _ranking(ranking or {})
    rewrite = body.get("rewrite_query")
    if rewrite is not None:
        flag().read(rewrite, "rewrite_query")
    return StoreSearch(
        queries=queries,
        most=_USUAL_RESULTS if most is None else _RESULTS.read(most, "max_num_results"),
        filters=read_filters(body.get("filters")),
        least_score=threshold,
        mode=mode,
    )


def _queries(given: object, most_bytes: int) -> list[str]:
    """Read what is searched for, each once."""
    queries = given if isinstance(given, list) else [given]
    if not 1 <= len(queries) <= _MOST_QUERIES:
        raise InvalidRequest("query", f"must be a text, or a list of 1 to {_MOST_QUERIES} texts")
    for query in queries:
        if not isinstance(query, str) or not query.strip():
            raise InvalidRequest("query", "must be a text that is not empty")
        if len(encoded(query, "query")) > most_bytes:
            raise InvalidRequest("query", f"must have at most {most_bytes} bytes")
    return list(dict.fromkeys(str(query) for query in queries))


def _ranking(told: Mapping[str, Any]) -> tuple[float, Mode]:
    """Read which passages are good enough, and by what they are found."""
    where = "ranking_options"
    if told.get("ranker") not in (None, *_RANKERS):
        raise unsupported(f"{where}.ranker", f"It must be one of: {', '.join(_RANKERS)}.")
    threshold = told.get("score_threshold")
    least = 0.0 if threshold is None else _THRESHOLD.read(threshold, f"{where}.score_threshold")
    weights = told.get("hybrid_search")
    if weights is None:
        return least, "hybrid"
    place = f"{where}.hybrid_search"
    if not isinstance(weights, dict):
        raise InvalidRequest(place, "must be an object")
    meaning, words = (
        _WEIGHT.read(weights.get(name), f"{place}.{name}")
        for name in ("embedding_weight", "text_weight")
    )
    if not meaning and not words:
        raise InvalidRequest(place, "must have a weight above 0")
    # Weights between are the installation's: see QUERN_FUSION_WEIGHT.
    return least, "hybrid" if meaning and words else "dense" if meaning else "sparse"


def _label(given: object, where: str, *, most: int = _LABEL) -> str:
    """Read what a store is called, or said to be."""
    if given is None:
        return ""
    if not isinstance(given, str) or len(given) > most:
        raise InvalidRequest(where, f"must be a text of at most {most} characters")
    encoded(given, where)
    return given


def _expires(given: object) -> int | None:
    """Read for how many days a store lasts unused."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise InvalidRequest("expires_after", "must be an object with anchor and days")
    if given.get("anchor") != "last_active_at":
        raise InvalidRequest("expires_after.anchor", "must be last_active_at")
    return _DAYS.read(given.get("days"), "expires_after.days")


def _ids(given: object, where: str, most: int, *, least: int = 0) -> Sequence[str]:
    """Read ids of files."""
    if not isinstance(given, list) or not least <= len(given) <= most:
        raise InvalidRequest(where, f"must be a list of {least} to {most} ids of files")
    return [_id(one, f"{where}[{n}]") for n, one in enumerate(given)]


def _id(given: object, where: str) -> str:
    """Read the id of a file."""
    if not isinstance(given, str) or not given:
        raise InvalidRequest(where, "must be the id of a file")
    return DOCUMENT_ID.read(given, where)  # it becomes a document, if there is such a file
