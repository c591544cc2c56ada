"""A conversation: its earlier turns, and how urgent the next one is."""

from dataclasses import dataclass
from typing import Literal

#: Whose turn comes first where there is not room for all.
Priority = Literal["interactive", "batch"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One earlier turn of a conversation."""

    role: Literal["user", "assistant"]
    text: str
