"""The result of a question, as its generator and its readers both have to know it."""

from collections.abc import Mapping
from typing import Any

#: Of a question's result, told before its text.
_VERDICT = ("answered", "confidence", "why", "filter_hints", "documents", "waiting")


def verdict(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a result says before its text: whether that is an answer, and why it is none."""
    return {name: result[name] for name in _VERDICT if name in result}
