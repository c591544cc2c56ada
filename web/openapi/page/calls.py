"""The calls of the description, as the pages show them."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from intake.fields import Json
from web.openapi.examples.example import FORM
from web.openapi.page.curl import curl
from web.openapi.page.type_words import (
    Row,
    field_rows,
    named_in,
    parameter_rows,
    prose,
    type_words,
)
from web.openapi.refusals import REFUSALS, Refusal, example_problem

_PROBLEM: Final = "application/problem+json"
#: What people call a media type.
_LABELS: Final = {
    FORM: "a form",
    "application/json": "JSON",
    "application/x-ndjson": "lines of JSON",
    "text/csv": "a table",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A call as it stands in the list of all."""

    id: str
    method: str
    path: str
    summary: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The calls of one subject."""

    id: str
    name: str
    meaning: str
    calls: list[Entry]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What may be sent, its fields, and the line that sends it; *label* is empty for no body."""

    label: str
    rows: list[Row]
    curl: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is answered under a status; *example* is empty where there is none."""

    status: str
    meaning: Markup
    type: Markup
    example: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A status that refuses: what it means, what to do, and the kinds of its problem."""

    status: int
    meaning: Markup
    remedy: Markup
    kinds: tuple[str, ...]
    example: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of a path, with the types that it speaks of."""

    entry: Entry
    details: Markup
    parameters: list[Row]
    sent: list[Sent]
    answers: list[Answer]
    refusals: list[Refused]
    types: list[tuple[str, Markup, list[Row]]]


def groups(document: Json) -> list[Group]:
    """Return the calls of a description by subject."""
    calls: dict[str, list[Entry]] = {tag["name"]: [] for tag in document["tags"]}
    for path, method, operation in _operations(document):
        calls[operation["tags"][0]].append(_entry(path, method, operation))
    return [
        Group(
            id=tag["name"].lower(),
            name=tag["name"],
            meaning=tag["description"],
            calls=calls[tag["name"]],
        )
        for tag in document["tags"]
    ]


def call(document: Json, name: str, *, base: str) -> Call | None:
    """Return the call with an operation id, None where there is none; *base* as for `curl`."""
    for path, method, operation in _operations(document):
        if operation["operationId"] == name:
            return _call(document, path, method, operation, base)
    return None


def all_refused() -> list[Refused]:
    """Return every refusal, by status."""
    return [_refused(status, refusal, refusal.meaning) for status, refusal in REFUSALS.items()]


def _operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield each path with a method, and what is described of it."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def _entry(path: str, method: str, operation: Json) -> Entry:
    """Return a call as it stands in the list."""
    return Entry(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
    )


def _call(document: Json, path: str, method: str, operation: Json, base: str) -> Call:
    """Return one call."""
    schemas = document["components"]["schemas"]
    told = {status: one for status, one in operation["responses"].items() if not _refuses(one)}
    bodies = operation.get("requestBody", {}).get("content", {})
    named = _all_named([_body(schemas, content) for content in bodies.values()], told, schemas)
    return Call(
        entry=_entry(path, method, operation),
        details=prose(operation.get("description", "")),
        parameters=parameter_rows(operation.get("parameters", [])),
        sent=[
            Sent(
                label=_LABELS.get(media, media),
                rows=field_rows(_body(schemas, bodies[media])),
                curl=curl(base, method, path, operation, media=media),
            )
            for media in sorted(bodies, key=_order)
        ]
        or [Sent(label="", rows=[], curl=curl(base, method, path, operation))],
        answers=[_answer(status, answer) for status, answer in told.items()],
        refusals=[
            _refused(int(status), REFUSALS[int(status)], answer.get("description"))
            for status, answer in operation["responses"].items()
            if status not in told
        ],
        types=[
            (name, prose(schemas[name].get("description", "")), field_rows(schemas[name]))
            for name in named
        ],
    )


def _order(media: str) -> tuple[bool, str]:
    """Return by what bodies are ordered: a form, with which files come, is the first."""
    return media != FORM, media


def _body(schemas: Json, content: Json) -> Json:
    """Return the schema of a body: its own, or the one that it names."""
    schema: Json = content["schema"]
    return schemas.get(schema.get("$ref", "").rpartition("/")[2], schema)


def _all_named(bodies: list[Json], answers: Json, schemas: Json) -> list[str]:
    """Return the names of the schemas that bodies and answers speak of, near ones first."""
    found = dict.fromkeys(named_in([bodies, answers]))
    waiting = list(found)
    while waiting:
        more = [name for name in named_in(schemas[waiting.pop(0)]) if name not in found]
        found |= dict.fromkeys(more)
        waiting += dict.fromkeys(more)
    return list(found)


def _refuses(answer: Json) -> bool:
    """Return True if an answer is a refusal: health tells of a failure in words of its own."""
    return "$ref" in answer or _PROBLEM in answer.get("content", {})


def _refused(status: int, refusal: Refusal, meaning: str | None) -> Refused:
    """Return a refusal; *meaning* is the call's own, or None."""
    return Refused(
        status=status,
        meaning=prose(meaning or refusal.meaning),
        remedy=prose(refusal.remedy),
        kinds=refusal.kinds,
        example=_written(example_problem(status)),
    )


def _answer(status: str, answer: Json) -> Answer:
    """Return what is answered under one status."""
    contents: dict[str, Json] = answer.get("content", {})
    media = next(iter(contents), "")
    content = contents.get(media, {})
    schema = content.get("schema")
    words = type_words(schema) if schema else prose(f"`{media}`" if media else "")
    return Answer(
        status=status,
        meaning=prose(answer["description"]),
        type=words,
        example=_written(content.get("example")),
    )


def _written(example: object) -> Markup:
    """Return an example as text."""
    if example is None or isinstance(example, str):
        return escape(example or "")
    return escape(json.dumps(example, indent=2, ensure_ascii=False))
