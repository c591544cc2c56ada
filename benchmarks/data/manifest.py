"""
What is expected of real files, and whether it came: `manifest.jsonl`, one object a file.

    {"file": "memo.pdf", "kind": "pdf", "expect": "text", "must_contain": ["To whom it may"],
     "must_not_contain": ["Page 2 of 4"], "also_ok": ["partial"]}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.data.datasets import lines
from benchmarks.data.wording import Words

OUTCOMES: Final = ("text", "partial", "empty", "error")
EXPECTED: Final = ("text", "empty", "error")
#: Of what was read and not expected so many characters are shown.
SHOWN: Final = 160


@dataclass(frozen=True, slots=True)
class Expected:
    """
    What is expected of one file.

    Args:
        path: Where it lies.

        kind: What it is, whatever its name says.

        outcome: `text` (with every string of *must_contain*), `empty` (readable, but no text), or
            `error` (refused with a reason).

        also_ok: Other outcomes that are right; `partial` is some of the strings.

        must_contain: Strings, which count where *outcome* is `text`.

        must_not_contain: Strings that make any text wrong.

        name: Its path as the manifest has it.
    """

    path: Path
    kind: str
    outcome: str
    also_ok: tuple[str, ...] = ()
    must_contain: tuple[str, ...] = ()
    must_not_contain: tuple[str, ...] = ()
    name: str = ""

    @classmethod
    def from_json(cls, row: Mapping[str, Any], folder: Path) -> "Expected":
        """
        Return what a line of a manifest says; other fields, such as a licence, are passed over.

        Raises:
            SystemExit: An outcome is unknown, a field is missing, or the file is.
        """
        try:
            expected = cls(
                folder / row["file"],
                row["kind"],
                row["expect"],
                tuple(row.get("also_ok", ())),
                tuple(row.get("must_contain", ())),
                tuple(row.get("must_not_contain", ())),
                row["file"],
            )
        except KeyError as missing:
            raise SystemExit(f"manifest.jsonl: {missing} is missing in {dict(row)}") from missing
        unknown = {expected.outcome} - set(EXPECTED) | set(expected.also_ok) - set(OUTCOMES)
        if unknown:
            raise SystemExit(f"manifest.jsonl: {row['file']}: no outcome: {sorted(unknown)}")
        if not expected.path.is_file():
            raise SystemExit(f"manifest.jsonl: there is no file {expected.path}")
        return expected

    def __str__(self) -> str:
        """Say in words what is expected."""
        ways = " or ".join((self.outcome, *self.also_ok))
        held = f" with {_quoted(self.must_contain)}" if self.must_contain else ""
        without = f" without {_quoted(self.must_not_contain)}" if self.must_not_contain else ""
        return ways + held + without


@dataclass(frozen=True, slots=True)
class Reading:
    """
    What a reader made of one file.

    Args:
        text: What was read; None where the reader refused.

        detail: Why it refused, in its words.

        broken: The reader did not refuse but crashed, hung, ran out of memory or met an error that
            nobody foresaw.

        seconds: How long it took.

        peak: The most memory of the process that read it, bytes; None where nobody knows.
    """

    text: str | None
    detail: str = ""
    broken: bool = False
    seconds: float = 0.0
    peak: int | None = None


@dataclass(frozen=True, slots=True)
class Judgement:
    """
    Whether a reading is what was expected.

    Args:
        outcome: One of `OUTCOMES`, or `broken`, which is never right.

        found: How many strings of *must_contain* there are.

        unwanted: Strings of *must_not_contain* that are there.

        got: In words what came.
    """

    right: bool
    outcome: str
    found: int
    unwanted: tuple[str, ...]
    got: str


def read(folder: Path) -> list[Expected]:
    """
    Return what is expected of the files of a folder.

    Raises:
        SystemExit: There is no manifest, it names no file, or it cannot be followed.
    """
    path = folder / "manifest.jsonl"
    if not path.is_file():
        raise SystemExit(f"there is no {path}")
    expected = [Expected.from_json(row, folder) for row in lines(path)]
    if not expected:
        raise SystemExit(f"{path} names no file")
    return expected


def judge(expected: Expected, reading: Reading) -> Judgement:
    """Hold a reading against what was expected."""
    words = Words(reading.text or "")
    missing = [wanted for wanted in expected.must_contain if not words.hold(wanted)]
    unwanted = tuple(word for word in expected.must_not_contain if words.show(word))
    found = len(expected.must_contain) - len(missing)
    outcome = _outcome(reading, words, found=found, missing=len(missing))
    right = outcome in (expected.outcome, *expected.also_ok) and not unwanted
    got = outcome
    if reading.detail:
        got += f": {reading.detail}"
    elif missing and words.plain:
        got += f" without {_quoted(missing)}"
    elif outcome == "text" and not right and not unwanted:
        got += f": {words.plain[:SHOWN]}"
    if unwanted:
        got += f" with {_quoted(unwanted)}"
    return Judgement(right, outcome, found, unwanted, got)


def _outcome(reading: Reading, words: Words, *, found: int, missing: int) -> str:
    """Return which outcome a reading is; text without any of the strings is `other text`."""
    if reading.text is None:
        return "broken" if reading.broken else "error"
    if not words.plain:
        return "empty"
    if not missing:
        return "text"
    return "partial" if found else "other text"


def _quoted(strings: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"“{string}”" for string in strings)
