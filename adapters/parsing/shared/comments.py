"""Comments of Office files as words: on what, by whom, and what they say."""

from adapters.parsing.shared.grids import one_line
from adapters.parsing.shared.packages import Package, below

_AUTHORS = frozenset({"commentAuthors", "authors", "person"})


def told(text: str, *, author: str = "", place: str = "") -> str:
    """Return a comment as a line; empty where it says nothing."""
    text, author = one_line(text), one_line(author)
    if author:  # Excel writes the name once more into the comment
        text = text.removeprefix(f"{author}:").lstrip()
    head = " ".join(filter(None, ("Comment", place and f"on {place}", author and f"by {author}")))
    return f"{head}: {text}" if text else ""


def authors(package: Package, main: str) -> dict[str, str]:
    """Return who writes comments, by id, as the *main* part of a file leads to their list."""
    names = {}
    for relation in package.relations(main).values():
        root = package.optional(relation.target) if relation.kind in _AUTHORS else None
        for one in below(root, "cmAuthor", "author", "person") if root is not None else ():
            names[one.get("id", "")] = one.get("name") or one.get("displayName") or ""
    return names
