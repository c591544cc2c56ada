"""Settings read from the environment, once, and refused where they cannot work."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from runtime import hosts
from runtime.settings import PREFIX, Settings
from runtime.webhook_secrets import key_of

BOOLEANS = {"1": True, "true": True, "0": False, "false": False}

#: Numbers that 0 makes no sense of.
LEAST = {
    "max_num_seqs": 1,
    "hnsw_ef_construction": 1,
    "hnsw_ef_search": 1,
    "hnsw_max_neighbors": 2,
    "max_searches": 1,
    "max_uploads": 1,
    "web_threads": 1,
    "web_processes": 1,
}

#: Numbers that end somewhere; the lowest priority that Linux knows is 19.
MOST = {"fusion_weight": 1, "client_share": 1, "ingestion_nice": 19, "trace_ratio": 1}

#: Settings that people know from elsewhere and that do not exist here; what does it instead.
RETIRED = {
    name: (
        f"{name} no longer exists in vLLM: use QUERN_KV_OFFLOADING_SIZE (main memory for the KV "
        "cache, GiB) or QUERN_CPU_OFFLOAD_GB (main memory for weights, GiB)"
    )
    for name in ("swap_space", "swap_space_gb")
} | {
    "engine_metrics_port": (
        "engine_metrics_port is gone: every worker has /metrics now, from QUERN_METRICS_PORT "
        "upwards, and the generation worker two above it"
    )
}


class BadSetting(Exception):
    """Raised when a setting is unknown or cannot work; the process stops and says which."""


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """
    Read QUERN_* variables, of this process unless *environ* is given.

    Raises:
        BadSetting: A variable is unknown, unreadable or cannot work: a typo is never silent.
    """
    environ = os.environ if environ is None else environ
    given = {k.removeprefix(PREFIX).lower(): v for k, v in environ.items() if k.startswith(PREFIX)}
    known = {f.name for f in fields(Settings)}
    if unknown := sorted(set(given) - known):
        if retired := [RETIRED[name] for name in unknown if name in RETIRED]:
            raise BadSetting(retired[0])
        names = ", ".join(PREFIX + name.upper() for name in unknown)
        raise BadSetting(f"unknown settings: {names}; the README lists every setting")
    hints = get_type_hints(Settings)
    settings = Settings(**{name: _read(name, text, hints[name]) for name, text in given.items()})
    _check(settings)
    return settings


def engine_options(settings: Settings) -> dict[str, Any]:
    """
    Return the further engine arguments that `engine_options` names.

    Raises:
        BadSetting: It is no JSON object, or names what vLLM no longer has.
    """
    text = settings.engine_options.strip()
    name = f"{PREFIX}ENGINE_OPTIONS"
    if not text:
        return {}
    try:
        options = json.loads(text)
    except ValueError as error:
        raise BadSetting(f"{name} is not valid JSON: {error}") from error
    if not isinstance(options, dict):
        raise BadSetting(f'{name} must be a JSON object such as {{"enforce_eager": true}}')
    for retired in sorted(RETIRED.keys() & options):
        raise BadSetting(f"{name}: {RETIRED[retired]}")
    return options


def _read(name: str, text: str, kind: type) -> Any:
    """Turn the text of a variable into the setting's type."""
    try:
        if kind is bool:
            return BOOLEANS[text.strip().lower()]
        return Path(text) if kind is Path else kind(text)
    except (ValueError, KeyError) as error:
        raise BadSetting(
            f"{PREFIX}{name.upper()}={text!r} is not a valid {kind.__name__}"
        ) from error


def _check(settings: Settings) -> None:
    """Refuse values that are of the right type but cannot work."""
    choices = {
        "embedding_engine": ("auto", "onnx-int8", "onnx-float32", "sentence-transformers"),
        "fusion": ("convex", "rrf"),
        "hnsw_space": ("cosine", "ip", "l2"),
        "generator": ("", "extractive", "vllm", "openai"),
        "health_detail": ("everyone", "private", "nobody"),
        "keys": ("auto", "on", "off"),
        "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
    }
    for name, allowed in choices.items():
        if getattr(settings, name) not in allowed:
            raise BadSetting(f"{PREFIX}{name.upper()} must be one of: {', '.join(allowed)}")
    for f in fields(settings):
        value, least = getattr(settings, f.name), LEAST.get(f.name, 0)
        if isinstance(value, int | float) and value < least:
            must = f"be at least {least}" if least else "not be negative"
            raise BadSetting(f"{PREFIX}{f.name.upper()} must {must}")
        # What is not a number fails this comparison too.
        if f.name in MOST and not value <= MOST[f.name]:
            raise BadSetting(f"{PREFIX}{f.name.upper()} must be at most {MOST[f.name]}")
    _check_addresses(settings)
    _check_webhook_secret(settings.webhook_secret)
    if not 0 < settings.gpu_memory_utilization <= 1:
        raise BadSetting(f"{PREFIX}GPU_MEMORY_UTILIZATION must be above 0 and at most 1")
    for code in sorted(settings.embedder_languages or ()):
        if not re.fullmatch("[a-z]{2}", code):
            raise BadSetting(
                f"{PREFIX}EMBEDDING_LANGUAGES names {code!r}, which is no ISO 639-1 code; write "
                "`en,de`, or `all`"
            )
    if settings.answerer == "vllm" and not settings.model:
        raise BadSetting(f"{PREFIX}GENERATOR=vllm needs {PREFIX}MODEL, a name or a folder")
    engine_options(settings)
    _check_aliases(settings)


def _check_aliases(settings: Settings) -> None:
    """Refuse names of models that mean nothing."""
    for name, meant in settings.aliases.items():
        if not name or not re.fullmatch(r"quern(:\S+)?", meant):
            raise BadSetting(
                f"{PREFIX}MODEL_ALIASES must have names like `gpt-4o=quern` or "
                f"`gpt-4o=quern:COLLECTION`, not `{name}={meant}`"
            )


def _check_webhook_secret(secret: str) -> None:
    """Refuse a secret that cannot sign."""
    if not secret:
        return
    try:
        key_of(secret)
    except ValueError as error:
        raise BadSetting(
            f"{PREFIX}WEBHOOK_SECRET must be `whsec_` and the base64 of 24 to 64 random bytes; "
            "make one with: echo whsec_$(head -c 32 /dev/urandom | base64)"
        ) from error


def _check_addresses(settings: Settings) -> None:
    """Refuse hosts and a collector that cannot be."""
    if unusable := hosts.unusable(settings.allowed_hosts):
        raise BadSetting(
            f"{hosts.SETTING} names {unusable[0]!r}, which is no host; write names or addresses "
            "between commas, `.example.org` for a domain and all below it, or `*`"
        )
    if settings.otlp_endpoint and not re.fullmatch(
        r"https?://[^/\s@]+(/\S*)?", settings.otlp_endpoint
    ):
        raise BadSetting(
            f"{PREFIX}OTLP_ENDPOINT must be an http(s) address without a password in it; "
            "keys go into OTEL_EXPORTER_OTLP_HEADERS"
        )
