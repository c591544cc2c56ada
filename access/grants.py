"""Grants: what a caller may do, and whose collections a name means."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from access.errors import NoSuchCollection, ScopeMissing
from protocol.names import DEFAULT_TENANT, shown_name, stored_name, tenant_of

Scope = Literal["ask", "ingest", "admin"]

#: From asking to running the place; a key has any of them.
SCOPES: Final[tuple[Scope, ...]] = get_args(Scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a key may spend; None where there is no bound."""

    requests_per_minute: int | None = None
    questions_per_day: int | None = None
    documents_per_day: int | None = None
    tokens_per_day: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """
    What a caller may do.

    Args:
        key_id: The key that the caller showed; empty where none is asked for.

        tenant: Whose collections, jobs and webhooks the caller sees; those of no other.

        scopes: `ask`: ask, search and read; `ingest`: add and delete documents, and read;
            `admin`: what changes or empties whole collections, and webhooks.

        collections: The collections that the caller may use, by the tenant's own names; None means
            all of the tenant's.

        limits: What may be spent.
    """

    key_id: str = ""
    tenant: str = DEFAULT_TENANT
    scopes: frozenset[Scope] = frozenset(SCOPES)
    collections: frozenset[str] | None = None
    limits: Limits = field(default_factory=Limits)

    @property
    def scopes_in_order(self) -> list[Scope]:
        """The scopes, from asking to running the place."""
        return [scope for scope in SCOPES if scope in self.scopes]

    @property
    def is_operator(self) -> bool:
        """Whether the caller runs the installation: nothing of it is anybody else's."""
        return "admin" in self.scopes and self.tenant == DEFAULT_TENANT and self.collections is None

    def may_use(self, stored: str | None) -> bool:
        """Return True if the caller may see a collection, or what belongs to none."""
        if stored is None:
            return self.is_operator
        is_own = tenant_of(stored) == self.tenant
        return is_own and (self.collections is None or shown_name(stored) in self.collections)

    def require(self, scope: Scope) -> None:
        """Go on only with a scope; raises ScopeMissing."""
        if scope not in self.scopes:
            raise ScopeMissing(scope)

    def require_operator(self) -> None:
        """Go on only for who runs the installation; raises ScopeMissing."""
        if not self.is_operator:
            raise ScopeMissing("admin", of=f"the tenant `{DEFAULT_TENANT}`")

    def require_whole_tenant(self) -> None:
        """Go on only with a key that is held to no collections; raises ScopeMissing."""
        if self.collections is not None:
            raise ScopeMissing("admin", of="all collections of its tenant")


#: Where no key is asked for, everybody may do everything, as the one tenant there is.
OPEN: Final = Grant()

_current: ContextVar[Grant] = ContextVar("grant", default=OPEN)


def current() -> Grant:
    """Return what may be done for whom this thread works."""
    return _current.get()


@contextmanager
def acting_for(grant: Grant) -> Iterator[None]:
    """Let names mean what they mean to the holder of *grant* while the block runs."""
    token = _current.set(grant)
    try:
        yield
    finally:
        _current.reset(token)


def begin(grant: Grant) -> None:
    """Let names mean what they mean to the holder of *grant* until the next call in this thread."""
    _current.set(grant)


def collection_named(name: str) -> str:
    """
    Return how the collection that the caller calls *name* is written down.

    Raises:
        NoSuchCollection: The caller may not use it.
    """
    grant = current()
    whole = stored_name(grant.tenant, name)
    if not grant.may_use(whole):
        raise NoSuchCollection(name)
    return whole
