"""`quern ask` and `quern search`: questions, and how their answers are printed."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from cli.client import Client
from cli.filters import filter_option, filters
from cli.session import Session, collection_option, json_option, pass_session
from cli.tables import plain_table
from cli.words import count, failure, timings

SNIPPET = 300
NO_DOCUMENTS = "There are no documents yet in this collection."
#: A quote's marker, with the next quote behind it.
_MARKED = re.compile(r"(\[\d{1,3}\]) (?=\S)")
_ENDS = {
    "cancelled": "The question was stopped before it was answered.",
    "expired": "No answer came before the deadline. Ask again, or look at: quern health",
}


@click.command()
@click.argument("question")
@collection_option
@click.option("--top-k", type=int, help="How many passages to answer from.")
@filter_option
@click.option("--stream", is_flag=True, help="Print the answer while it is written.")
@json_option
@pass_session
def ask(
    session: Session,
    question: str,
    *,
    collection: str,
    top_k: int | None,
    conditions: tuple[str, ...],
    stream: bool,
    as_json: bool,
) -> None:
    """Ask QUESTION and print the answer with the words it rests on."""
    if stream and as_json:
        raise click.UsageError("--stream and --json exclude each other: JSON comes in one piece")
    body = {
        "question": question, "collection": collection, "top_k": top_k,
        "filters": filters(conditions),
    }  # fmt: skip
    given = {name: value for name, value in body.items() if value is not None}
    with session.client() as client:
        job_id = client.post("/api/queries", given).json()["id"]
        try:
            if stream:
                _print_tokens(session.out, client, job_id)
            response = client.wait(job_id)
        except KeyboardInterrupt:
            session.remarks.print(f"\nStopped waiting; the job goes on. See: quern job {job_id}")
            raise
    if as_json:
        click.echo(response.text)
    else:
        show_answer(session.out, response.json(), with_text=not stream)
    if response.json()["state"] != "succeeded":
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
        text = _shortened(passage["text"])
        if context := passage.get("context"):
            text = Text("\n").join([Text(_one_line(context), "dim"), text])
        session.out.print(Padding(text, (0, 0, 1, 4), expand=False))
    if not found["results"]:
        session.out.print(NO_DOCUMENTS if found.get("documents") == 0 else "Nothing matches.")
    if explain:
        _print_trace(session.out, found["trace"], [hit["chunk_id"] for hit in found["results"]])
    _print_degraded(session.out, found)


def show_answer(out: Console, job: Mapping[str, Any], *, with_text: bool = True) -> None:
    """Print an ended question: answer, citations with title, page and quote, timings."""
    result = job.get("result")
    if result is None:
        out.print(Text(_ENDS.get(job["state"]) or f"No answer: {failure(job.get('error'))}", "red"))
        return
    if not result["answered"]:
        out.print(Text(_unanswered(result), "yellow"))
        if not result["citations"]:
            with_text = False
        elif result["answer"].strip():
            out.print("The closest that was found:")
    quoted = result["generator"] == "extractive"
    if with_text:
        out.print(Text(_one_a_line(result["answer"]) if quoted else result["answer"]))
    out.print()
    for marker in dict.fromkeys(citation["marker"] for citation in result["citations"]):
        out.print(_heading(marker, result["sources"][marker - 1]), soft_wrap=True)
        for citation in result["citations"]:
            if citation["marker"] == marker:
                heading = citation.get("heading", "")
                words = Text.assemble(
                    (f"{heading}: " if heading else "", "dim"),
                    (
                        f"\u201c{_one_line(citation.get('shown') or citation['quote'])}\u201d",
                        "italic",
                    ),
                )
                out.print(Padding(words, (0, 0, 0, 4), expand=False))
    if lacking := result.get("missing"):
        out.print(Text(f"Not in the passages: {', '.join(lacking)}", "yellow"), soft_wrap=True)
    _print_degraded(out, result)
    by = "quoted, no language model" if quoted else result["generator"]
    out.print(Text(f"\n{by}; {timings(job)}", "dim"), soft_wrap=True)


def _print_tokens(out: Console, client: Client, job_id: str) -> None:
    """Print an answer's text as it comes."""
    for event in client.events(job_id):
        if event.kind == "token":
            click.echo(event.data["text"], nl=False)
        elif event.kind == "reset":
            out.print("\n(The worker was lost; the answer begins again.)", style="dim")
    click.echo()


def _heading(number: int, source: Mapping[str, Any], *, note: str = "") -> Text:
    """Write a source on one line: number, title, document, page."""
    title = source.get("title") or source["document_id"]
    parts = [source["document_id"] if title != source["document_id"] else ""]
    parts += [_page(source), note]
    where = ", ".join(part for part in parts if part)
    return Text.assemble((f"[{number}] ", "cyan"), (title, "bold"), (f"  {where}", "dim"))


def _page(source: Mapping[str, Any]) -> str:
    """Say on which page a source begins: `page iv`, `sheet Prices`, or nothing."""
    called = source.get("page_label") or source.get("page")
    return f"{source.get('page_kind') or 'page'} {called}" if called else ""


def _print_trace(out: Console, trace: Mapping[str, Any], shown: Sequence[str]) -> None:
    """Show where each passage stood in either leg, what that gave, and what was left out."""
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
        cells += [_part(candidate.get(leg)) for leg in ("dense", "sparse")]
        if smoothed:
            cells.append(f"{candidate.get('neighbours', {}).get('part', 0.0):+.3f}")
        table.add_row(f"[{number}]", *cells, Text(name))
    out.print(table)
    more = len(candidates) - len(shown)
    if more > 0:
        out.print(Text(f"{count(more, 'candidate')} ranked below", "dim"))
    for name, why in trace["dropped"].items():
        out.print(Text(f"left out: {name}, {why}", "dim"))


def _part(leg: Mapping[str, Any] | None) -> str:
    """Write what a leg gave to a score, with the place and the score it had there."""
    return f"{leg['part']:.3f}  #{leg['rank']} ({leg['score']:.3g})" if leg else "-"


def _unanswered(result: Mapping[str, Any]) -> str:
    """Say that there is no answer: none in the documents, or no documents."""
    if result.get("documents") == 0:
        return NO_DOCUMENTS
    return "The documents do not seem to answer this."


def _print_degraded(out: Console, result: Mapping[str, Any]) -> None:
    """Say what part of the search was missing."""
    if waiting := result.get("waiting"):
        are = "is" if waiting == 1 else "are"
        out.print(Text(f"{count(waiting, 'document')} {are} still being added.", "yellow"))
    told = {
        "sparse": "The word index was behind: found by meaning alone, exact words may be missed.",
        "rerank": "The reranker was not available: ranked by meaning and words alone.",
    }
    for part in result.get("degraded") or ():
        if part == "ingesting":
            continue  # said above
        out.print(Text(told.get(part, f"Not available in this search: {part}"), "yellow"))


def _shortened(text: str) -> Text:
    line = _one_line(text)
    return Text(line if len(line) <= SNIPPET else line[: SNIPPET - 1] + "\u2026")


def _one_a_line(text: str) -> str:
    """Write the quotes of an answer on a line each; the breaks inside them mean nothing."""
    return _MARKED.sub("\\1\n", _one_line(text))


def _one_line(text: str) -> str:
    return " ".join(text.split())
