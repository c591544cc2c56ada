"""What a generator answers with, whoever it is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rag.citations import Citation


@dataclass(frozen=True, slots=True)
class Answer:
    """
    An answer with `[n]` markers, each resolved by a citation.

    *answered* is false where the documents do not tell; *confidence*, 0 to 1, says how likely
    they do; *usage* counts what the answer cost.
    """

    text: str
    citations: Sequence[Citation]
    answered: bool
    confidence: float
    generator: str
    usage: dict[str, Any] = field(default_factory=dict)
