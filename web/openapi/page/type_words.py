"""A JSON Schema (2020-12) in words: a line for what a field may hold, a row for each field."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from markupsafe import Markup, escape

from intake.fields import Json

_SCHEMAS: Final = "#/components/schemas/"
#: Patterns that are longer say nothing to people.
_SHORT: Final = 40
#: Every JSON parser reads whole numbers up to here as they are.
_HIGHEST: Final = 2**53
#: So deep fields of fields are listed; below, an object is an object.
_DEEPEST: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A field or parameter: its name, what it may hold, and what it means."""

    name: str
    place: str = ""
    type: Markup
    meaning: Markup
    is_required: bool


def prose(text: str) -> Markup:
    """Return a sentence as HTML; what stands between backticks is code."""
    parts = text.split("`")
    shown = [
        Markup("<code>{}</code>").format(part) if n % 2 else escape(part)
        for n, part in enumerate(parts)
    ]
    return Markup().join(shown)


def type_words(schema: Json) -> Markup:
    """Say what a value may be; a schema with a name is a link to it."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_SCHEMAS)
        return Markup('<a href="#type-{0}">{0}</a>').format(name)
    if "enum" in schema:
        return Markup("one of ") + Markup(", ").join(
            Markup("<code>{}</code>").format("null" if word is None else word)
            for word in schema["enum"]
        )
    if several := schema.get("anyOf") or schema.get("oneOf"):
        return Markup(" or ").join(dict.fromkeys(type_words(one) for one in several))
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return Markup(" or ").join(_kind(kind, schema) for kind in kinds) or Markup("anything")


def field_rows(schema: Json) -> list[Row]:
    """Return the fields of an object, and of what its fields hold, as `documents[].id`."""
    return list(_rows(schema, "", 0))


def parameter_rows(parameters: list[Json]) -> list[Row]:
    """Return the parameters of a call, each with the place where it is sent."""
    return [
        Row(
            name=one["name"],
            place=one["in"],
            type=_with_default(one["schema"]),
            meaning=prose(one["description"]),
            is_required=one.get("required", False),
        )
        for one in parameters
    ]


def named_in(described: object) -> Iterator[str]:
    """Yield the names of schemas that a piece of the description points at."""
    if isinstance(described, dict):
        if str(described.get("$ref", "")).startswith(_SCHEMAS):
            yield described["$ref"].removeprefix(_SCHEMAS)
        described = list(described.values())
    if isinstance(described, list):
        for one in described:
            yield from named_in(one)


def _rows(schema: Json, before: str, depth: int) -> Iterator[Row]:
    """Yield the fields of *schema*, whose place is *before* each name."""
    if schema.get("type") == "array":
        yield from _rows(schema["items"], f"{before}[].".replace(".[]", "[]"), depth)
        return
    required = schema.get("required", [])
    for name, field in schema.get("properties", {}).items():
        yield Row(
            name=before + name,
            type=_with_default(field),
            meaning=prose(field.get("description", "")),
            is_required=name in required,
        )
        if depth < _DEEPEST and (inner := _inner(field)) is not None:
            listed = "[]" if "items" in field else ""
            yield from _rows(inner, f"{before}{name}{listed}.", depth + 1)


def _inner(field: Json) -> Json | None:
    """Return the object whose fields are those of *field*, None where it has none of its own."""
    held = field.get("items", field)
    first: Any = (held.get("oneOf") or [held])[0]
    return first if "properties" in first else None


def _with_default(schema: Json) -> Markup:
    """Say what a value may be, and what it is where it is not sent."""
    words = type_words(schema)
    if "default" not in schema:
        return words
    return words + Markup("; default <code>{}</code>").format(schema["default"])


def _kind(kind: str, schema: Json) -> Markup:
    """Say what a value of one of JSON's types may be."""
    match kind:
        case "array":
            most = f" (at most {schema['maxItems']:,})" if "maxItems" in schema else ""
            items = schema.get("items")
            return (Markup("list of ") + type_words(items) if items else Markup("list")) + most
        case "object":
            more = schema.get("additionalProperties")
            if isinstance(more, dict) and "type" in more and "properties" not in schema:
                return Markup("object of ") + type_words(more)
            return Markup("object")
        case "string":
            return _string(schema)
        case "integer" | "number":
            return escape(kind + _bounds(schema))
        case _:
            return escape(kind)


def _bounds(schema: Json) -> str:
    """Say between which numbers a number lies; the bound of JSON's own numbers says nothing."""
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is None or high is None:
        return ""
    return f" from {low:,}" if high >= _HIGHEST else f" from {low:,} to {high:,}"


def _string(schema: Json) -> Markup:
    """Say what a text may be."""
    if schema.get("format") == "binary":
        return Markup("file")
    words = escape("URL" if schema.get("format") == "uri" else "string")
    if most := schema.get("maxLength"):
        return words + f", at most {most:,} characters"
    pattern = schema.get("pattern", "")
    if pattern and len(pattern) <= _SHORT:
        return words + Markup(" like <code>{}</code>").format(pattern)
    return words
