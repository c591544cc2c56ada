"""A tool: what it is called, what it takes and tells, and how its arguments are read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from access.grants import Scope
from rag.errors import InvalidRequest
from web.mcp.protocol import Json

#: What is meant where nothing names a collection.
DEFAULT: Final = "default"

_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "string": (str, "text"),
    "integer": (int, "a whole number"),
}


@dataclass(frozen=True, slots=True)
class Call:
    """
    What a tool is asked.

    Args:
        given: Its arguments, all of them.

        collection: Of which collection, as its caller calls it.

        is_held: Whether the address names the collection: then there are no others.
    """

    given: Json
    collection: str
    is_held: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """
    A tool.

    Args:
        name, title, description: What models and people are told of it.

        scope: What the caller's key needs; None where any key will do.

        takes: Its arguments, as JSON Schema; one without a default is required.

        gives: What it always tells, as JSON Schema.

        may_give: What it tells where there is such a thing.

        does: Is called with what is asked, and returns what is told.

        changes: Whether documents are others afterwards, or gone.
    """

    name: str
    title: str
    description: str
    scope: Scope | None = None
    takes: Json
    gives: Json
    may_give: Json = field(default_factory=dict)
    does: Callable[[Call], Json]
    changes: bool = False

    def shown(self, *, is_held: bool) -> Json:
        """Return its definition; where the address names the collection, no argument does."""
        takes = self._arguments(is_held=is_held)
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {
                "type": "object",
                "properties": takes,
                "required": [name for name, kind in takes.items() if "default" not in kind],
                "additionalProperties": False,
            },
            "outputSchema": {
                "type": "object",
                "properties": self.gives | self.may_give,
                "required": list(self.gives),
            },
            "annotations": {
                "title": self.title,
                "readOnlyHint": not self.changes,
                "destructiveHint": self.changes,
                "idempotentHint": True,
                "openWorldHint": False,
            },
        }

    def called(self, arguments: Json, collection: str | None) -> Json:
        """
        Return what the tool tells; *collection* is that of the address, None where it names none.

        Raises:
            InvalidRequest: An argument is missing, unknown or of another kind.

            QuernError, Problem: As what is asked raises.
        """
        given = self._read(arguments, is_held=collection is not None)
        named = collection or str(given.get("collection", DEFAULT))
        return self.does(Call(given, named, is_held=collection is not None))

    def _arguments(self, *, is_held: bool) -> Json:
        """Return what the tool takes."""
        return {
            name: kind for name, kind in self.takes.items() if name != "collection" or not is_held
        }

    def _read(self, arguments: Json, *, is_held: bool) -> Json:
        """Return the arguments, with what is usual for those left out; raises InvalidRequest."""
        takes = self._arguments(is_held=is_held)
        for name in arguments:
            if name not in takes:
                raise InvalidRequest(name, f"is not an argument of `{self.name}`")
        return {name: _value(name, kind, arguments.get(name)) for name, kind in takes.items()}


def _value(name: str, kind: Json, given: Any) -> Any:
    """Return the value of one argument; models also say null for what they leave out."""
    if given is None:
        if "default" not in kind:
            raise InvalidRequest(name, "is missing")
        return kind["default"]
    python, words = _KINDS[kind["type"]]
    if not isinstance(given, python) or isinstance(given, bool):
        raise InvalidRequest(name, f"must be {words}")
    return given
