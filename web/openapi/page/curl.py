"""A call's example as a line for a shell."""

import json
import shlex
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

from intake.fields import Json
from web.openapi.examples.example import FORM
from web.openapi.pieces import USUAL

#: How an answer is best taken that is neither JSON nor text.
_OPTIONS: Final = {
    "text/event-stream": ["-N"],
    "application/octet-stream": ["-OJ"],
    "text/csv": ["-OJ"],
}
#: Fields of forms that are files.
_FILES: Final = ("file", "files")


def curl(base: str, method: str, path: str, operation: Json, *, media: str | None = None) -> str:
    """
    Return the line that makes a call with its example, for a POSIX shell.

    Args:
        base: Where the API is served, `https://docs.example.org/quern`, without a final slash.

        method: In small letters, as in the description.

        path: With its parameters in braces.

        operation: What the description has of the call, examples and all.

        media: The body that is sent, where there are several; None where there is none.
    """
    words = ["curl", *_answered(operation), *_method(method, has_body=media is not None)]
    parameters = operation.get("parameters", [])
    lines = [shlex.join([*words, base + _filled(path, parameters)])]
    lines += [f"-H '{one['name']}: {one[USUAL]}'" for one in parameters if USUAL in one]
    if media is not None:
        example = operation["requestBody"]["content"][media]["example"]
        lines += _body(media, example)
    return " \\\n  ".join(lines)


def _answered(operation: Json) -> list[str]:
    """Return the options by which the answer is taken."""
    for answer in operation["responses"].values():
        for media in answer.get("content", {}):
            if media in _OPTIONS:
                return _OPTIONS[media]
    return []


def _method(method: str, *, has_body: bool) -> list[str]:
    """Return the option that names the method, if curl would take another."""
    usual = "post" if has_body else "get"
    return [] if method == usual else ["-X", method.upper()]


def _filled(path: str, parameters: list[Json]) -> str:
    """Put the examples of the parameters into a path; slashes of a document's id stay."""
    asked = {}
    for one in parameters:
        if one["in"] == "path":
            path = path.replace(f"{{{one['name']}}}", quote(str(one["example"])))
        elif one["in"] == "query" and "example" in one:
            asked[one["name"]] = one["example"]
    return f"{path}?{urlencode(asked)}" if asked else path


def _body(media: str, example: Any) -> list[str]:
    """Return the options that send a body."""
    if media == FORM:
        return _form(example)
    is_text = isinstance(example, str)
    text = example if is_text else json.dumps(example, ensure_ascii=False)
    send = "--data-binary" if is_text else "-d"  # which takes line breaks out
    return [f"-H 'Content-Type: {media}'", f"{send} {shlex.quote(text)}"]


def _form(fields: Mapping[str, Any]) -> list[str]:
    """Return the options that send a form; files are named by their paths."""
    parts: list[str] = []
    for name, value in fields.items():
        before = "@" if name in _FILES else ""
        given = value if isinstance(value, list) else [value]
        parts += [f"-F {shlex.quote(f'{name}={before}{one}')}" for one in given]
    return parts
