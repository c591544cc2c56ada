"""vLLM's engine on a loop thread of its own, asked from the threads of a Celery pool."""

import asyncio
import contextlib
import copy
import itertools
import logging
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from adapters.generators.cores import keep_off_the_models_cores
from adapters.generators.engine_settings import engine_arguments
from adapters.generators.patience import result_of
from adapters.generators.stderr_capture import StderrCapture
from rag.answers.conversation import Priority
from rag.answers.generation import StopSignal
from rag.errors import Broken, EngineDead, InvalidRequest, StoreUnavailable
from runtime.environment import BadSetting
from runtime.settings import Settings
from runtime.tracing import traces

log = logging.getLogger(__name__)

#: The scheduler's own: lower goes first.
PRIORITIES: Final[dict[Priority, int]] = {"interactive": 0, "batch": 1}
WATCH_S: Final = 0.5
#: The engine gets this long to end; the pool has drained by then, so nothing is lost by it.
SHUTDOWN_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """
    What the engine wrote, and what it cost.

    *cached_tokens* of the prompt came from the prefix cache; *first_token_s* counts from
    the request.
    """

    text: str
    finish_reason: str | None
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    first_token_s: float | None

    @property
    def usage(self) -> dict[str, Any]:
        """Counts of tokens."""
        return {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "cached_tokens": self.cached_tokens,
        }


class VllmEngine:
    """
    An engine that is kept full by threads that each wait for one answer.

    Batch prompts hold at most `max_num_seqs - reserve` of the engine's slots: vLLM admits only
    while a slot is free, and its priorities order who waits, not who runs.

    Args:
        engine: AsyncLLM, made on *loop*, which another thread runs for ever.

        on_death: Called once, from the loop's thread, when the engine has died.

        ignore_eos: Write every answer to its full length; for measurements.
    """

    def __init__(
        self,
        engine: Any,
        loop: asyncio.AbstractEventLoop,
        *,
        settings: Settings,
        on_death: Callable[[], None],
        ignore_eos: bool = False,
    ) -> None:
        self.engine = engine
        self.loop = loop
        self.max_model_len: int = engine.model_config.max_model_len
        self._delta_s = settings.delta_ms / 1000
        self._batch_slots = asyncio.Semaphore(settings.max_num_seqs - settings.reserved)
        self._on_death = on_death
        self._ignore_eos = ignore_eos
        self._names = _counter()
        self._watch = asyncio.run_coroutine_threadsafe(self._watch_engine(), loop)

    @classmethod
    @contextlib.contextmanager
    def open(
        cls, settings: Settings, *, on_death: Callable[[], None], ignore_eos: bool = False
    ) -> "Iterator[VllmEngine]":
        """
        Start an engine; it and its processes end with the context.

        Raises:
            Broken: It did not start; says why in one line.
        """
        loop = _new_loop()
        thread = threading.Thread(target=loop.run_forever, name="engine", daemon=True)
        thread.start()
        try:
            engine = _start(settings, loop)
            if on_cpu():
                keep_off_the_models_cores()
            try:
                yield cls(engine, loop, settings=settings, on_death=on_death, ignore_eos=ignore_eos)
            finally:
                engine.shutdown(timeout=SHUTDOWN_S)
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join(timeout=5)

    def tokenizer(self) -> Any:
        """
        Return a tokenizer of the model for this process's own threads.

        Not the engine's: that one works in the loop's thread, and may not be used by two.
        """
        return copy.deepcopy(self.engine.get_tokenizer())

    @property
    def dead(self) -> bool:
        """Whether the engine has died; it never heals."""
        return bool(self.engine.errored)

    def write(
        self,
        prompt_tokens: Sequence[int],
        *,
        max_tokens: int,
        temperature: float,
        priority: Priority,
        give_up_at: float,
        stop: StopSignal,
        on_delta: Callable[[str], None] | None = None,
    ) -> Written:
        """
        Continue a prompt; blocks until the engine is done.

        Args:
            prompt_tokens: As the model's chat template makes them.

            max_tokens: Of the answer.

            temperature: Of sampling; 0 takes the likeliest token.

            priority: Whose turn comes first where there is not room for all.

            give_up_at: When it is too late, by `time.monotonic`.

            stop: Tells that the caller wants no more.

            on_delta: Called by the engine's thread, so it must not wait: at once with the first
                text, then with what has come every *delta_ms*. None for the whole at the end,
                which costs the engine less.

        Raises:
            Cancelled, DeadlineExceeded, LeaseLost: The caller wants no more; the engine has
                dropped the request.

            EngineDead: The engine died meanwhile.

            StoreUnavailable: It was dead or ending before it took the request.

            InvalidRequest: It refuses the prompt.
        """
        from vllm.exceptions import VLLMClientError  # noqa: PLC0415  see `_start`
        from vllm.v1.engine.exceptions import EngineDeadError  # noqa: PLC0415  see `_start`

        stop.check()
        if self.dead:
            raise StoreUnavailable("the engine has died and is started again")
        params = self._params(max_tokens, temperature, streams=on_delta is not None)
        future = asyncio.run_coroutine_threadsafe(
            self._stream(list(prompt_tokens), params, priority, on_delta), self.loop
        )
        try:
            return result_of(future, stop=stop, give_up_at=give_up_at)
        except CancelledError as error:
            raise StoreUnavailable("the engine is ending") from error
        except EngineDeadError as error:
            raise EngineDead("the engine died") from error
        except VLLMClientError as error:
            raise InvalidRequest("question", str(error)) from error

    async def _stream(
        self,
        tokens: list[int],
        params: Any,
        priority: Priority,
        on_delta: Callable[[str], None] | None,
    ) -> Written:
        """Pass outputs on; between two of them the engine joins what comes meanwhile."""
        from vllm.inputs.engine import tokens_input  # noqa: PLC0415  see `_start`

        transcript = _Transcript()
        async with contextlib.AsyncExitStack() as stack:
            if priority == "batch":
                await stack.enter_async_context(self._batch_slots)
            stream = self.engine.generate(
                tokens_input(tokens),
                params,
                next(self._names),
                trace_headers=traces.passed_on() if traces.on() else None,
                priority=PRIORITIES[priority],
            )
            # Closed by us: a generator left to the collector would be aborted late.
            await stack.enter_async_context(contextlib.aclosing(stream))
            async for output in stream:
                text = transcript.add(output)
                if text and on_delta is not None:
                    on_delta(text)
                if not output.finished:
                    await asyncio.sleep(self._delta_s)
        return transcript.written()

    def _params(self, max_tokens: int, temperature: float, *, streams: bool) -> Any:
        """Return the engine's sampling parameters."""
        from vllm.sampling_params import RequestOutputKind, SamplingParams  # noqa: PLC0415  see `_start`

        kind = RequestOutputKind.DELTA if streams else RequestOutputKind.FINAL_ONLY
        return SamplingParams(
            max_tokens=max_tokens,
            temperature=temperature,
            ignore_eos=self._ignore_eos,
            output_kind=kind,
        )

    async def _watch_engine(self) -> None:
        """Report the engine's death, also while no request is running."""
        while not self.dead:  # noqa: ASYNC110  the engine sets no event when it dies
            await asyncio.sleep(WATCH_S)
        log.critical("the engine died")
        self._on_death()


class _Transcript:
    """The outputs of one request, joined."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._completion_tokens = 0
        self._last: Any = None

    def add(self, output: Any) -> str:
        """Take one output; returns its text."""
        self._last = output
        piece = output.outputs[0]
        self._pieces.append(piece.text)
        self._completion_tokens += len(piece.token_ids)
        return str(piece.text)

    def written(self) -> Written:
        """Return the whole, once the engine has ended the request."""
        return Written(
            text="".join(self._pieces),
            finish_reason=self._last.outputs[0].finish_reason,
            prompt_tokens=len(self._last.prompt_token_ids),
            completion_tokens=self._completion_tokens,
            cached_tokens=self._last.num_cached_tokens or 0,
            first_token_s=self._last.metrics.first_token_latency if self._last.metrics else None,
        )


def _start(settings: Settings, loop: asyncio.AbstractEventLoop) -> Any:
    """
    Start AsyncLLM on *loop*.

    vLLM is imported here and not above: it takes seconds, reads the environment, and whoever
    starts its processes imports this module again.
    """
    # Spawned: forking a process that has threads is not safe. What is set in the environment wins.
    os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "spawn"
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "WARNING")
    if traces.on():
        os.environ.setdefault("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf")
        os.environ.setdefault("OTEL_SERVICE_NAME", "quern-engine")
    # Our form, also in the processes it starts.
    os.environ.setdefault(
        "VLLM_LOGGING_CONFIG_PATH", str(Path(__file__).with_name("vllm_logging.json"))
    )
    with StderrCapture() as capture:
        try:
            return asyncio.run_coroutine_threadsafe(_make(settings), loop).result()
        except BadSetting as error:
            raise Broken(str(error)) from error
        except Broken:
            raise
        except Exception as error:
            # Whatever it was, the process cannot go on; the children have said it best.
            capture.settle()
            raise Broken(
                f"the engine did not start: {capture.reason or _in_one_line(error)}"
            ) from error


def _new_loop() -> asyncio.AbstractEventLoop:
    """Make the loop that vLLM's own server runs on where it is installed: it costs half as much."""
    try:
        import uvloop  # noqa: PLC0415  comes with the engine, on the platforms that have it
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


async def _make(settings: Settings) -> Any:
    """Make the engine inside its loop, where its output handler starts."""
    from vllm.engine.arg_utils import AsyncEngineArgs  # noqa: PLC0415  see `_start`
    from vllm.v1.engine.async_llm import AsyncLLM  # noqa: PLC0415  see `_start`

    arguments = engine_arguments(
        settings,
        known={f.name for f in fields(AsyncEngineArgs)},
        on_cpu=on_cpu(),
    )
    if on_cpu():
        from adapters.generators.patient_executor import PatientExecutor  # noqa: PLC0415  needs vLLM

        arguments.setdefault("distributed_executor_backend", PatientExecutor)
    return AsyncLLM.from_engine_args(AsyncEngineArgs(**arguments))


def on_cpu() -> bool:
    """Whether the engine has no card."""
    from vllm.platforms import current_platform  # noqa: PLC0415  see `_start`

    return bool(current_platform.is_cpu())


def _in_one_line(error: Exception) -> str:
    """Return an error's first line that says something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # pydantic puts the count of errors and the place before what is wrong.
    told = lines[2] if len(lines) > 2 and "validation error" in lines[0] else "".join(lines[:1])  # noqa: PLR2004  the third line
    return f"{type(error).__name__}: {told}"


def _counter() -> Iterator[str]:
    """Return names for requests; the engine only needs them to differ."""
    return (f"q{n}" for n in itertools.count())
