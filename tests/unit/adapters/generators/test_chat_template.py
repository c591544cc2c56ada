"""Messages become the tokens a model was trained to see, whatever its template refuses."""

from typing import Any

import pytest

from adapters.generators.chat_template import PLAIN, ChatTemplate
from rag.answers.prompts import Message

MESSAGES: list[Message] = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Why?"},
]


class Tokenizer:
    """Takes one character for a token, and refuses the roles it is told to."""

    def __init__(self, *, refuses: str = "", chat_template: str | None = "a template") -> None:
        self.refuses = refuses
        self.chat_template = chat_template
        self.more: dict[str, Any] = {}

    def apply_chat_template(self, messages: list[Message], **more: Any) -> list[int]:
        self.more = more
        if self.refuses in {message["role"] for message in messages}:
            raise ValueError(f"no {self.refuses}")
        return [ord(c) for message in messages for c in f"{message['role']}:{message['content']};"]


def shown(template: ChatTemplate, messages: list[Message]) -> str:
    return "".join(map(chr, template.encode(messages)))


def test_messages_are_given_to_the_models_own_template() -> None:
    tokenizer = Tokenizer()

    assert shown(ChatTemplate(tokenizer), MESSAGES) == "system:Be brief.;user:Why?;"
    assert "chat_template" not in tokenizer.more
    assert tokenizer.more["add_generation_prompt"] is True


def test_where_the_system_is_refused_its_text_goes_with_the_first_question() -> None:
    template = ChatTemplate(Tokenizer(refuses="system"))

    assert shown(template, MESSAGES) == "user:Be brief.\n\nWhy?;"


def test_a_model_without_a_template_gets_a_plain_one() -> None:
    tokenizer = Tokenizer(chat_template=None)
    ChatTemplate(tokenizer).encode(MESSAGES)

    assert tokenizer.more["chat_template"] == PLAIN


def test_a_template_that_takes_nothing_says_why() -> None:
    with pytest.raises(ValueError, match="no user"):
        ChatTemplate(Tokenizer(refuses="user"))
