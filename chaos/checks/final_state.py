"""What a service shows once all work has ended: documents listed, found, and in Chroma."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx
from redis import Redis

from benchmarks.running.service import entries
from chaos.caller import Caller, GaveUp
from chaos.texts import REVISION, every_chunk_of, revisions_of
from protocol.keys import key
from protocol.timings import COLLECT_GARBAGE_S, GARBAGE_MS

MODES: Final = ("dense", "sparse", "hybrid")
#: Replaced chunks are deleted after this: they wait, and the collector comes by now and then.
GARBAGE_S: Final = GARBAGE_MS / 1000 + 6 * COLLECT_GARBAGE_S
#: How long a replica may need to be whole again.
WHOLE_S: Final = 60.0
PAGE: Final = 1_000
_CHROMA: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"


@dataclass(frozen=True, slots=True)
class FinalState:
    """
    What is there at the end.

    Args:
        index: The revision of each document that is listed; -1 for a text that has several.

        chunks: How many chunks of it the list shows.

        found: For each way to search, the revisions and the count of chunks of each document that
            was ever written.

        extra_rows, missing_rows: Rows of Chroma that the catalogue does not know, and the other
            way round.
    """

    index: Mapping[str, int]
    chunks: Mapping[str, int] = field(default_factory=dict)
    found: Mapping[str, Mapping[str, tuple[tuple[int, ...], int]]] = field(default_factory=dict)
    extra_rows: tuple[str, ...] = ()
    missing_rows: tuple[str, ...] = ()


def final_state(
    api: Caller, collection: str, documents: list[str], *, redis: Redis, chroma_url: str
) -> FinalState:
    """
    Look at everything, once the garbage has been collected.

    Args:
        api: Of the service.

        collection: Its name.

        documents: Every document that was ever written.

        redis: The queue's, which decodes.

        chroma_url: Of the vector store.
    """
    path = f"/api/collections/{collection}/documents"
    listed = list(entries(lambda given: api.call("GET", path, parameters=given) or {}, "documents"))
    index = {}
    for document in (one["document_id"] for one in listed):
        text = (api.call("GET", f"{path}/{document}/text") or {}).get("text", "")
        found = {int(number) for _, number in REVISION.findall(text)}
        index[document] = found.pop() if len(found) == 1 else -1
    searched = {
        mode: {document: _search(api, collection, document, mode) for document in documents}
        for mode in MODES
    }
    extra, missing = _compared(redis, collection, chroma_url)
    chunks = {one["document_id"]: one["chunks"] for one in listed}
    return FinalState(index, chunks, searched, extra, missing)


def _search(api: Caller, collection: str, document: str, mode: str) -> tuple[tuple[int, ...], int]:
    """Return what is found of a document, once no retriever is left out."""
    body = every_chunk_of(document, collection) | {"mode": mode}
    end = time.monotonic() + WHOLE_S
    while found := api.call("POST", "/api/search", body=body):
        if not found["degraded"]:
            texts = [hit["text"] for hit in found["results"]]
            return revisions_of(document, texts), len(texts)
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    raise GaveUp(f"POST /api/search ({mode})")


def _compared(
    redis: Redis, collection: str, chroma_url: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which rows Chroma has beside those of the catalogue, and which it lacks."""
    end = time.monotonic() + GARBAGE_S
    with httpx.Client(base_url=chroma_url, timeout=30.0, trust_env=False) as chroma:
        while True:
            wanted, there = _wanted_rows(redis, collection), _rows(redis, collection, chroma)
            if wanted == there or time.monotonic() > end:
                return tuple(sorted(there - wanted)), tuple(sorted(wanted - there))
            time.sleep(1.0)


def _wanted_rows(redis: Redis, collection: str) -> set[str]:
    """Return the names of the rows of every current document: `document:generation:n`."""
    collection_id = redis.hget(key("collections"), collection)
    rows = set()
    for document, current in redis.hgetall(key("current", collection_id)).items():
        generation, chunks, _ = current.split(":", 2)
        rows |= {f"{document}:{generation}:{number}" for number in range(int(chunks))}
    return rows


def _rows(redis: Redis, collection: str, chroma: httpx.Client) -> set[str]:
    """Return the names of the rows that Chroma has."""
    collection_id = redis.hget(key("collections"), collection)
    vectors = redis.hget(key("collection", collection_id), "edition") or collection_id
    shown = _asked(chroma.get(f"{_CHROMA}/{vectors}"))
    rows: set[str] = set()
    while True:
        body = {"limit": PAGE, "offset": len(rows), "include": []}
        page = _asked(chroma.post(f"{_CHROMA}/{shown['id']}/get", json=body))["ids"]
        rows.update(page)
        if len(page) < PAGE:
            return rows


def _asked(response: httpx.Response) -> dict[str, Any]:
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
