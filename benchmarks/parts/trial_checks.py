"""What the checks of a trial mean: what came, beside what was wanted, in words."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from benchmarks.data.wording import squeezed

#: Of what came so many characters are shown.
SHOWN: Final = 200


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: what was wanted and what came, in words, and whether it held."""

    wanted: str
    got: str
    held: bool


def contains(what: str, text: str, wanted: Iterable[str]) -> list[Finding]:
    """Look for strings, white space and forms of characters aside (see `wording.squeezed`)."""
    whole = squeezed(text)
    return [
        Finding(f"{what} contains {quoted(one)}", nearest(text, one), squeezed(one) in whole)
        for one in wanted
    ]


def lacks(what: str, text: str, unwanted: Iterable[str]) -> list[Finding]:
    """Look for strings that must not be there."""
    whole = squeezed(text)
    findings = []
    for one in unwanted:
        at = whole.find(squeezed(one)) if squeezed(one) else text.find(one)
        got = "it lacks it" if at < 0 else shown(whole[max(0, at - 60) :])
        findings.append(Finding(f"{what} lacks {quoted(one)}", got, at < 0))
    return findings


def begins(what: str, text: str, beginning: str) -> list[Finding]:
    """Look at how a text begins."""
    held = squeezed(text).startswith(squeezed(beginning))
    return [Finding(f"{what} begins {quoted(beginning)}", shown(text), held)]


def equal(what: str, got: object, wanted: object) -> list[Finding]:
    """Compare a value with the one wanted, or with any of several."""
    right = wanted if isinstance(wanted, list) else [wanted]
    return [Finding(f"{what} is {' or '.join(map(_said, right))}", _said(got), got in right)]


def at_most(what: str, got: int, most: int) -> list[Finding]:
    """Compare a number with the largest that is right."""
    return [Finding(f"{what}: at most {most:,}", f"{got:,}", got <= most)]


def text_of(
    name: str, text: str, checks: Mapping[str, Any], others: Mapping[str, str]
) -> list[Finding]:
    """
    Check a document's text.

    Args:
        name: The document.

        text: Its parsed text.

        checks: As in the case.

        others: The texts that `same_as` and `file` name, by name.
    """
    what = f"the text of {name}"
    lines = [squeezed(line) for line in text.splitlines()]
    found = contains(what, text, checks.get("contains", ()))
    found += lacks(what, text, checks.get("lacks", ()))
    if "begins" in checks:
        found += begins(what, text, checks["begins"])
    for wanted in checks.get("in_a_line", ()):
        held = any(squeezed(wanted) in line for line in lines)
        found.append(
            Finding(f"a line of {what} contains {quoted(wanted)}", nearest(text, wanted), held)
        )
    if "lines" in checks:
        found += _in_order(what, lines, checks["lines"])
    for cells in checks.get("cells", ()):
        found.append(_row(what, lines, cells))
    for word, most in checks.get("at_most", {}).items():
        count = squeezed(text).count(squeezed(word))
        found += at_most(f"{quoted(word)} in {what}", count, most)
    for key in ("same_as", "file"):
        if key in checks:
            found.append(_same(what, text, checks[key], others[checks[key]]))
    return found


def chunks_of(name: str, chunks: Sequence[str], checks: Mapping[str, Any]) -> list[Finding]:
    """Check the texts of a document's chunks."""
    what = f"chunks of {name}"
    found = []
    if "at_most" in checks:
        found += at_most(what, len(chunks), checks["at_most"])
    if "longest_run" in checks:
        longest = max((run for chunk in chunks for run in chunk.split()), key=len, default="")
        run = at_most(
            f"characters without white space in {what}", len(longest), checks["longest_run"]
        )[0]
        found.append(Finding(run.wanted, f"{run.got}: {shown(longest)}", run.held))
    for wanted in checks.get("each_contains", ()):
        without = [chunk for chunk in chunks if squeezed(wanted) not in squeezed(chunk)]
        got = f"{len(without)} of {len(chunks)} do not" + (
            f": {shown(without[0])}" if without else ""
        )
        found.append(
            Finding(f"all {what} contain {quoted(wanted)}", got, bool(chunks) and not without)
        )
    found += contains(f"one of the {what}", "\n".join(chunks), checks.get("some_contain", ()))
    return found + lacks(f"every one of the {what}", "\n".join(chunks), checks.get("lacks", ()))


def hits_of(
    query: str, hits: Sequence[Mapping[str, Any]], checks: Mapping[str, Any]
) -> list[Finding]:
    """Check what a search found, best first."""
    names = list(dict.fromkeys(hit["document_id"] for hit in hits))
    got = ", ".join(names) or "nothing"
    what = f"the search for {quoted(query)}"
    found = []
    if "first" in checks:
        wanted = checks["first"] if isinstance(checks["first"], list) else [checks["first"]]
        held = names[: len(wanted)] == wanted
        found.append(Finding(f"{what} finds {', then '.join(wanted)} first", got, held))
    found += [
        Finding(f"{what} finds {wanted}", got, wanted in names)
        for wanted in checks.get("finds", ())
    ]
    if "nothing" in checks:
        words = "nothing" if checks["nothing"] else "something"
        found.append(Finding(f"{what} finds {words}", got, checks["nothing"] is not bool(names)))
    texts = "\n".join(hit["text"] for hit in hits)
    return found + lacks(f"what {what} finds", texts, checks.get("lacks", ()))


def answer_of(question: str, result: Mapping[str, Any], checks: Mapping[str, Any]) -> list[Finding]:
    """Check an answer and its quotes."""
    quotes = [citation["quote"] for citation in result["citations"]]
    told = " ‖ ".join(shown(quote) for quote in quotes) or "no quote"
    verdict = f"answered {_said(result['answered'])} ({result['confidence']:.3f}): {told}"
    what = f"the answer to {quoted(question)}"
    first, quote = (quotes[0] if quotes else ""), f"the first quote of {what}"
    found = []
    if "answered" in checks:
        held = result["answered"] is checks["answered"]
        found.append(Finding(f"{what}: answered {_said(checks['answered'])}", verdict, held))
    if "degraded" in checks:
        found += contains(f"`degraded` of {what}", " ".join(result["degraded"]), checks["degraded"])
    found += _number_of_quotes(what, quotes, told, checks)
    found += contains(quote, first, checks.get("first_contains", ()))
    found += lacks(quote, first, checks.get("first_lacks", ()))
    if "first_begins" in checks:
        found += begins(quote, first, checks["first_begins"])
    if "first_document" in checks:
        sources = result["sources"]
        cited = [sources[citation["source"]]["document_id"] for citation in result["citations"][:1]]
        found += equal(f"the document of {quote}", "".join(cited), checks["first_document"])
    return found + _any_quote(what, quotes, told, checks)


def _number_of_quotes(
    what: str, quotes: Sequence[str], told: str, checks: Mapping[str, Any]
) -> list[Finding]:
    """Count quotes."""
    found = []
    if "quotes" in checks:
        wanted = f"{what} has {checks['quotes']} quotes"
        found.append(Finding(wanted, f"{len(quotes)}: {told}", len(quotes) == checks["quotes"]))
    if "quotes_at_most" in checks:
        wanted = f"{what} has at most {checks['quotes_at_most']} quotes"
        held = len(quotes) <= checks["quotes_at_most"]
        found.append(Finding(wanted, f"{len(quotes)}: {told}", held))
    return found


def _any_quote(
    what: str, quotes: Sequence[str], told: str, checks: Mapping[str, Any]
) -> list[Finding]:
    """Look at all quotes: some, one for all strings, none."""
    words = [squeezed(quote) for quote in quotes]
    found = []
    for wanted in checks.get("any_quote", ()):
        held = any(squeezed(wanted) in one for one in words)
        found.append(Finding(f"a quote of {what} contains {quoted(wanted)}", told, held))
    if together := checks.get("one_quote"):
        held = any(all(squeezed(wanted) in one for wanted in together) for one in words)
        wanted = " and ".join(map(quoted, together))
        found.append(Finding(f"one quote of {what} contains {wanted}", told, held))
    for unwanted in checks.get("no_quote", ()):
        held = not any(squeezed(unwanted) in one for one in words)
        found.append(Finding(f"no quote of {what} contains {quoted(unwanted)}", told, held))
    return found


def _in_order(what: str, lines: Sequence[str], wanted: Sequence[str]) -> list[Finding]:
    """Look for whole lines that follow each other, others between them."""
    found, at = [], 0
    for line in map(squeezed, wanted):
        held = line in lines[at:]
        if held:
            at = lines.index(line, at) + 1
        elsewhere = line in lines and not held
        got = "it stands before" if elsewhere else nearest("\n".join(lines), line)
        found.append(Finding(f"{what} has the line {quoted(line)} in its place", got, held))
    return found


def _row(what: str, lines: Sequence[str], cells: Sequence[str]) -> Finding:
    """Look for a line that parts into these cells at its bars."""
    wanted = [squeezed(cell) for cell in cells]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    held = wanted in rows
    like = [row for row in rows if set(filter(None, row)) & set(filter(None, wanted))]
    best = max(like, key=lambda row: len(set(row) & set(wanted)), default=[])
    return Finding(f"{what} has the row {' | '.join(wanted)}", shown(" | ".join(best)), held)


def _same(what: str, text: str, name: str, other: str) -> Finding:
    """Compare two texts line by line, empty lines aside."""
    ours, theirs = (
        [squeezed(line) for line in one.splitlines() if line.strip()] for one in (text, other)
    )
    pairs = zip([*ours, "its end"], [*theirs, "its end"], strict=False)
    got = next((f"{shown(a)} instead of {shown(b)}" for a, b in pairs if a != b), "it is")
    return Finding(f"{what} is that of {name}", got, ours == theirs)


def nearest(text: str, wanted: str) -> str:
    """Return what of a text is most like a string: of its lines the one that shares most words."""
    words = set(re.findall(r"\w+", squeezed(wanted)))
    best, most = "", 0
    for line in text.splitlines():
        shared = len(words.intersection(re.findall(r"\w+", line[:10_000])))
        if shared > most:
            best, most = line, shared
    if not best:
        return shown(text)
    at = min(place for word in words if (place := best.find(word)) >= 0)
    return shown(best[max(0, at - 40) :])


def shown(text: str) -> str:
    """Return a text on one line, cut where it is long."""
    line = " ".join(text.split())
    if not line:
        return "nothing"
    return f"“{line[:SHOWN]}…”" if len(line) > SHOWN else f"“{line}”"


def quoted(text: str) -> str:
    """Return a string in quotes, with signs that nobody sees written out."""
    return "“" + "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text) + "”"


def _said(value: object) -> str:
    """Return a value in a few words."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "nothing" if value is None or value == "" else str(value)
