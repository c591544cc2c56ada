"""
Every error Quern raises on purpose. The split says what to do next.

QuernError
  InvalidRequest          the caller's mistake                → 422, never retried
  Unreadable              a file's own fault                  → its row fails, the others go on
    NoText                readable, but nothing to index      → its row ends `empty`
  Retryable               may work later                      → the unit is put back for a while
    StoreUnavailable
      BlobMissing         this unit's own bytes are away
    ReindexUnderWay       the vectors change under a write
  DeadlineExceeded        out of time                         → the unit ends `expired`
  LeaseLost               another worker owns the unit now    → stop at once, write nothing
  Cancelled               the caller asked to stop            → the unit ends `cancelled`
  RerankerFailed          the fused order stands              → the search says `degraded`
  Broken                  it cannot be done in this process   → a worker does not start; a unit is
                                                                put back, and given up at the third
    EmbedderMismatch      the collection was made by another model
    NoVector              the model has none for a text       → that document or question fails
    EngineDead            the engine died under its units    → their claims lapse: a death counts
"""


class QuernError(Exception):
    """
    The root of all errors raised on purpose.

    Where *tells_no_text* is true the message is Quern's own and may be logged: it never quotes a
    document, a question or what another server said of them.
    """

    is_safe_to_log = False


class InvalidRequest(QuernError):
    """Raised when a request cannot be accepted as it is; names the field and the remedy."""

    def __init__(self, field: str, message: str) -> None:
        """Remember *field* and *message* apart, so that problem details can list them."""
        super().__init__(f"{field}: {message}")
        self.field = field
        self.message = message


class Unreadable(QuernError):
    """
    Raised when a file cannot be turned into text; the detail is shown to its owner.

    Args:
        reason: A stable snake_case word for programs, such as `encrypted` or `corrupt`.

        detail: One plain sentence for people: what is wrong and what to do.
    """

    def __init__(self, reason: str, detail: str) -> None:
        """Remember *reason* (for programs) and *detail* (for people)."""
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class NoText(Unreadable):
    """Raised when a file is readable but holds no text, for example a scanned page."""

    def __init__(self, detail: str) -> None:
        """Fix the reason to `no_text`."""
        super().__init__("no_text", detail)


class Retryable(QuernError):
    """Raised when the same call may succeed later."""

    is_safe_to_log = True


class StoreUnavailable(Retryable):
    """Raised when Redis, Chroma or the blob store does not answer."""


class BlobMissing(StoreUnavailable):
    """Raised when the blob store does not have what it was given; a disk may be away."""


class ReindexUnderWay(Retryable):
    """Raised when a collection's vectors are being made anew, or have just been."""


class DeadlineExceeded(QuernError):
    """Raised when a unit's deadline has passed."""

    is_safe_to_log = True


class LeaseLost(QuernError):
    """Raised when a unit's epoch is no longer the caller's: another worker has claimed it."""

    is_safe_to_log = True


class Cancelled(QuernError):
    """Raised when the unit that is running was cancelled by its owner."""

    is_safe_to_log = True


class RerankerFailed(QuernError):
    """Raised when the reranker gives no scores; who raises it has logged the reason."""

    is_safe_to_log = True


class Broken(QuernError):
    """
    Raised when something cannot be done in this process as it is.

    At its start the process ends; in a body the unit is put back, and given up after
    `protocol.timings.MAX_BROKEN` such ends. The message is told to who asked.
    """

    is_safe_to_log = True


class EmbedderMismatch(Broken):
    """Raised when a collection was embedded by another model than the one loaded."""


class NoVector(Broken):
    """Raised when the model's answer for a text is no vector of norm 1; others may have one."""


class EngineDead(Broken):
    """
    Raised when the engine died while it worked on a unit.

    The unit may be what killed it, so it is not given back unharmed: its claim lapses, and that is
    a death like any other.
    """
