"""Why a caller is turned away; and what is not there for a caller."""

from protocol.names import shown_name
from rag.errors import QuernError


class NotFound(QuernError):
    """Raised when a collection, document or job does not exist, or is not the caller's."""


class NoSuchCollection(NotFound):
    """Raised when there is no such collection for a caller; whether others have it is not told."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no collection {shown_name(name)!r}")


class KeyRefused(QuernError):
    """Raised when a key is needed and none was sent, or one that nobody holds (any more)."""


class ScopeMissing(QuernError):
    """
    Raised when a key may not do what is asked.

    Args:
        scope: The scope that the key would need.

        of: Of what, where not of its own collections.
    """

    def __init__(self, scope: str, *, of: str = "") -> None:
        more = f" of {of}" if of else ""
        super().__init__(f"This key may not do that: it needs the scope `{scope}`{more}.")
        self.scope = scope


class Overspent(QuernError):
    """
    Raised when a key has spent what it may.

    Args:
        what: What is bounded, such as `questions`.

        limit: How much of it a key may spend, in *period*.

        retry_s: When it is worth asking again, seconds.
    """

    def __init__(self, what: str, *, limit: int, period: str, retry_s: int) -> None:
        super().__init__(
            f"This key may spend {limit:,} {what} a {period}, and has; "
            "who runs this installation can raise that."
        )
        self.what = what
        self.limit = limit
        self.retry_s = retry_s
