"""Names shared by code that makes and records spans: attributes, headers, addresses."""

import re
from collections.abc import Mapping
from typing import Final

#: A value that a span may hold: counts, names, identifiers; never text of a document or a question.
Value = str | int | float | bool
Attributes = Mapping[str, Value]

#: A `traceparent` of W3C Trace Context.
VERSION_00: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

#: Names of Lua scripts by the digest that Redis calls them by, for the names of spans.
SCRIPTS: Final[dict[str, str]] = {}


def traces_url(endpoint: str) -> str:
    """Return where a collector takes traces over HTTP: its base address with `/v1/traces`."""
    base = endpoint.rstrip("/")
    return base if base.endswith("/v1/traces") else f"{base}/v1/traces"
