"""
Fields of what is sent: each says once what it may hold.

A kind is made from its bounds, and has what checks a value beside the JSON Schema that describes it
(2020-12, as OpenAPI 3.1 has it). An error is worded for the people who sent the value.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rag.errors import InvalidRequest
from rag.metadata.scalars import encoded

Json = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """
    What a field may hold.

    *read* takes a value and the place where it stands, and returns it as it is used within, or
    raises InvalidRequest, which names the place and says what it should hold.
    """

    read: Callable[[object, str], T]
    schema: Json


def text(max_bytes: int) -> Kind[str]:
    """Allow a text that is not blank, of at most *max_bytes* in UTF-8."""

    def read(value: object, where: str) -> str:
        if not isinstance(value, str) or not value.strip():
            raise InvalidRequest(where, "must be a non-empty string")
        if len(encoded(value, where)) > max_bytes:
            raise InvalidRequest(where, f"must have at most {max_bytes} bytes")
        return value

    # JSON Schema counts code points, of which there are no more than bytes.
    schema = {"type": "string", "minLength": 1, "maxLength": max_bytes, "pattern": r"\S"}
    return Kind(read, schema)


def whole(low: int, high: int) -> Kind[int]:
    """Allow a whole number from *low* to *high*."""

    def read(value: object, where: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidRequest(where, f"must be a whole number from {low} to {high}")
        return value

    return Kind(read, {"type": "integer", "minimum": low, "maximum": high})


def number(low: float, high: float) -> Kind[float]:
    """Allow a number from *low* to *high*."""
    words = f"must be a number from {low} to {high}"

    def read(value: object, where: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InvalidRequest(where, words)
        if not low <= value <= high:
            raise InvalidRequest(where, words)
        return float(value)

    return Kind(read, {"type": "number", "minimum": low, "maximum": high})


def choice(*words: str) -> Kind[str]:
    """Allow one of some words."""

    def read(value: object, where: str) -> str:
        if value not in words:
            raise InvalidRequest(where, f"must be one of: {', '.join(words)}")
        return str(value)

    return Kind(read, {"type": "string", "enum": list(words)})


def flag() -> Kind[bool]:
    """Allow true and false."""

    def read(value: object, where: str) -> bool:
        if not isinstance(value, bool):
            raise InvalidRequest(where, "must be true or false")
        return value

    return Kind(read, {"type": "boolean"})


def nullable(kind: Kind[T], empty: T | None = None) -> Kind[T | None]:
    """Allow what *kind* does, and null, which is read as *empty*."""

    def read(value: object, where: str) -> T | None:
        return empty if value is None else kind.read(value, where)

    if "type" not in kind.schema:
        return Kind(read, {"anyOf": [kind.schema, {"type": "null"}]})
    return Kind(read, kind.schema | {"type": [kind.schema["type"], "null"]})


@dataclass(frozen=True, slots=True)
class Field:
    """
    A field of an object.

    *default* is read where the field is absent, unless *usual* finds a value from the fields before
    it. A required field has neither: its kind refuses null. The schema tells the default, but for
    those that anybody expects: null, false and an empty object.
    """

    kind: Kind[Any]
    default: object = None
    usual: Callable[[Mapping[str, Any]], object] | None = None
    required: bool = False
    description: str = ""

    @property
    def schema(self) -> Json:
        """What the field may hold."""
        more: Json = {"description": self.description} if self.description else {}
        if self.default is not None and self.default is not False and self.default != {}:
            more["default"] = self.default
        return self.kind.schema | more


class Fields:
    """
    The fields of an object that is sent, read in this order; any other is refused.

    *demand* says what must be sent where it is no object. *planned* are names that the API's design
    knows and no version has yet: they are refused in other words than unknown ones, so that nobody
    thinks that they worked.
    """

    def __init__(
        self,
        fields: Mapping[str, Field],
        *,
        demand: str = "must be a JSON object",
        planned: tuple[str, ...] = (),
    ) -> None:
        self._fields = fields
        self._demand = demand
        self._planned = planned

    def read(self, body: object, where: str = "") -> dict[str, Any]:
        """
        Return the values of all fields.

        *where* the object stands is empty for a whole body.

        Raises:
            InvalidRequest: Names the first field that is wrong, and what it should hold.
        """
        before = self._place(where)
        known = self._checked(body, where)
        values: dict[str, Any] = {}
        for name, field in self._fields.items():
            value = known.get(name, field.default)
            if field.usual and name not in known:
                value = field.usual(values)
            values[name] = field.kind.read(value, before + name)
        return values

    def given(self, body: object, where: str) -> dict[str, Any]:
        """
        Return the values of the fields that are given, null ones left out, and of required ones.

        Raises:
            InvalidRequest: As `read`.
        """
        before = self._place(where)
        known = self._checked(body, where)
        return {
            name: field.kind.read(known.get(name), before + name)
            for name, field in self._fields.items()
            if field.required or known.get(name) is not None
        }

    def _checked(self, body: object, where: str) -> dict[str, Any]:
        """Return *body* if it is an object of known fields; raises InvalidRequest."""
        before = self._place(where)
        if not isinstance(body, dict):
            raise InvalidRequest(where or "body", self._demand)
        for name in body:
            if name in self._planned:
                raise InvalidRequest(before + name, "is not supported by this version")
            if name not in self._fields:
                raise InvalidRequest(before + name, "is not a known field")
        return body

    @staticmethod
    def _place(where: str) -> str:
        """Return what stands before the name of a field."""
        return f"{where}." if where else ""

    @property
    def properties(self) -> dict[str, Json]:
        """What each field may hold."""
        return {name: field.schema for name, field in self._fields.items()}

    @property
    def schema(self) -> Json:
        """The object."""
        required = sorted(name for name, field in self._fields.items() if field.required)
        return sent(self.properties, required=required)


def sent(properties: Json, *, required: Sequence[str] = ()) -> Json:
    """Describe an object that is sent: nothing but these fields."""
    schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return schema | ({"required": list(required)} if required else {})
