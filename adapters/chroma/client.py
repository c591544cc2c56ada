"""A client of Chroma's server: the calls made here, by plain HTTP over kept connections."""

import base64
import http.client
import socket
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode, urlsplit

import numpy as np
import orjson

from rag.documents import Scalar
from rag.ports import Vectors
from runtime.turns import aside

#: Longer than any search; a server that hangs is asked no more.
SEARCH_S: Final = 30.0
#: Longer than any other call, which may have to wait until the server has put what was written
#: before into its indexes. Half of what a document may take, so that another attempt has time.
CALL_S: Final = 300.0

_ROOT: Final = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_HEADERS: Final = {"Content-Type": "application/json"}


class NoCollection(Exception):
    """Raised when the server has no such collection, any more or at all."""


@dataclass(frozen=True, slots=True)
class Collection:
    """
    What the server says of a collection.

    Args:
        id: By which its rows are reached, until it is dropped.

        name: By which it is found.

        hnsw: The settings of its graph.

        metadata: What was written beside it.
    """

    id: str
    name: str
    hnsw: Mapping[str, Any]
    metadata: Mapping[str, Any]


class ChromaClient:
    """
    Asks a Chroma server, API v2, over one connection per thread, kept open.

    Chroma's own client takes three times as long to ask, and with all that it imports half a
    second of each start and 30 to 40 MB of each process. Every call may be sent twice, and is,
    where the server had closed the connection meanwhile.

    All calls raise OSError or http.client.HTTPException where the server does not answer, or
    refuses; those about a collection NoCollection where it is gone.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._root = self._address.path.rstrip("/") + _ROOT
        self._kept = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()

    def close(self) -> None:
        """Close the connections of all threads; a later call opens another."""
        with self._lock:
            connections, self._open = self._open, set()
            self._kept = threading.local()
        for connection in connections:
            connection.close()

    def make(self, name: str, hnsw: Mapping[str, Any]) -> Collection:
        """Make a collection, or return the one that exists, whatever settings that has."""
        # As Chroma's client says that vectors are given and made by nobody there.
        configuration = {"hnsw": hnsw, "embedding_function": {"type": "legacy"}}
        wanted = {"name": name, "configuration": configuration, "get_or_create": True}
        return _collection(self._ask("POST", "", wanted))

    def find(self, name: str) -> Collection:
        """Return the collection called *name*."""
        return _collection(self._ask("GET", f"/{quote(name, safe='')}"))

    def page(self, *, limit: int, offset: int) -> list[Collection]:
        """Return a page of all collections."""
        query = urlencode({"limit": limit, "offset": offset})
        return [_collection(told) for told in self._ask("GET", f"?{query}")]

    def describe(self, collection: Collection, metadata: Mapping[str, str]) -> None:
        """Write *metadata* beside a collection, in place of what was there."""
        self._ask("PUT", f"/{collection.id}", {"new_metadata": metadata})

    def drop(self, name: str) -> None:
        """Remove a collection."""
        self._ask("DELETE", f"/{quote(name, safe='')}")

    def upsert(
        self,
        collection: Collection,
        *,
        ids: Sequence[str],
        vectors: Vectors,
        texts: Sequence[str],
        metadata: Sequence[Mapping[str, Scalar]],
    ) -> None:
        """Write rows under their ids, replacing equal ids."""
        packed = np.asarray(vectors, dtype="<f4")
        rows = {
            "ids": ids,
            "embeddings": [base64.b64encode(row.tobytes()).decode() for row in packed],
            "documents": texts,
            "metadatas": metadata,
        }
        self._ask("POST", f"/{collection.id}/upsert", rows)

    def get(
        self,
        collection: Collection,
        *,
        ids: Sequence[str] | None = None,
        include: Sequence[str] = (),
        limit: int | None = None,
        offset: int | None = None,
    ) -> dict[str, Any]:
        """
        Return columns of rows: `ids`, and those that *include* names.

        Args:
            collection: Where to look.

            ids: Of the rows; None means all.

            include: `documents`, `metadatas`, `embeddings`.

            limit: How many rows at most.

            offset: How many are left out before them.
        """
        asked = {"ids": ids, "include": include, "limit": limit, "offset": offset}
        found: dict[str, Any] = self._ask("POST", f"/{collection.id}/get", asked)
        return found

    def delete(self, collection: Collection, ids: Sequence[str]) -> None:
        """Remove rows; ids that do not exist are ignored."""
        self._ask("POST", f"/{collection.id}/delete", {"ids": ids})

    def count(self, collection: Collection) -> int:
        """Return how many rows there are."""
        return int(self._ask("GET", f"/{collection.id}/count?read_level=index_and_wal"))

    def nearest(
        self,
        collection: Collection,
        vector: Vectors,
        *,
        limit: int,
        where: Mapping[str, Any] | None = None,
    ) -> list[tuple[str, float]]:
        """
        Return (id, distance) of the nearest rows, best first.

        Args:
            collection: Where to look.

            vector: Of shape (dimension,).

            limit: How many at most.

            where: Chroma's own filter.
        """
        asked: dict[str, Any] = {
            "query_embeddings": [vector],
            "n_results": limit,
            "include": ["distances"],
        }
        if where:
            asked["where"] = where
        found = self._ask("POST", f"/{collection.id}/query", asked, timeout_s=SEARCH_S)
        return list(zip(found["ids"][0], found["distances"][0], strict=True))

    def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        timeout_s: float = CALL_S,
    ) -> Any:
        """Make one call and return its JSON."""
        packed = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        with aside():
            status, answer = self._send(method, self._root + path, packed, timeout_s)
        if status == HTTPStatus.NOT_FOUND:
            raise NoCollection
        if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            # Without its words, which may quote a filter or a document.
            raise http.client.HTTPException(f"Chroma refuses with {status}")
        return orjson.loads(answer)

    def _send(
        self, method: str, path: str, body: bytes | None, timeout_s: float
    ) -> tuple[int, bytes]:
        """Ask on the thread's connection; once more where the server had closed it meanwhile."""
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is not None and kept.sock is not None:
            try:
                return self._converse(kept, method, path, body, timeout_s)
            except (ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest):
                pass  # whatever came of it, once more does no harm
        return self._converse(self._connect(), method, path, body, timeout_s)

    def _converse(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        timeout_s: float,
    ) -> tuple[int, bytes]:
        """Send one request; a connection that failed is not used again."""
        try:
            connection.sock.settimeout(timeout_s)
            connection.request(method, path, body, _HEADERS)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except BaseException:
            connection.close()
            self._kept.connection = None
            with self._lock:
                self._open.discard(connection)
            raise

    def _connect(self) -> http.client.HTTPConnection:
        """Open a connection for this thread."""
        kind = (
            http.client.HTTPSConnection
            if self._address.scheme == "https"
            else http.client.HTTPConnection
        )
        connection = kind(
            self._address.hostname or "127.0.0.1", self._address.port, timeout=SEARCH_S
        )
        connection.connect()
        # Headers and body are two writes: without this the second waits for the first's answer.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        self._kept.connection = connection
        return connection


def _collection(told: Mapping[str, Any]) -> Collection:
    """Read what the server says of a collection."""
    return Collection(
        id=told["id"],
        name=told["name"],
        hnsw=told["configuration_json"].get("hnsw") or {},
        metadata=told["metadata"] or {},
    )
