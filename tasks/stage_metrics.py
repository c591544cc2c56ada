"""Metrics of stages: durations, results of searches, tokens of answers."""

from rag.answers.generation import Answer
from rag.search.retrieval import Found
from runtime.metrics.meters import (
    GEN_AI_FIRST_TOKEN,
    GEN_AI_PER_TOKEN,
    GEN_AI_SECONDS,
    GEN_AI_TOKENS,
    RESULTS,
    STAGE_SECONDS,
)

#: The operation of OpenTelemetry's conventions that an answer is.
CHAT = "chat"
#: Shows these times itself.
MEASURES_ITSELF = "vllm"


def record_search(found: Found) -> None:
    """Measure the parts of a search, and what each found; a part that was not asked is not told."""
    parts = (
        ("embed", found.embed_ms),
        ("dense", found.dense_ms),
        ("sparse", found.sparse_ms),
        ("fuse", found.fuse_ms),
        ("rerank", found.rerank_ms),
    )
    for stage, took_ms in parts:
        if took_ms:
            STAGE_SECONDS[stage].observe(took_ms / 1000)
    RESULTS["dense"].observe(found.dense_found)
    RESULTS["sparse"].observe(found.sparse_found)
    RESULTS["fused"].observe(len(found.passages))


def record_answer(answer: Answer, *, took_s: float, first_token_s: float | None) -> None:
    """Measure an answer; what a model wrote also under OpenTelemetry's names."""
    STAGE_SECONDS["generate"].observe(took_s)
    tokens = answer.usage.get("completion_tokens")
    if not tokens:
        return  # no model was asked, or it does not say what it wrote
    asked = _asked(answer.generator)
    GEN_AI_SECONDS[(*asked, "")].observe(took_s)
    GEN_AI_TOKENS[(*asked, "input")].observe(answer.usage.get("prompt_tokens") or 0)
    GEN_AI_TOKENS[(*asked, "output")].observe(tokens)
    if first_token_s is None or asked[2] == MEASURES_ITSELF:
        return
    GEN_AI_FIRST_TOKEN[asked].observe(first_token_s)
    if tokens > 1:
        GEN_AI_PER_TOKEN[asked].observe((took_s - first_token_s) / (tokens - 1))


def record_failed_answer(generator: str, error: Exception, *, took_s: float) -> None:
    """Measure an answer that a model did not give, by the class of the error."""
    if ":" in generator:
        GEN_AI_SECONDS[(*_asked(generator), type(error).__name__)].observe(took_s)


def _asked(generator: str) -> tuple[str, str, str]:
    """Return operation, model and provider; a generator is called `provider:model`."""
    provider, _, model = generator.partition(":")
    return CHAT, model.rstrip("/").rsplit("/", 1)[-1], provider
