"""The generation worker: owns the language model, or the way to one, and answers from passages."""

import contextlib
import math
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Final

from celery.worker import state

from adapters.generators.engine_load import engine_load
from adapters.generators.graphics_cards import GraphicsCards, graphics_cards
from corpus.storage import Storage
from jobs.leases.leases import Leases
from runtime.metrics.collecting import collecting
from runtime.settings import Settings
from tasks.resources import Generator, Resources
from workers.process import run

#: More threads than slots: the engine's own waiting queue refills a slot in the same step.
THREADS_PER_SLOT: Final = 1.5
#: An answer of a few hundred tokens takes this long on a slow machine.
DRAIN_S: Final = 60.0
#: What a shell calls an internal error; the supervisor starts anew after any exit.
ENGINE_DIED: Final = 70
#: A process that cannot end after its engine's death is ended.
LAST_RESORT_S: Final = 20.0
#: What the heartbeat of a worker tells that runs no model itself.
NO_CARDS: Final = {"cards": [], "lost": 0}


def open_resources(
    stack: contextlib.ExitStack, settings: Settings, storage: Storage, leases: Leases
) -> tuple[Resources, Sequence[str]]:
    """Open what this worker owns; closed in reverse order with *stack*."""
    generator, name, cards = _open_generator(stack, settings)

    def details() -> dict[str, Any]:
        # Only a model of our own needs a card; on a processor its worker has none to lose.
        told = {"models": {"llm": name}, "gpu": cards.report() if cards else NO_CARDS}
        engine = engine_load()
        return told | ({"engine": engine} if engine else {})

    resources = Resources(storage=storage, leases=leases, generator=generator, details=details)
    return resources, [name]


def _open_generator(
    stack: contextlib.ExitStack, settings: Settings
) -> tuple[Generator, str, GraphicsCards | None]:
    """Open the generator that the settings name; with its name, and the cards it may run on."""
    if settings.answerer == "openai":
        from adapters.generators.openai_generator import OpenAIGenerator  # noqa: PLC0415  needs no engine

        remote = stack.enter_context(OpenAIGenerator.open(settings))
        return remote, remote.name, None
    from adapters.generators.chat_template import ChatTemplate  # noqa: PLC0415  the other kind needs none of it
    from adapters.generators.vllm_engine import VllmEngine, on_cpu  # noqa: PLC0415
    from adapters.generators.vllm_generator import VllmGenerator  # noqa: PLC0415

    engine = stack.enter_context(VllmEngine.open(settings, on_death=_stop_consuming))
    cards = stack.enter_context(graphics_cards(expected=not on_cpu()))
    stack.enter_context(collecting(cards.read))
    template = ChatTemplate(engine.tokenizer())
    local = VllmGenerator(engine, template, settings=settings)
    return local, local.name, cards


def _stop_consuming() -> None:
    """Let the worker end by itself, with an exit code that says that it should run again."""
    state.should_stop = ENGINE_DIED  # type: ignore[assignment]  # an exit code, as celery reads it
    last_resort = threading.Timer(LAST_RESORT_S, os._exit, (ENGINE_DIED,))
    last_resort.daemon = True
    last_resort.start()


def threads(settings: Settings) -> int:
    """Return how many tasks run at once."""
    if settings.answerer == "openai":
        return settings.openai_concurrency
    return math.ceil(settings.max_num_seqs * THREADS_PER_SLOT)


def reserve(settings: Settings) -> int:
    """Return how many of the threads batch questions never take."""
    return min(settings.reserved, threads(settings) // 2)


def main() -> int:
    """Run the worker."""
    return run(
        role="generation",
        queues=lambda _settings: ("generate",),
        threads=threads,
        reserve=reserve,
        drain_s=DRAIN_S,
        open_resources=open_resources,
    )


if __name__ == "__main__":
    sys.exit(main())
