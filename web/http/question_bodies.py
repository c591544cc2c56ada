"""Reading a list of questions: JSON, lines of JSON, a table, or a form with one such file."""

from collections.abc import Iterator
from typing import Any, Final

from flask import request
from werkzeug.datastructures import FileStorage

from intake.question_lists.formats import Entry, from_csv, from_lines, from_list, from_text
from intake.question_lists.reading import QuestionList, read_list
from intake.requests import list_fields
from rag.errors import InvalidRequest
from web.front_end import front_end
from web.http.problems import Problem
from web.http.request_parts import body_bytes, json_body, json_of, parameters

FILE: Final = "file"
#: What files are called, and what they are by their media types.
_ENDINGS: Final = {
    ".csv": "csv",
    ".tsv": "csv",
    ".jsonl": "lines",
    ".ndjson": "lines",
    ".json": "json",
}
_LINES: Final = ("application/x-ndjson", "application/jsonl", "application/x-jsonlines")
_TABLE: Final = ("text/csv", "text/tab-separated-values")


def read_questions() -> QuestionList:
    """
    Read the list of questions of this request.

    Raises:
        InvalidRequest, InvalidQuestions, TooManyQuestions: Which field or question, and why.

        Problem: 400 where it cannot be read, 413 where there is too much, 415 where it is of
            another type.
    """
    settings = front_end().settings
    of_all: object
    if request.mimetype == "multipart/form-data":
        of_all, entries = _from_form()
    elif request.mimetype in _LINES:
        of_all, entries = _parameters(), from_lines(body_bytes())
    elif request.mimetype in _TABLE:
        of_all, entries = _parameters(), from_csv(body_bytes())
    elif request.is_json:
        parameters()
        of_all, entries = _taken_apart(json_body())
    else:
        raise Problem(
            415, "Send `text/csv`, `application/x-ndjson`, JSON with `questions`, or a form with "
            "one such `file`.",
        )  # fmt: skip
    return read_list(of_all, entries, settings)


def _parameters() -> dict[str, object]:
    """Return what the query parameters say of all questions; raises InvalidRequest."""
    given = parameters(*list_fields(front_end().settings).properties)
    return {name: from_text(name, told, name) for name, told in given.items()}


def _taken_apart(body: object) -> tuple[dict[str, Any], Iterator[Entry]]:
    """Return what JSON says of all questions, and these; raises InvalidRequest."""
    if isinstance(body, list):
        return {}, from_list(body, "questions")
    if not isinstance(body, dict):
        raise InvalidRequest("body", "must be a JSON object with questions")
    of_all = dict(body)
    return of_all, from_list(of_all.pop("questions", None), "questions")


def _from_form() -> tuple[dict[str, object], Iterator[Entry]]:
    """Read a form: fields of all questions as text, and one file."""
    parameters()
    settings = front_end().settings
    request.max_content_length = settings.max_json_bytes
    request.max_form_parts = 100
    files = [(name, file) for name, given in request.files.lists() for file in given]
    if len(files) != 1 or files[0][0] != FILE:
        raise InvalidRequest(FILE, "must be one file: CSV, lines of JSON, or JSON")
    of_all: dict[str, object] = {}
    for name, values in request.form.lists():
        if len(values) > 1:
            raise InvalidRequest(name, "is given more than once")
        of_all[name] = from_text(name, values[0], name)
    file = files[0][1]
    kind, data = _kind(file), file.stream.read()
    if kind == "csv":
        return of_all, from_csv(data)
    if kind == "lines":
        return of_all, from_lines(data)
    told, entries = _taken_apart(json_of(data))
    for name in told.keys() & of_all.keys():
        raise InvalidRequest(name, "is said by the form and by the file")
    return of_all | told, entries


def _kind(file: FileStorage) -> str:
    """Return what a file is, by its name, else by its media type; raises InvalidRequest."""
    name = (file.filename or "").lower()
    for ending, kind in _ENDINGS.items():
        if name.endswith(ending):
            return kind
    if file.mimetype in _LINES:
        return "lines"
    if file.mimetype in _TABLE:
        return "csv"
    if file.mimetype == "application/json":
        return "json"
    raise InvalidRequest(FILE, "must be called .csv, .jsonl or .json")
