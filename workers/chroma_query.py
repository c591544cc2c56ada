"""A search on a Chroma server by plain HTTP: its own client takes three times as long to ask."""

import http.client
import socket
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import orjson
from chromadb.errors import NotFoundError

from rag.ports import Vectors

#: Longer than any search; a server that hangs is asked no more.
TIMEOUT_S: Final = 30.0

_HEADERS: Final = {"Content-Type": "application/json"}


class ChromaQueries:
    """
    Asks for nearest neighbours over one connection per thread, kept open.

    Speaks `POST …/collections/{id}/query` of Chroma's API v2, as its own client does.

    Args:
        url: Of the server.
    """

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._kept = threading.local()
        self._lock = threading.Lock()
        self._open: set[http.client.HTTPConnection] = set()

    def close(self) -> None:
        """Close the connections of all threads; a later question opens another."""
        with self._lock:
            connections, self._open = self._open, set()
            self._kept = threading.local()
        for connection in connections:
            connection.close()

    def nearest(
        self,
        collection: Any,
        vector: Vectors,
        *,
        limit: int,
        where: Mapping[str, Any] | None = None,
    ) -> list[tuple[str, float]]:
        """
        Return (id, distance) of the nearest rows, best first.

        Args:
            collection: The handle that Chroma's client gives.

            vector: Of shape (dimension,).

            limit: How many at most.

            where: Chroma's own filter.

        Raises:
            NotFoundError: The collection is gone.

            OSError, http.client.HTTPException: The server does not answer, or refuses.
        """
        asked: dict[str, Any] = {
            "query_embeddings": [vector],
            "n_results": limit,
            "include": ["distances"],
        }
        if where:
            asked["where"] = where
        body = orjson.dumps(asked, option=orjson.OPT_SERIALIZE_NUMPY)
        path = (
            f"{self._address.path.rstrip('/')}/api/v2/tenants/{collection.tenant}"
            f"/databases/{collection.database}/collections/{collection.id}/query"
        )
        status, answer = self._post(path, body)
        if status == HTTPStatus.NOT_FOUND:
            raise NotFoundError("no such collection")
        if status != HTTPStatus.OK:
            # Without its words, which may quote the filter.
            raise http.client.HTTPException(f"Chroma refuses with {status}")
        found = orjson.loads(answer)
        return list(zip(found["ids"][0], found["distances"][0], strict=True))

    def _post(self, path: str, body: bytes) -> tuple[int, bytes]:
        """Ask on the thread's connection; once more where the server had closed it meanwhile."""
        kept: http.client.HTTPConnection | None = getattr(self._kept, "connection", None)
        if kept is not None:
            try:
                return self._ask(kept, path, body)
            except (ConnectionError, http.client.BadStatusLine, http.client.CannotSendRequest):
                pass  # a search asks nothing of the server's state, so it may be sent twice
        return self._ask(self._connect(), path, body)

    def _ask(
        self, connection: http.client.HTTPConnection, path: str, body: bytes
    ) -> tuple[int, bytes]:
        """Send one request; a connection that failed is not used again."""
        try:
            connection.request("POST", path, body, _HEADERS)
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
            self._address.hostname or "127.0.0.1", self._address.port, timeout=TIMEOUT_S
        )
        connection.connect()
        # Headers and body are two writes: without this the second waits for the first's answer.
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open.add(connection)
        self._kept.connection = connection
        return connection
