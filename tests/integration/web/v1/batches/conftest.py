"""`/v1` as its responses are asked for, with the same workers."""

import pytest

from tests.integration.web.v1.responses.conftest import (
    all_current,
    caller,
    generator,
    openai,
    retriever,
    store,
    url,
    workers,
)

__all__ = ["all_current", "caller", "generator", "openai", "retriever", "store", "url", "workers"]


@pytest.fixture(autouse=True)
def _nobody_makes_files_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the service of web processes from ended batches: tests say when one is looked at."""
    monkeypatch.setattr("intake.v1.batches.service.OutputService.start", lambda *_: None)
