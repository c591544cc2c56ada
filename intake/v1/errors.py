"""Why what is asked by OpenAI's names is turned away, with the names that its clients look for."""

from rag.errors import QuernError


class Refused(QuernError):
    """
    Raised when something cannot be done that its caller named.

    Args:
        message: What is wrong and what to do.

        param: The field that names it.

        code: A stable word for programs, None where the message is all.
    """

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class Missing(Refused):
    """Raised when what a caller named is not there, or not the caller's."""
