"""
Reading what is asked of `/v1/chat/completions`.

What is not known is passed over; what would change the answer and is not done here is refused.
Beside OpenAI's fields there are `collection`, `filters` and `top_k`: what to answer from.
Source: openai-openapi 2.3.0, `CreateChatCompletionRequest`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from intake.fields import Field, Fields, flag, nullable, number, text, whole
from intake.v1.asking import Asked
from rag.errors import InvalidRequest
from web.v1.conversations import read_conversation
from web.v1.errors import shown_type, unsupported
from web.v1.filters import read_filters

_MOST_TOKENS: Final = 2**31
#: Fields that would change the answer, and are done nowhere here.
_REFUSED: Final = ("tools", "functions", "audio", "stop", "prediction", "web_search_options")
_FIELDS: Final = Fields(
    {
        "model": Field(nullable(text(200))),
        "stream": Field(nullable(flag(), empty=False)),
        "store": Field(nullable(flag())),
        "temperature": Field(nullable(number(0, 2))),
        "top_p": Field(nullable(number(0, 1))),
        "max_tokens": Field(nullable(whole(1, _MOST_TOKENS))),
        "max_completion_tokens": Field(nullable(whole(1, _MOST_TOKENS))),
        "n": Field(nullable(whole(1, 128), empty=1)),
        "logprobs": Field(nullable(flag(), empty=False)),
        "collection": Field(nullable(text(200))),
        "top_k": Field(nullable(whole(1, 1_000))),
    }
)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """
    A completion that can be made.

    Attributes:
        asked: What is asked.

        is_streamed: Whether it is told while it is written.

        tells_usage: Whether a stream ends with what it cost.

        is_brief: Whether nothing is to be kept once it is read, because the caller says so.
    """

    asked: Asked
    is_streamed: bool
    tells_usage: bool
    is_brief: bool


def read_chat(body: Mapping[str, Any]) -> ChatRequest:
    """
    Read a request.

    Raises:
        InvalidRequest, V1Error: Name the field and what it should hold.
    """
    for name in _REFUSED:
        if body.get(name):
            raise unsupported(name, f"`{name}` is not supported by this server.")
    known = _FIELDS.read({name: body.get(name) for name in _FIELDS.properties})
    if known["n"] > 1:
        raise unsupported("n", "One choice is made for a request.")
    if known["logprobs"]:
        raise unsupported("logprobs", "Log probabilities are not told by this server.")
    _check_form(body)
    messages = body.get("messages")
    if not isinstance(messages, list) or not messages:
        raise InvalidRequest("messages", "must be a list of messages that is not empty")
    said = read_conversation(messages, "messages")
    filters = read_filters(body.get("filters"))
    options = body.get("stream_options")
    return ChatRequest(
        Asked(
            question=said.question,
            history=said.history,
            instructions="\n\n".join(words for _, words in said.system if words),
            model=known["model"],
            stores=(known["collection"],) if known["collection"] else (),
            top_k=known["top_k"],
            filters=filters,
            max_tokens=known["max_completion_tokens"] or known["max_tokens"],
            temperature=known["temperature"],
        ),
        is_streamed=known["stream"],
        tells_usage=isinstance(options, dict) and options.get("include_usage") is True,
        is_brief=known["store"] is False,
    )


def _check_form(body: Mapping[str, Any]) -> None:
    """Refuse a form of the answer that nobody here can write."""
    form = body.get("response_format")
    kind = form.get("type") if isinstance(form, dict) else "text"
    if kind != "text":
        raise unsupported("response_format", f"The format `{shown_type(kind)}` is not supported.")
    if body.get("modalities") not in (None, [], ["text"]):
        raise unsupported("modalities", "Answers are texts.")
