"""
Names of collections, as people use them and as they are written down.

What a tenant calls `papers` is written down as `TENANT/papers`; the collections of `default`, which
is whose everything was before there were tenants, have no such beginning. No name that people give
holds a slash, so that a name written down says whose it is.
"""

from typing import Final

#: Whose everything is where no key says otherwise.
DEFAULT_TENANT: Final = "default"
_BETWEEN: Final = "/"


def stored_name(tenant: str, name: str) -> str:
    """Return how the collection that *tenant* calls *name* is written down."""
    return name if tenant == DEFAULT_TENANT else f"{tenant}{_BETWEEN}{name}"


def shown_name(stored: str) -> str:
    """Return what its own tenant calls a collection."""
    return stored.rpartition(_BETWEEN)[2]


def tenant_of(stored: str) -> str:
    """Return whose a collection is."""
    return stored.rpartition(_BETWEEN)[0] or DEFAULT_TENANT
