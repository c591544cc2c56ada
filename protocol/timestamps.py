"""Times as the API writes them."""

from datetime import UTC, datetime


def rfc3339(micros: str | float) -> str:
    """Write microseconds since 1970 as RFC 3339, UTC, to the millisecond."""
    moment = datetime.fromtimestamp(int(micros) / 1e6, tz=UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
