"""
What OpenAI's API costs beside Quern's own: answers, and embeddings beside the bare embedder.

    python -m benchmarks.v1 [--questions 100] [--rounds 5] [--clients 16] [--json FILE] [--quick]

A private stack without a language model, which answers with quotes. The same questions are asked in
turns by `/v1/chat/completions` and by `/api/queries`, with one client and with many; each was asked
before, so that neither side finds the other's vectors in the cache. Texts are embedded over
`/v1/embeddings`, in lists as a client library sends them and alone, and in turns by the embedder
that the service uses, in this process.
"""

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeVar

import httpx
from rich.progress import Progress

from adapters.embedding_models.models import open_model
from benchmarks.data.short_documents import note, write_folder
from benchmarks.figures.reporting import Limit, report
from benchmarks.running.processes import run
from benchmarks.running.progress import ProgressBars
from benchmarks.running.service import FINAL, Service, call, service
from rag.ports import Embedder
from runtime.settings import Settings

LIMITS: Final = {
    "chat_to_native": Limit(at_most=1.1),
    "chat_to_native_together": Limit(at_most=1.1),
    "embeddings_of_embedder": Limit(at_least=0.9),
    "failed": Limit(at_most=0),
}
COLLECTION: Final = "notes"
NOTES: Final = 200
#: Texts of a request, as client libraries send documents.
LISTED: Final = 64

Ask = Callable[[httpx.Client, str], bool]
T = TypeVar("T")
R = TypeVar("R")


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.v1", description=__doc__)
    parser.add_argument("--questions", type=int, default=100, help="in each round, of each side")
    parser.add_argument("--rounds", type=int, default=5, help="of either side in turns")
    parser.add_argument("--clients", type=int, default=16, help="who ask at once")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--quick", action="store_true", help="a minute at most, on the same path")
    options = parser.parse_args()
    if options.quick:
        options.questions, options.rounds = 20, 2
    with (
        tempfile.TemporaryDirectory(prefix="quern-v1-") as scratch,
        service(None, Settings(client_share=1.0)) as quern,
        ProgressBars() as progress,
    ):
        quern.ingest_folder(write_folder(Path(scratch) / "docs", NOTES)[0].parents[1], COLLECTION)
        figures = _answers(quern, progress, options) | _embeddings(quern, progress, options)
    report("OpenAI's API", figures, limits=LIMITS, json_path=options.json)


def _answers(quern: Service, progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Ask by both APIs in turns."""
    questions = [f"What is told of {note(n).split('.')[0]}?" for n in range(options.questions)]
    figures: dict[str, Any] = {"failed": 0}
    for name, clients in (("", 1), ("_together", options.clients)):
        bar = progress.add_task(f"answers, {clients} at once", total=options.rounds)
        with _clients(quern, clients) as callers:
            for one in (_natively, _by_chat):
                _asked(callers, questions, one)
            times: dict[Ask, list[float]] = {_natively: [], _by_chat: []}
            for turn in range(options.rounds):
                for one in (_natively, _by_chat) if turn % 2 == 0 else (_by_chat, _natively):
                    took, failed = _asked(callers, questions, one)
                    times[one].append(took)
                    figures["failed"] += failed
                progress.advance(bar)
        native, chat = times[_natively], times[_by_chat]
        figures |= {
            f"native_ms{name}": 1000 * median(native) / len(questions),
            f"chat_ms{name}": 1000 * median(chat) / len(questions),
            f"chat_to_native{name}": median(b / a for a, b in zip(native, chat, strict=True)),
        }
    return figures


def _natively(http: httpx.Client, question: str) -> bool:
    """Ask a question by Quern's own API; returns whether it was answered."""
    asked = {"question": question, "collection": COLLECTION}
    job = call(http, "POST", "/api/queries", json=asked, headers={"Prefer": "wait=25"})
    while job["state"] not in FINAL:
        job = call(http, "GET", f"/api/jobs/{job['id']}", params={"wait": 25})
    return bool(job["state"] == "succeeded")


def _by_chat(http: httpx.Client, question: str) -> bool:
    """Ask a question as clients of OpenAI do; returns whether it was answered."""
    asked = {
        "model": "quern", "collection": COLLECTION,
        "messages": [{"role": "user", "content": question}],
    }  # fmt: skip
    told = call(http, "POST", "/v1/chat/completions", json=asked)
    return bool(told["choices"][0]["message"]["content"])


def _asked(
    callers: Sequence[httpx.Client], questions: Sequence[str], ask: Ask
) -> tuple[float, int]:
    """Ask all questions, each once; returns the seconds that took, and how many failed."""
    began = time.perf_counter()
    answered = _shared(callers, questions, ask)
    return time.perf_counter() - began, len(questions) - sum(answered)


def _embeddings(quern: Service, progress: Progress, options: argparse.Namespace) -> dict[str, Any]:
    """Embed over HTTP and in this process, in turns; texts that nobody embedded before."""
    embedder, engine = open_model(Settings())
    lists = options.clients * (1 if options.quick else 3)
    bar = progress.add_task("embeddings", total=options.rounds)
    ours: list[float] = []
    bare: list[float] = []
    alone: list[float] = []
    embedder.embed(_texts(LISTED, seed=0))
    with _clients(quern, options.clients) as callers:
        _shared(callers, [_texts(LISTED, seed=0)], _by_api)
        for turn in range(1, options.rounds + 1):
            parts = [_texts(LISTED, seed=turn * lists + n) for n in range(lists)]
            for which in (ours, bare) if turn % 2 else (bare, ours):
                began = time.perf_counter()
                if which is ours:
                    _shared(callers, parts, _by_api)
                else:
                    _embed(embedder, parts)
                which.append(lists * LISTED / (time.perf_counter() - began))
            single = [[text] for text in _texts(lists * 4, seed=-turn)]
            began = time.perf_counter()
            _shared(callers, single, _by_api)
            alone.append(len(single) / (time.perf_counter() - began))
            progress.advance(bar)
    return {
        "engine": engine.told,
        "embedder_texts_per_s": median(bare),
        "embeddings_texts_per_s": median(ours),
        "embeddings_of_embedder": median(a / b for a, b in zip(ours, bare, strict=True)),
        "embeddings_single_texts_per_s": median(alone),
    }


def _texts(count: int, *, seed: int) -> list[str]:
    """Return texts of a passage's length, unlike those of any other seed."""
    return [note(n, seed=1_000 + seed).strip() for n in range(count)]


def _embed(embedder: Embedder, parts: Sequence[Sequence[str]]) -> None:
    """Embed lists of texts, one after the other, on all cores."""
    for texts in parts:
        embedder.embed(texts, truncate=True)


def _by_api(http: httpx.Client, texts: Sequence[str]) -> bool:
    """Embed texts as OpenAI's client does, with vectors in base64."""
    asked = {"model": "quern", "input": list(texts), "encoding_format": "base64"}
    return len(call(http, "POST", "/v1/embeddings", json=asked)["data"]) == len(texts)


def _shared(
    callers: Sequence[httpx.Client], work: Sequence[T], act: Callable[[httpx.Client, T], R]
) -> list[R]:
    """Have callers do work at once, each one piece after the other; returns what came of all."""
    left = iter(work)
    lock = threading.Lock()
    done: list[R] = []

    def go(http: httpx.Client) -> None:
        while True:
            with lock:
                piece = next(left, None)
            if piece is None:
                return
            done.append(act(http, piece))

    with ThreadPoolExecutor(len(callers)) as threads:
        for waited in [threads.submit(go, http) for http in callers]:
            waited.result()
    return done


@contextmanager
def _clients(quern: Service, count: int) -> Iterator[list[httpx.Client]]:
    """Give clients, each with a connection of its own."""
    clients = [quern.client() for _ in range(count)]
    try:
        yield clients
    finally:
        for http in clients:
            http.close()


if __name__ == "__main__":
    run(main)
