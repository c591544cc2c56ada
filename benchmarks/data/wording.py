"""How benchmarks compare texts: Unicode NFKC, and each run of white space as one blank."""

import re
import unicodedata
from typing import Final

#: Marks of Markdown and of tables, which say how words look and are none themselves.
_MARKS: Final = re.compile(r"\\(?=[^\w\s])|[*_`#|]")


def squeezed(text: str) -> str:
    """Return a text in NFKC with each run of white space as one blank, none at its ends."""
    return " ".join(unicodedata.normalize("NFKC", text).split())


def unmarked(text: str) -> str:
    """Return a text as `squeezed` does, without the marks of Markdown."""
    return squeezed(_MARKS.sub(lambda mark: " " if mark[0] == "|" else "", text))


class Words:
    """
    A text to look for strings in.

    Args:
        text: As it was read, plain or Markdown.
    """

    def __init__(self, text: str) -> None:
        self.plain = squeezed(text)
        self._unmarked = unmarked(text)

    def hold(self, wanted: str) -> bool:
        """Return True if a string is in the text, as it stands there or once marks are left out."""
        bare = unmarked(wanted)
        return squeezed(wanted) in self.plain or (bare != "" and bare in self._unmarked)

    def show(self, unwanted: str) -> bool:
        """Tell the same of a string that may itself be about marks: then these have to be there."""
        return squeezed(unwanted) in self.plain or (
            unmarked(unwanted) == squeezed(unwanted) and self.hold(unwanted)
        )
