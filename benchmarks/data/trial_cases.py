"""
The cases of `benchmarks.trials`: a folder each, with its files and what to do with them.

    {"title": "A table with empty cells", "steps": [
        {"ingest": ["hours.html"]},
        {"text": "hours.html", "cells": [["Metal", "", "9-15"]]},
        {"ask": "When is the metal workshop open?", "answered": true, "first_contains": ["9-15"]}
    ]}

A step is an object that begins with a verb, and goes on with options of that verb; `ACTIONS` and
`CHECKS` list them, docs/benchmarks.md tells what each means.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

NAME: Final = "case.json"
#: What a step may do or look at, and of each the options that say how.
ACTIONS: Final[Mapping[str, frozenset[str]]] = {
    "ingest": frozenset({"metadata", "on_duplicate", "wait"}),
    "quern": frozenset(),
    "request": frozenset({"json", "headers"}),
    "pause_s": frozenset(),
    "cancel": frozenset(),
    "response": frozenset(),
    "job": frozenset(),
    "row": frozenset({"place"}),
    "documents": frozenset({"also_ok"}),
    "document": frozenset(),
    "text": frozenset(),
    "chunks": frozenset(),
    "search": frozenset({"mode", "filters", "top_k"}),
    "ask": frozenset({"filters", "top_k"}),
    "any_of": frozenset(),
}
#: The options of each verb that are checks.
CHECKS: Final[Mapping[str, frozenset[str]]] = {
    "quern": frozenset({"exit", "contains", "lacks"}),
    "request": frozenset({"status", "contains", "lacks", "header_begins"}),
    "response": frozenset({"status", "contains", "lacks"}),
    "job": frozenset({"state", "progress", "done_is_total"}),
    "row": frozenset({"state", "outcome", "reason", "says", "lacks"}),
    "document": frozenset({"title", "language", "encoding"}),
    "text": frozenset(
        {"contains", "lacks", "begins", "in_a_line", "lines", "cells", "at_most", "same_as", "file"}
    ),
    "chunks": frozenset({"at_most", "longest_run", "each_contains", "some_contain", "lacks"}),
    "search": frozenset({"first", "finds", "nothing", "lacks"}),
    "ask": frozenset({
        "answered", "degraded", "quotes", "quotes_at_most", "first_contains", "first_lacks",
        "first_begins", "first_document", "any_quote", "one_quote", "no_quote",
    }),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One verb with its value; *how* are the options that say how, *checks* those that judge."""

    verb: str
    value: Any
    how: Mapping[str, Any]
    checks: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Case:
    """A folder with files, and the steps to take with them in their order."""

    name: str
    title: str
    folder: Path
    steps: tuple[Step, ...]


class BadCase(SystemExit):
    """Raised when a case is not of the form that is expected; says where."""


def read(folder: Path) -> list[Case]:
    """
    Return the cases in a folder, by name; the folder may itself be one.

    Raises:
        BadCase: One is not of the form, or there is none.
    """
    paths = [folder / NAME] if (folder / NAME).is_file() else sorted(folder.glob(f"*/{NAME}"))
    if not paths:
        raise BadCase(f"{folder} holds no case: a case is a folder with a {NAME}")
    return [_case(path) for path in paths]


def _case(path: Path) -> Case:
    """Read one case."""
    folder = path.parent.absolute()
    try:
        told = json.loads(path.read_text("utf-8"))
        steps = tuple(step(row, folder) for row in told["steps"])
        return Case(folder.name, told["title"], folder, steps)
    except (ValueError, KeyError, TypeError) as error:
        raise BadCase(f"{path}: {type(error).__name__}: {error}") from error


def step(row: Mapping[str, Any], folder: Path) -> Step:
    """
    Return the step that an object describes.

    Raises:
        ValueError: It begins with no verb, has an option that its verb does not know, or names a
            file that is not there.
    """
    verb = next(iter(row), "")
    if verb not in ACTIONS:
        raise ValueError(f"a step begins with one of {', '.join(ACTIONS)}: {dict(row)}")
    known, checks = ACTIONS[verb], CHECKS.get(verb, frozenset())
    if unknown := set(row) - {verb} - known - checks:
        raise ValueError(f"{verb} knows no {', '.join(sorted(unknown))}: {dict(row)}")
    value = row[verb]
    if verb == "ingest":
        value = [_handed_over(given, folder) for given in value]
    elif verb == "any_of":
        value = [[step(part, folder) for part in way] for way in value]
    elif "file" in row and not (folder / row["file"]).is_file():
        raise ValueError(f"there is no file {row['file']}")
    return Step(
        verb,
        value,
        {name: row[name] for name in row if name in known},
        {name: row[name] for name in row if name in checks},
    )


def _handed_over(given: Any, folder: Path) -> tuple[Path, str]:
    """Return a file or folder to hand over, and the name to give it."""
    path, name = (given["file"], given["as"]) if isinstance(given, dict) else (given, given)
    if not (folder / path).exists():
        raise ValueError(f"there is no file {path}")
    return folder / path, name
