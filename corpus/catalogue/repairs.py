"""Repairs: what a check writes into a catalogue that has lost entries, records or collections."""

from collections.abc import Mapping
from typing import Any

import orjson
from redis import Redis

from corpus.catalogue.generations import Current
from corpus.catalogue.records import packed
from protocol.keys import key
from protocol.scripts import Scripts


class Repairs:
    """Restore what was lost, or withdraw it; each repair is one script."""

    def __init__(self, redis: Redis, scripts: Scripts) -> None:
        self._redis = redis
        self._run = scripts

    def restore(self, collection_id: str, record: Mapping[str, Any]) -> bool:
        """
        Write the entry of a document that the catalogue lost, and its record.

        Return False, and write nothing, where another generation is current, or on its way to the
        garbage.
        """
        told = orjson.dumps(packed(record)).decode()
        return bool(
            self._run(
                "restore", collection_id, record["document_id"], record["generation"],
                record["chunks"], told,
            )[0]
        )  # fmt: skip

    def withdraw(self, collection_id: str, document: str, current: Current) -> bool:
        """
        Take a document of which parts are lost out of every search.

        Return False, and change nothing, where *current* is not what is current.
        """
        return bool(
            self._run("withdraw", collection_id, document, current.generation, current.chunks)[0]
        )

    def distrust(self, collection_id: str, document: str, generation: int) -> None:
        """Forget a fingerprint: the same bytes are ingested again, and a diff asks for them."""
        self._run("distrust", collection_id, document, generation)

    def all_restored(self, collection_id: str) -> None:
        """Record that every recoverable entry is restored: what is unknown now is an orphan."""
        self._redis.hdel(key("log_state", collection_id), "entries_lost")

    def check_stands_at(self) -> dict[str, Any] | None:
        """Return where the check in the background goes on, None where it begins anew."""
        text = self._redis.get(key("check_at"))
        return orjson.loads(text) if text else None

    def keep_check(self, standing: Mapping[str, Any] | None) -> None:
        """Keep where the check in the background goes on; None: it has ended."""
        if standing is None:
            self._redis.delete(key("check_at"))
        else:
            self._redis.set(key("check_at"), orjson.dumps(dict(standing)))

    def adopt(
        self,
        collection_id: str,
        *,
        vector_index: str,
        name: str,
        other_name: str,
        about: Mapping[str, str],
    ) -> str | None:
        """
        Make a collection of the vector store that no catalogue knows one of ours again.

        *vector_index* is what the store calls it, *about* its label. Returns its name, *other_name*
        where *name* is taken; None where it is known after all.
        """
        told = orjson.dumps(dict(about)).decode()
        answer = self._run("adopt", collection_id, name, other_name, told, vector_index)
        return str(answer[0]) if answer else None
