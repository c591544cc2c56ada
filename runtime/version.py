"""The version of Quern that runs."""

from functools import cache
from importlib import metadata


@cache
def version() -> str:
    """Return the version that runs."""
    try:
        return metadata.version("quern")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that was not installed
