"""`/v1` as its responses are asked for, with the same workers."""

from tests.integration.web.v1.responses.conftest import (
    all_current,
    generator,
    openai,
    retriever,
    store,
    url,
    workers,
)

__all__ = ["all_current", "generator", "openai", "retriever", "store", "url", "workers"]
