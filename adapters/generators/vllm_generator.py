"""The generator port on vLLM: prompts within the model's window, answers with citations."""

import time
from collections.abc import Callable, Sequence

from adapters.generators.chat_template import ChatTemplate
from adapters.generators.engine_settings import model_name
from adapters.generators.vllm_engine import VllmEngine
from rag.answers.conversation import Priority, Turn
from rag.answers.follow_ups import CONDENSED_TOKENS, condense_messages, read_condensed
from rag.answers.generation import Answer, GenerationRequest, StopSignal
from rag.answers.prompts import Message, build
from rag.answers.replies import nothing_found, read_reply
from rag.errors import DeadlineExceeded, InvalidRequest
from runtime.metrics.meters import timed
from runtime.settings import Settings

#: A call that only rewrites a question must not hold it up for long.
CONDENSE_S = 30.0


class VllmGenerator:
    """Answers with the engine of this process."""

    def __init__(self, engine: VllmEngine, template: ChatTemplate, *, settings: Settings) -> None:
        self._engine = engine
        self._template = template
        self._settings = settings
        self.name = f"vllm:{model_name(settings)}"

    def generate(
        self, request: GenerationRequest, *, on_delta: Callable[[str], None], stop: StopSignal
    ) -> Answer:
        """
        Answer from the passages that fit; a batch question is not passed on piece by piece.

        Raises:
            InvalidRequest: Question, history and answer do not fit the model's window.

            Cancelled, DeadlineExceeded, LeaseLost, EngineDead, StoreUnavailable: See `VllmEngine`.
        """
        if request.grounded and not request.passages:
            answer = nothing_found(generator=self.name)
            on_delta(answer.text)
            return answer
        max_tokens = self._answer_tokens(request)
        tried: list[tuple[list[Message], list[int]]] = []

        def count(messages: list[Message]) -> int:
            tried.append((messages, self._template.encode(messages)))
            return len(tried[-1][1])

        with timed("prompt"):
            prompt = build(request, budget=self._engine.max_model_len - max_tokens, count=count)
        tokens = next(tokens for messages, tokens in tried if messages is prompt.messages)
        temperature = request.temperature
        written = self._engine.write(
            tokens,
            max_tokens=max_tokens,
            temperature=self._settings.temperature if temperature is None else temperature,
            priority=request.priority,
            give_up_at=request.give_up_at,
            stop=stop,
            on_delta=on_delta if request.priority == "interactive" else None,
        )
        return read_reply(
            written.text,
            prompt,
            request,
            generator=self.name,
            usage=written.usage,
            finish_reason=written.finish_reason,
            first_token_s=written.first_token_s,
        )

    def condense(
        self, question: str, history: Sequence[Turn], *, priority: Priority, stop: StopSignal
    ) -> str:
        """Let the model rewrite *question* so that it stands alone, in one short call."""
        tokens = self._template.encode(condense_messages(question, history))
        room = self._engine.max_model_len - CONDENSED_TOKENS
        if len(tokens) > room:
            return read_condensed("", question, history)
        try:
            written = self._engine.write(
                tokens,
                max_tokens=CONDENSED_TOKENS,
                temperature=0.0,
                priority=priority,
                give_up_at=time.monotonic() + CONDENSE_S,
                stop=stop,
            )
        except DeadlineExceeded:
            stop.check()
            return read_condensed("", question, history)
        return read_condensed(written.text, question, history)

    def _answer_tokens(self, request: GenerationRequest) -> int:
        """Return how long the answer may be; what the request names must leave room to ask."""
        window = self._engine.max_model_len
        if request.max_tokens is None:
            return min(self._settings.max_answer_tokens, window // 2)
        if request.max_tokens >= window:
            raise InvalidRequest(
                "max_tokens", f"must be below the model's window of {window} tokens"
            )
        return request.max_tokens
