"""
Whether an id of another tenant can be told from one that nobody has, by the time that it takes.

    python -m benchmarks.foreign_ids [--rounds 2000] [--json FILE] [--quick]

The front end answers in this process, on a Redis of its own, where callers need keys. One tenant
has a job, a collection, a store, a file, and a response; another one asks for each of them and for
ids that nobody has, in a new order each time. A ratio of medians tells of no difference where it
lies as close to 1 as that of two halves of the same requests does, which is beside it.
"""

import argparse
import io
import random
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from flask.testing import FlaskClient
from ulid import ULID

from access.grants import Grant
from access.keys import ApiKeys
from benchmarks.figures.reporting import Limit, report
from benchmarks.running.private_redis import PrivateRedis
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from protocol.ids import new_id
from runtime.settings import Settings
from web.app import create_app

#: Farther from 1 than this, who measures long enough would know what others have.
LIMITS: Final = {"furthest": Limit(at_most=0.05)}
COLLECTION: Final = "papers"
NOTE: Final = b"The oven is lit at four in the morning."


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.foreign_ids", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2_000, help="of every address")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    rounds = 100 if options.quick else options.rounds
    with (
        tempfile.TemporaryDirectory(prefix="quern-ids-") as scratch,
        PrivateRedis(Path(scratch), evicts=False) as redis,
        ProgressBars() as progress,
    ):
        settings = Settings(
            data_dir=Path(scratch) / "data", redis_url=redis.url, cache_url=redis.url,
            chroma_url="http://127.0.0.1:9", keys="on", client_share=1.0,
        )  # fmt: skip
        app = create_app(settings)
        keys = ApiKeys(app.extensions["quern"].intake.redis)

        def caller(tenant: str) -> FlaskClient:
            _, token = keys.create(Grant(tenant=tenant), name=tenant)
            client = app.test_client()
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {token}"
            return client

        foreign = _made(caller("acme"))
        stranger = caller("stranger")
        asked = {kind: (address, _absent(kind)) for kind, address in foreign.items()}
        bar = progress.add_task("requests", total=rounds)
        times = _times(stranger, asked, rounds, on_round=lambda: progress.advance(bar))
        app.extensions["quern"].close()
    report("Ids of others", _figures(times), limits=LIMITS, json_path=options.json)


def _made(owner: FlaskClient) -> dict[str, str]:
    """Make one thing of each kind; return the address of each, by its kind."""
    documents = [{"id": "oven", "text": NOTE.decode()}]
    ingest = _sent(owner, "/api/ingests", {"collection": COLLECTION, "documents": documents})
    store = _sent(owner, "/v1/vector_stores", {"name": "Papers"})
    response = _sent(owner, "/v1/responses", {"input": "When is it lit?", "background": True})
    file = {"file": (io.BytesIO(NOTE), "oven.txt"), "purpose": "assistants"}
    kept = owner.post("/v1/files", data=file).get_json()["id"]
    return {
        "job": f"/api/jobs/{ingest}",
        "collection": f"/api/collections/{COLLECTION}",
        "store": f"/v1/vector_stores/{store}",
        "file": f"/v1/files/{kept}",
        "response": f"/v1/responses/{response}",
    }


def _sent(owner: FlaskClient, address: str, body: Mapping[str, Any]) -> str:
    """Make something; return its id."""
    return str(owner.post(address, json=body).get_json()["id"])


def _absent(kind: str) -> str:
    """Return an address of something that nobody has."""
    hexadecimal = new_id().replace("-", "")
    return {
        "job": f"/api/jobs/{new_id()}",
        "collection": f"/api/collections/{COLLECTION[::-1]}",
        "store": f"/v1/vector_stores/vs_{str(ULID()).lower()}",
        "file": f"/v1/files/file-{hexadecimal}",
        "response": f"/v1/responses/resp_{hexadecimal}",
    }[kind]


def _times(
    stranger: FlaskClient,
    asked: Mapping[str, tuple[str, str]],
    rounds: int,
    *,
    on_round: Callable[[], None],
) -> dict[str, tuple[list[float], list[float]]]:
    """Ask for all addresses again and again; return seconds of each that is foreign, and absent."""
    times: dict[str, tuple[list[float], list[float]]] = {kind: ([], []) for kind in asked}
    order = [(kind, which) for kind in asked for which in (0, 1)]
    shuffled = random.Random(1)
    for _ in range(rounds):
        shuffled.shuffle(order)
        for kind, which in order:
            began = time.perf_counter()
            answer = stranger.get(asked[kind][which])
            times[kind][which].append(time.perf_counter() - began)
            if answer.status_code != 404:
                raise RuntimeError(f"{kind}: {answer.status_code}, not 404")
        on_round()
    return times


def _figures(times: Mapping[str, tuple[list[float], list[float]]]) -> dict[str, Any]:
    """Compare what is foreign with what is absent, and two halves of the latter."""
    figures: dict[str, Any] = {}
    for kind, (foreign, absent) in times.items():
        figures |= {
            f"{kind}_absent_ms": 1000 * median(absent),
            f"{kind}_foreign_to_absent": median(foreign) / median(absent),
            f"{kind}_halves": median(absent[::2]) / median(absent[1::2]),
        }
    ratios = [value for name, value in figures.items() if name.endswith("_to_absent")]
    return figures | {"furthest": max(abs(ratio - 1) for ratio in ratios)}


if __name__ == "__main__":
    run(main)
