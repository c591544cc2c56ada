"""Why a question has no answer, or a search no results."""

from typing import Final, Literal

Reason = Literal["no_documents", "nothing_matches_filter", "not_in_documents", "not_searched"]

REASONS: Final[tuple[Reason, ...]] = (
    "no_documents", "nothing_matches_filter", "not_in_documents", "not_searched"
)  # fmt: skip


def reason(*, documents: int, unmatched: bool, searched: bool = True) -> Reason:
    """
    Return the plainest reason.

    *documents* is how many the collection had, *unmatched* whether there was a filter that none of
    them matches, and *searched* whether the caller wanted any passages at all.
    """
    if not searched:
        return "not_searched"
    if documents == 0:
        return "no_documents"
    return "nothing_matches_filter" if unmatched else "not_in_documents"
