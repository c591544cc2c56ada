"""What tests of `/v1` do with OpenAI's own client, which checks each answer against its types."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def strict_client(openai: Any, url: str, key: str = "none") -> Iterator[Any]:
    """Return OpenAI's client of the server at *url*, in the mode in which it checks answers."""
    with openai.OpenAI(
        base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=30,
        _strict_response_validation=True,
    ) as client:  # fmt: skip
        yield client


def upload(api: Any, name: str, text: str) -> str:
    """Upload a file; returns its id."""
    sent = api.files.create(file=(name, io.BytesIO(text.encode())), purpose="assistants")
    return str(sent.id)


def attached(api: Any, store: str, name: str, text: str, **attributes: Any) -> str:
    """Attach a file with such attributes; it is a document when this returns."""
    file = upload(api, name, text)
    done = api.vector_stores.files.create_and_poll(
        file, vector_store_id=store, attributes=attributes
    )
    assert done.status == "completed", done
    return file


def counts(told: Any) -> tuple[int, int, int, int, int]:
    """Return how many files are in progress, completed, failed, cancelled, and all of them."""
    c = told.file_counts
    assert c.total == c.in_progress + c.completed + c.failed + c.cancelled
    return c.in_progress, c.completed, c.failed, c.cancelled, c.total
