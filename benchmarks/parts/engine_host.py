"""
The generation worker with a side door: the same engine, asked through Quern and asked directly.

Run by `benchmarks.generation` in the engine's own environment. Orders are read from a Redis list,
one JSON object each, and answered on another.
"""

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import orjson
from redis import Redis

from adapters.generators.chat_template import ChatTemplate
from adapters.generators.vllm_engine import PRIORITIES, VllmEngine
from adapters.generators.vllm_generator import VllmGenerator
from benchmarks.parts.engine_orders import ANSWERS, ORDERS
from corpus.storage import Storage
from jobs.leases.leases import Leases
from rag.answers.generation import GenerationRequest
from rag.answers.prompts import build
from runtime.redis_clients import ledger_client
from runtime.settings import Settings
from tasks.resources import Resources
from workers.generation import DRAIN_S, reserve, threads
from workers.process import run


class SideDoor:
    """Answers orders in a thread of its own, on the engine's own loop."""

    def __init__(self, engine: VllmEngine, template: ChatTemplate, redis: Redis) -> None:
        self._engine = engine
        self._template = template
        self._redis = redis
        threading.Thread(target=self._serve, name="side-door", daemon=True).start()

    def _serve(self) -> None:
        while True:
            _, order = self._redis.blpop([ORDERS])
            asked = orjson.loads(order)
            work = self._all(asked) if asked["what"] == "all" else self._one(asked)
            answer = asyncio.run_coroutine_threadsafe(work, self._engine.loop).result()
            self._redis.rpush(ANSWERS, orjson.dumps(answer).decode())

    async def _all(self, asked: dict[str, Any]) -> dict[str, float]:
        """All questions at once, each answer taken whole: as fast as the engine goes."""
        began = time.perf_counter()
        prompts = [self._tokens(question) for question in asked["questions"]]
        counts = await asyncio.gather(
            *(
                self._whole(f"raw-{i}", tokens, most)
                for i, (tokens, most) in enumerate(zip(prompts, asked["max_tokens"], strict=True))
            )
        )
        return {"seconds": time.perf_counter() - began, "tokens": sum(counts)}

    async def _whole(self, name: str, tokens: list[int], most: int) -> int:
        count = 0
        async for output in self._stream(name, tokens, most, streams=False):
            count += len(output.outputs[0].token_ids)
        return count

    async def _one(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One prompt, every step seen: time to the first token, and between any two."""
        tokens = self._tokens(asked["question"])
        stream = self._stream("one", tokens, asked["max_tokens"], streams=True)
        moments = [time.perf_counter()]
        moments += [time.perf_counter() async for _ in stream]
        gaps = [(b - a) * 1000 for a, b in pairwise(moments)]
        return {"first_ms": gaps[0], "steps_ms": gaps[1:]}

    def _stream(self, name: str, tokens: list[int], most: int, *, streams: bool) -> Any:
        from vllm.inputs.engine import tokens_input  # noqa: PLC0415  takes seconds to import

        params = self._engine._params(most, 0.0, streams=streams)  # noqa: SLF001  the same sampling
        return self._engine.engine.generate(
            tokens_input(tokens), params, name, priority=PRIORITIES["interactive"]
        )

    def _tokens(self, question: str) -> list[int]:
        """The very prompt that Quern makes of a question with `top_k: 0`."""
        request = GenerationRequest(
            question=question, passages=[], give_up_at=time.monotonic() + 60, grounded=False
        )
        prompt = build(request, budget=10**9, count=lambda _messages: 0)
        return self._template.encode(prompt.messages)


def open_resources(
    stack: contextlib.ExitStack, settings: Settings, storage: Storage, leases: Leases
) -> tuple[Resources, Sequence[str]]:
    """Open what the generation worker opens, and the side door."""
    engine = stack.enter_context(
        VllmEngine.open(settings, on_death=lambda: os._exit(1), ignore_eos=True)
    )
    template = ChatTemplate(engine.tokenizer())
    generator = VllmGenerator(engine, template, settings=settings)
    redis = ledger_client(settings.redis_url, connections=2)
    # It waits for orders without end, which is no sign of a lost connection.
    redis.connection_pool.connection_kwargs["socket_timeout"] = None
    SideDoor(engine, template, redis)
    return Resources(storage=storage, leases=leases, generator=generator), [generator.name]


if __name__ == "__main__":
    sys.exit(
        run(
            role="generation",
            queues=lambda _settings: ("generate",),
            threads=threads,
            reserve=reserve,
            drain_s=DRAIN_S,
            open_resources=open_resources,
        )
    )
