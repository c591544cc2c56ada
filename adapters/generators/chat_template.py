"""Messages as the tokens a model was trained to see: its own chat template, or a plain one."""

import threading
from collections.abc import Sequence
from typing import Any

from rag.answers.prompts import Message

# For models that were never taught a chat: headings that any model of text understands.
PLAIN = (
    "{% for message in messages %}{% if message['role'] != 'system' %}"
    "{{ message['role'] | capitalize }}: {% endif %}{{ message['content'] }}\n\n{% endfor %}"
    "{% if add_generation_prompt %}Assistant:{% endif %}"
)


class ChatTemplate:
    """
    Turns messages into tokens, and counts them.

    A template that refuses system messages, as some do, gets their text with the first of the
    user's. Safe to use from several threads, one at a time.

    Args:
        tokenizer: A tokenizer of `transformers`, or one that does the same.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._more: dict[str, Any] = {}
        self._takes_system = True
        if not getattr(tokenizer, "chat_template", None) and hasattr(tokenizer, "chat_template"):
            self._more["chat_template"] = PLAIN
        try:
            self.encode([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
        except Exception as error:  # noqa: BLE001  a template is a program and raises what it likes
            self._takes_system = False
            try:
                self.encode([{"role": "system", "content": "a"}, {"role": "user", "content": "b"}])
            except Exception:  # noqa: BLE001  neither way works: the first refusal says why
                raise error from None

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Return the tokens of a prompt, up to where the model is to begin."""
        given = list(messages) if self._takes_system else _merged(messages)
        # A fast tokenizer keeps its settings inside, and is not to be used by two threads at once.
        with self._lock:
            tokens: list[int] = self._tokenizer.apply_chat_template(
                given, tokenize=True, add_generation_prompt=True, return_dict=False, **self._more
            )
        return tokens


def _merged(messages: Sequence[Message]) -> list[Message]:
    """Put the system's text before the first user's."""
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    if not others or not system:
        return others or list(messages)
    first = others[0]
    content = "\n\n".join([*system, first["content"]])
    return [{"role": first["role"], "content": content}, *others[1:]]
