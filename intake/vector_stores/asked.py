"""What is asked of vector stores, as the intake reads it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rag.documents import Value
from rag.search.modes import Mode


@dataclass(frozen=True, slots=True, kw_only=True)
class FileToAttach:
    """
    A file that is to be a document of a store.

    Attributes:
        chunking: Tokens of a chunk and of its overlap with the next; None leaves it to Quern.
    """

    file_id: str
    attributes: Mapping[str, Value]
    chunking: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStore:
    """
    A store that is to be made.

    Attributes:
        expires_days: How long it lasts unused; None for ever.
    """

    label: str = ""
    description: str = ""
    metadata: Mapping[str, str]
    expires_days: int | None = None
    files: Sequence[FileToAttach] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreChange:
    """
    What is to change of a store: *fields* of its record as they are kept, None for what goes.

    See `corpus.vector_stores.records.store_row`.
    """

    fields: Mapping[str, str | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSearch:
    """
    A search of a store.

    Attributes:
        queries: Each is searched for; what is found is one list.

        most: How many passages are wanted.

        filters: A filter of ours.

        least_score: What a passage must have at least, 0 to 1.
    """

    queries: Sequence[str]
    most: int
    filters: Mapping[str, Any] | None = None
    least_score: float = 0.0
    mode: Mode = "hybrid"
