"""Each of the three stores is broken while people search; the check finds it and repairs it."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest
from redis import Redis

from adapters.chroma.store import ChromaStore
from protocol.keys import key
from stack.up import Stack
from tests.support.whole_stack import Api, quick_stack

BIRDS = {
    "kestrel": "Kestrels hover over the motorway.",
    "heron": "Herons stand in the shallows.",
    "swift": "Swifts sleep on the wing.",
    "wren": "Wrens build several nests.",
}


class Broken:
    """A stack, and hands to break it."""

    def __init__(self, stack: Stack, folder: Path) -> None:
        self.folder = folder
        self.redis: Redis = Redis.from_url(stack.redis_url, decode_responses=True)
        self.vectors = ChromaStore(stack.chroma_url)
        self.inc = str(self.redis.hget(key("collections"), "birds"))

    def close(self) -> None:
        self.vectors.close()
        self.redis.close()

    def ids(self) -> list[str]:
        return [name for page in self.vectors.ids(self.inc) for name in page]

    def rows(self) -> None:
        """Delete rows behind Chroma's back."""
        self.vectors.delete(self.inc, [name for name in self.ids() if name < "swift"])

    def collection(self) -> None:
        """Drop the collection in Chroma."""
        self.vectors.drop(self.inc)

    def index(self) -> None:
        """Delete every file of the running replica's index."""
        # At once: what is half gone would be found, and built anew, while the rest goes.
        gone = (self.folder / "index" / "0" / self.inc).rename(self.folder / "gone")
        shutil.rmtree(gone)

    def log(self) -> None:
        """Lose the stream."""
        self.redis.delete(key("log", self.inc), key("log_state", self.inc))

    def entries(self) -> None:
        """Lose what is current."""
        self.redis.delete(key("current", self.inc))


class Asking:
    """Searches without a pause, and notes what was wrong with an answer."""

    def __init__(self, url: str) -> None:
        self.wrong: list[Any] = []
        self.answered = 0
        self._url = url
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _ask(self) -> None:
        with Api(self._url) as api:
            while not self._over.is_set():
                for name, text in BIRDS.items():
                    body = {"query": text.split()[0], "collection": "birds", "mode": "hybrid"}
                    response = api.http.post("/api/search", json=body)
                    self.answered += 1
                    if response.status_code != 200:
                        self.wrong.append(response.text)
                        continue
                    for hit in response.json()["results"]:
                        if BIRDS[hit["document_id"]] != hit["text"]:
                            self.wrong.append((name, hit))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Api, Path]]:
    folder = tmp_path_factory.mktemp("broken")
    with quick_stack(data_dir=folder) as running, Api(running.url) as api:
        assert api.ingest(BIRDS, "birds")["state"] == "succeeded"
        yield running, api, folder


def check(api: Api, *, repair: bool) -> dict[str, Any]:
    body = {"collection": "birds", "repair": repair}
    job = api.finished(api.post("/api/admin/check", body)["id"])
    assert job["state"] == "succeeded", job
    (shown,) = job["result"]["collections"]
    return dict(shown)


BREAKS: dict[str, Callable[[Broken], None]] = {
    "rows": Broken.rows,
    "collection": Broken.collection,
    "index": Broken.index,
    "log": Broken.log,
    "entries": Broken.entries,
}


@pytest.mark.parametrize("broken", BREAKS)
def test_what_was_broken_is_whole_again_and_searches_were_answered_meanwhile(
    own: tuple[Stack, Api, Path], broken: str
) -> None:
    stack, api, folder = own
    hands = Broken(stack, folder)
    with Asking(stack.url) as asking:
        BREAKS[broken](hands)
        first = check(api, repair=True)
        second = check(api, repair=False)
    hands.close()

    # A replica sees by itself that its files or its log are gone: the check may come too late.
    assert first["differences"] or broken in ("index", "log")
    assert first["consistent"], first
    assert second["differences"] == {}, second
    assert [replica["state"] for replica in second["replicas"]] == ["same"]
    assert asking.wrong == []
    assert asking.answered > 0
    for name, text in BIRDS.items():
        for mode in ("dense", "sparse", "hybrid"):
            found = api.search(text.split()[0], "birds", mode)
            assert found[0]["document_id"] == name, (name, mode)
    answer = api.ask("Where do kestrels hover?", "birds")
    assert "motorway" in answer["result"]["answer"]


def test_a_replica_whose_mapped_files_were_cut_while_it_ran_comes_back_and_answers(
    own: tuple[Stack, Api, Path],
) -> None:
    stack, api, folder = own
    hands = Broken(stack, folder)
    hands.close()
    for name in ("vectors", "records", "places"):
        for file in (folder / "index" / "0" / hands.inc / "rows").glob(f"{name}-*"):
            os.truncate(file, 0)

    def right() -> bool:
        # The first one may well read what is mapped no more, which kills the worker.
        body = {"query": "wing", "collection": "birds", "filters": {"document_id": "swift"}}
        response = api.http.post("/api/search", json=body)
        return (
            response.status_code == 200
            and not response.json()["degraded"]
            and [hit["document_id"] for hit in response.json()["results"]] == ["swift"]
        )

    end = time.monotonic() + 90
    while not right():
        assert time.monotonic() < end, "no replica came back"
        time.sleep(0.2)
    assert check(api, repair=False)["differences"] == {}
