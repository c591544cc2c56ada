"""The `openai` generator: answers come from a server that speaks OpenAI's chat completions."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from typing import Any, Self

from adapters.generators.openai_client import ChatServer, Reply, Served, TooLong, discover
from adapters.generators.patience import result_of
from rag.answers import follow_ups
from rag.answers.conversation import Priority, Turn
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.answers.prompts import UNANSWERED, Message, Prompt, build
from rag.answers.replies import nothing_found, read_reply
from rag.errors import DeadlineExceeded, InvalidRequest, Retryable
from runtime.logging.log_words import words
from runtime.metrics.meters import timed
from runtime.settings import Settings

log = logging.getLogger(__name__)

#: A call that only rewrites a question must not hold it up for long.
CONDENSE_S = 30.0
#: Bytes of a token, for want of the model's tokenizer; English has more, so prompts come out short.
BYTES_PER_TOKEN = 3
TOKENS_PER_MESSAGE = 8


class OpenAIGenerator:
    """
    Answers by a server's `/chat/completions`, streamed; usable from many threads at once.

    A stop or a deadline closes the connection, on which the server aborts the request. A server
    that is away, busy or cuts an answer off raises Retryable: the question waits. What it refuses
    as the question's fault raises InvalidRequest with its own words.

    Args:
        server: Where to ask; used on this generator's own event loop only.

        served: The model that answers.

        settings: Defaults of requests.
    """

    def __init__(self, server: ChatServer, served: Served, settings: Settings) -> None:
        self.name = f"openai:{served.model}"
        self._server = server
        self._model = served.model
        self._context = served.context
        self._settings = settings
        self._running: set[asyncio.Task[Any]] = set()
        self._closing = False
        self._asking = threading.Lock()  # between the look at `_closing` and the loop's taking it
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="openai", daemon=True)
        self._thread.start()

    @classmethod
    @contextlib.contextmanager
    def open(cls, settings: Settings) -> Iterator[Self]:
        """
        Ask the server what it has, and answer with it until the block ends.

        A server that does not answer yet is no error where the model is named.

        Raises:
            Broken: Base URL, key or model cannot work; says which.
        """
        # It tells of every request at INFO.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        served = discover(settings)
        generator = cls(ChatServer(settings), served, settings)
        try:
            yield generator
        finally:
            generator.close()

    def close(self) -> None:
        """Abort what still runs, and disconnect. Harmless when repeated."""
        if self._loop.is_closed():
            return
        with self._asking:
            self._closing = True
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(timeout=10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(timeout=5)
        self._loop.close()

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        """
        Answer from the request's passages; *on_delta* is called by another thread.

        Raises:
            InvalidRequest: Question and history do not fit, or the server refuses them.

            Retryable: The server is away or busy, or has cut the answer off.

            Cancelled, DeadlineExceeded, LeaseLost: As *stop* says.
        """
        stop.check()
        if request.grounded and not request.passages:
            on_delta(UNANSWERED)
            return nothing_found(generator=self.name)
        # Where nobody names a number, at least half of the context is for asking.
        tokens = request.max_tokens or min(self._settings.max_answer_tokens, self._context // 2)
        if tokens >= self._context:
            raise InvalidRequest(
                "max_tokens", f"leaves no room for the question: the model has {self._context}"
            )
        with timed("prompt"):
            prompt = build(request, budget=self._context - tokens, count=_estimate)
        while True:
            body = self._body(
                prompt.messages,
                tokens=tokens,
                temperature=(
                    self._settings.temperature
                    if request.temperature is None
                    else request.temperature
                ),
            )
            try:
                reply = self._ask(body, on_delta=on_delta, stop=stop, give_up_at=request.give_up_at)
            except TooLong as error:
                # Its tokenizer counts more than was estimated: the worst passages go.
                prompt = _shorter(request, prompt, error)
                continue
            return read_reply(
                "".join(reply.pieces),
                prompt,
                request,
                generator=self.name,
                usage=_usage(reply),
                finish_reason=reply.finish_reason,
            )

    def condense(
        self,
        question: str,
        history: Sequence[Turn],
        *,
        priority: Priority,  # noqa: ARG002  the server knows of none
        stop: StopSignal,
    ) -> str:
        """Return what to search for when *question* follows *history*; raises as `generate`."""
        stop.check()
        if not history:
            return question
        messages = follow_ups.condense_messages(question, history)
        body = self._body(messages, tokens=follow_ups.CONDENSED_TOKENS, temperature=0.0)
        try:
            reply = self._ask(
                body, on_delta=_ignore, stop=stop, give_up_at=time.monotonic() + CONDENSE_S
            )
        except (InvalidRequest, DeadlineExceeded) as error:
            stop.check()
            # Too long for the model, or too slow: the words alone will do to search.
            log.warning("not rewritten", extra={"reason": words(error)})
            return follow_ups.condensed(question, history)
        return follow_ups.read_condensed("".join(reply.pieces), question, history)

    def _body(
        self, messages: Sequence[Message], *, tokens: int, temperature: float
    ) -> dict[str, Any]:
        """Return the JSON body of a request."""
        return {
            "model": self._model,
            "messages": messages,
            "max_tokens": tokens,
            "temperature": temperature,
            "stream": True,
            "stream_options": {"include_usage": True},
        }

    def _ask(
        self,
        body: Mapping[str, Any],
        *,
        on_delta: Callable[[str], None],
        stop: StopSignal,
        give_up_at: float,
    ) -> Reply:
        """Send a request and wait for its end; however that comes, the server ends it too."""
        with self._asking:
            if self._closing:
                raise Retryable("the generator is being closed")
            future = asyncio.run_coroutine_threadsafe(self._stream(body, on_delta), self._loop)
        try:
            return result_of(future, stop=stop, give_up_at=give_up_at)
        except CancelledError as error:
            raise Retryable("the generator is being closed") from error

    async def _stream(self, body: Mapping[str, Any], put: Callable[[str], None]) -> Reply:
        """Read one answer, on the loop; remembered so that closing can abort it."""
        task = asyncio.current_task()
        if self._closing or task is None:
            raise Retryable("the generator is being closed")
        self._running.add(task)
        try:
            return await self._server.stream(body, put)
        finally:
            self._running.discard(task)

    async def _end(self) -> None:
        """Abort every request, then disconnect."""
        # Not every task of the loop: those that connect belong to a request, which ends them.
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await self._server.close()


def _estimate(messages: Sequence[Message]) -> int:
    """Estimate the tokens of messages, rather too many than too few."""
    return sum(
        len(message["content"].encode()) // BYTES_PER_TOKEN + TOKENS_PER_MESSAGE
        for message in messages
    )


def _shorter(request: GenerationRequest, prompt: Prompt, error: InvalidRequest) -> Prompt:
    """Drop a quarter of the chunks; raises *error* where there is none left."""
    if not prompt.kept:
        raise error
    budget = _estimate(prompt.messages)
    return build(request, budget=budget, count=_estimate, most=prompt.kept * 3 // 4)


def _usage(reply: Reply) -> dict[str, Any]:
    """Return what the server counted; nothing is invented where it does not count."""
    return {
        name: reply.usage[name]
        for name in ("prompt_tokens", "completion_tokens")
        if name in reply.usage
    }


def _ignore(_text: str) -> None:
    """Discard text."""
