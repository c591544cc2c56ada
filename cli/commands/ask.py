"""`quern ask` and `quern search`: questions, and how their answers are printed."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.filters import filter_option, filters
from cli.question_lists import ask_list
from cli.session import Session, collection_option, json_option, pass_session
from cli.tables import plain_table
from cli.verdicts import (
    NOT_IN_DOCUMENTS,
    confidence,
    nothing_found,
    print_standing,
    unanswered,
    why,
)
from cli.words import count, failure, shortened, timings
from quern import flows
from quern.client import Client

SNIPPET = 300
#: How `quern ask --fail-unanswered` ends where there is no answer; 1 says that something failed.
UNANSWERED_EXIT = 3
#: A quote's marker, with the next quote behind it.
_MARKED = re.compile(r"(\[\d{1,3}\]) (?=\S)")
_ENDS = {
    "cancelled": "The question was stopped before it was answered.",
    "expired": "No answer came before the deadline. Ask again, or look at: quern health",
}


@click.command()
@click.argument("question", required=False)
@collection_option
@click.option("--top-k", type=int, help="How many passages to answer from.")
@filter_option
@click.option(
    "--file",
    "path",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Ask the questions of a file: CSV with a column `question`, or lines of JSON.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With --file: where the answers are written, as .csv or .jsonl.",
)
@click.option("--stream", is_flag=True, help="Print the answer while it is written.")
@click.option(
    "--fail-unanswered", is_flag=True, help="Exit with 3 where the documents do not answer."
)
@json_option
@pass_session
def ask(
    session: Session,
    question: str | None,
    *,
    collection: str,
    top_k: int | None,
    conditions: tuple[str, ...],
    path: Path | None,
    output: Path | None,
    stream: bool,
    fail_unanswered: bool,
    as_json: bool,
) -> None:
    """
    Ask QUESTION and print the answer with the words it rests on.

    With --file ask many, and write them with their answers, in the order of the file.
    """
    if stream and as_json:
        raise click.UsageError("--stream and --json exclude each other: JSON comes in one piece")
    if path is not None:
        if question or stream or as_json or fail_unanswered:
            raise click.UsageError("--file goes with --output, -c, --top-k and --filter alone")
        _ask_list(session, path, output, collection=collection, top_k=top_k, conditions=conditions)
        return
    if not question or output:
        raise click.UsageError("give a QUESTION, or --file with --output")
    body = {
        "question": question, "collection": collection, "top_k": top_k,
        "filters": filters(conditions),
    }  # fmt: skip
    given = {name: value for name, value in body.items() if value is not None}
    said = ""
    with session.client() as client:
        job_id = client.post("/api/queries", given).json()["id"]
        try:
            if stream:
                said = _print_tokens(session.out, client, job_id)
            response = client.run(flows.wait(job_id))
        except KeyboardInterrupt:
            session.remarks.print(f"\nStopped waiting; the job goes on. See: quern job {job_id}")
            raise
    job = response.json()
    if as_json:
        click.echo(response.text)
    else:
        show_answer(session.out, job, with_text=not stream, said=said)
    if job["state"] != "succeeded":
        raise SystemExit(1)
    if fail_unanswered and not job["result"]["answered"]:
        raise SystemExit(UNANSWERED_EXIT)


def _ask_list(
    session: Session,
    path: Path,
    output: Path | None,
    *,
    collection: str,
    top_k: int | None,
    conditions: tuple[str, ...],
) -> None:
    """Ask the questions of a file, and say how it ended; exits with 1 where not all went well."""
    of_all = {"collection": collection}
    if top_k is not None:
        of_all["top_k"] = str(top_k)
    if (wanted := filters(conditions)) is not None:
        of_all["filters"] = json.dumps(wanted)
    job = ask_list(session, path, output, of_all)
    told = job["progress"]
    good = told["done"] - told["failed"] - told["cancelled"]
    ends = [(told[end], end) for end in ("failed", "cancelled") if told[end]]
    where = f", in {output}" if output else ""
    session.remarks.print(
        f"{count(good, 'question')} done"
        + "".join(f", {number:,} {end}" for number, end in ends) + where,
        markup=False, soft_wrap=True,
    )  # fmt: skip
    if job["state"] != "succeeded":
        session.remarks.print(f"What was not answered is asked again by: quern retry {job['id']}")
        raise SystemExit(1)


@click.command()
@click.argument("query")
@collection_option
@click.option("--top-k", type=int, help="How many passages to find.")
@filter_option
@click.option("--mode", type=click.Choice(["hybrid", "dense", "sparse"]), help="How to search.")
@click.option("--explain", is_flag=True, help="Show how the ranking came about.")
@json_option
@pass_session
def search(
    session: Session,
    query: str,
    *,
    collection: str,
    top_k: int | None,
    conditions: tuple[str, ...],
    mode: str | None,
    explain: bool,
    as_json: bool,
) -> None:
    """Find the passages nearest to QUERY, without an answer."""
    body = {
        "query": query, "collection": collection, "top_k": top_k, "mode": mode,
        "filters": filters(conditions),
    }  # fmt: skip
    given = {name: value for name, value in body.items() if value is not None}
    if explain:
        given["trace"] = True
    with session.client() as client:
        response = client.post("/api/search", given)
    if as_json:
        click.echo(response.text)
        return
    found = response.json()
    found = found.get("result", found)
    for number, passage in enumerate(found["results"], start=1):
        session.out.print(_heading(number, passage, note=f"{passage['score']:.3f}"), soft_wrap=True)
        text = Text(shortened(passage["text"], SNIPPET))
        if context := passage.get("context"):
            text = Text("\n").join([Text(_one_line(context), "dim"), text])
        session.out.print(Padding(text, (0, 0, 1, 4), expand=False))
    if not found["results"]:
        session.out.print(Text(nothing_found(found)), soft_wrap=True)
    if explain:
        _print_trace(session.out, found["trace"], [hit["chunk_id"] for hit in found["results"]])
    _print_degraded(session.out, found)


def show_answer(
    out: Console, job: Mapping[str, Any], *, with_text: bool = True, said: str = ""
) -> None:
    """
    Print an ended question: answer, citations with title, page and quote, confidence, timings.

    Of one that was not answered it says so, and why, if that is not what was *said* before.
    """
    result = job.get("result")
    if result is None:
        out.print(Text(_ENDS.get(job["state"]) or f"No answer: {failure(job.get('error'))}", "red"))
        return
    if not result["answered"]:
        # Without quotes the text says the same once more.
        with_text = with_text and bool(result["citations"] and result["answer"].strip())
        if said != why(result):
            out.print(Text(unanswered(result, closest=with_text), "yellow"), soft_wrap=True)
    quoted = result["generator"] == "extractive"
    if with_text:
        out.print(Text(_one_a_line(result["answer"]) if quoted else result["answer"]))
    if result["citations"]:
        out.print()
    for marker in dict.fromkeys(citation["marker"] for citation in result["citations"]):
        out.print(_heading(marker, result["sources"][marker - 1]), soft_wrap=True)
        for citation in result["citations"]:
            if citation["marker"] == marker:
                heading = citation.get("heading", "")
                quote = _one_line(citation.get("shown") or citation["quote"])
                words = Text.assemble(
                    (f"{heading}: " if heading else "", "dim"),
                    ("withheld: the document was deleted", "dim")
                    if citation.get("deleted")
                    else (f"\u201c{quote}\u201d", "italic"),
                )
                out.print(Padding(words, (0, 0, 0, 4), expand=False))
    if lacking := result.get("missing"):
        out.print(Text(f"Not in the passages: {', '.join(lacking)}", "yellow"), soft_wrap=True)
    _print_degraded(out, result)
    by = "quoted, no language model" if quoted else result["generator"]
    sure = confidence(result)
    out.print(Text(f"\n{sure}\n" if sure else "\n"), end="")
    out.print(Text(f"{by}; {timings(job)}", "dim"), soft_wrap=True)


def _print_tokens(out: Console, client: Client, job_id: str) -> str:
    """Print an answer's text as it comes; returns why it is none, where that was said."""
    text, verdict, quoted = "", None, False
    for event in client.events(job_id):
        if event.kind == "verdict":  # comes before quotes alone
            quoted = True
            verdict = None if event.data["answered"] else event.data
        elif event.kind == "token":
            closest = event.data["text"].strip() not in ("", NOT_IN_DOCUMENTS)
            if verdict and not text:
                out.print(Text(unanswered(verdict, closest=closest), "yellow"), soft_wrap=True)
            if closest or not verdict:
                told = event.data["text"]
                click.echo(_one_a_line(told) if quoted else told, nl=False)
            text += event.data["text"]
        elif event.kind == "reset":
            text, verdict = "", None
            out.print("\n(The worker was lost; the answer begins again.)", style="dim")
    if text:
        click.echo()
    if verdict and text:
        return why(verdict)
    # A model's verdict is known when it has written; where it declines, that is what it writes.
    return "not_in_documents" if text.strip().startswith(NOT_IN_DOCUMENTS) else ""


def _heading(number: int, source: Mapping[str, Any], *, note: str = "") -> Text:
    """Write a source on one line: number, title, document, page."""
    title = source.get("title") or source["document_id"]
    parts = [source["document_id"] if title != source["document_id"] else ""]
    parts += [_page(source), note]
    where = ", ".join(part for part in parts if part)
    return Text.assemble((f"[{number}] ", "cyan"), (title, "bold"), (f"  {where}", "dim"))


def _page(source: Mapping[str, Any]) -> str:
    """Return the page on which a source begins: `page iv`, `sheet Prices`, or nothing."""
    called = source.get("page_label") or source.get("page")
    return f"{source.get('page_kind') or 'page'} {called}" if called else ""


def _print_trace(out: Console, trace: Mapping[str, Any], shown: Sequence[str]) -> None:
    """Show where each passage stood in either retriever, what that gave, and what was left out."""
    candidates = {candidate["chunk_id"]: candidate for candidate in trace["candidates"]}
    reranked = any("rerank" in candidate for candidate in candidates.values())
    smoothed = any("neighbours" in candidate for candidate in candidates.values())
    table = plain_table(
        "", *(["Reranked"] if reranked else []), "Score", "=  meaning", "+  words",
        *(["+  neighbours"] if smoothed else []), "Passage",
    )  # fmt: skip
    for number, name in enumerate(shown, start=1):
        candidate = candidates[name]
        anew = candidate.get("rerank")
        cells = [f"{anew['score']:.3f}" if anew else "-"] if reranked else []
        cells.append(f"{candidate['score']:.3f}" + (f"  #{candidate['rank']}" if reranked else ""))
        cells += [_part(candidate.get(retriever)) for retriever in ("dense", "sparse")]
        if smoothed:
            cells.append(f"{candidate.get('neighbours', {}).get('part', 0.0):+.3f}")
        table.add_row(f"[{number}]", *cells, Text(name))
    out.print(table)
    more = len(candidates) - len(shown)
    if more > 0:
        out.print(Text(f"{count(more, 'candidate')} ranked below", "dim"))
    for name, cause in trace["dropped"].items():
        out.print(Text(f"left out: {name}, {cause}", "dim"))


def _part(retriever: Mapping[str, Any] | None) -> str:
    """Write what a retriever gave to a score, with the place and the score it had there."""
    return (
        f"{retriever['part']:.3f}  #{retriever['rank']} ({retriever['score']:.3g})"
        if retriever
        else "-"
    )


def _print_degraded(out: Console, result: Mapping[str, Any]) -> None:
    """Print which part of the search was missing."""
    print_standing(out, result)
    told = {
        "sparse": "The word index was behind: found by meaning alone, exact words may be missed.",
        "rerank": "The reranker was not available: ranked by meaning and words alone.",
    }
    for part in result.get("degraded") or ():
        if part == "ingesting":
            continue  # said above
        out.print(Text(told.get(part, f"Not available in this search: {part}"), "yellow"))


def _one_a_line(text: str) -> str:
    """Write the quotes of an answer on a line each; the breaks inside them mean nothing."""
    return _MARKED.sub("\\1\n", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
