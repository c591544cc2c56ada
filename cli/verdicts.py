"""Whether a question was answered, why not, and how sure that is, in words for people."""

from collections.abc import Mapping
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from cli.words import count

#: What a generator writes that has nothing to say: said once, not again as an answer.
NOT_IN_DOCUMENTS: Final = "The documents do not seem to answer this."
CLOSEST: Final = "Below is the closest that was found."
NO_DOCUMENTS: Final = "There are no documents yet in this collection."
NOTHING_MATCHES: Final = "No answer, because no document matches the filter."
NOT_SEARCHED: Final = "No documents were searched: --top-k 0 asks for no passages."
_ANSWERS: Final = {
    "no_documents": NO_DOCUMENTS,
    "nothing_matches_filter": NOTHING_MATCHES,
    "not_searched": NOT_SEARCHED,
}


def unanswered(told: Mapping[str, Any], *, closest: bool) -> str:
    """
    Return why there is no answer; *told* is a result, or the verdict before its text.

    With *closest* a text follows all the same.
    """
    said = _ANSWERS.get(why(told), NOT_IN_DOCUMENTS)
    return " ".join([said, *_hints(told), *([CLOSEST] if closest else [])])


def nothing_found(told: Mapping[str, Any]) -> str:
    """Return why a search has no results."""
    if why(told) == "nothing_matches_filter":
        return " ".join(["Nothing found, because no document matches the filter.", *_hints(told)])
    return NO_DOCUMENTS if why(told) == "no_documents" else "Nothing matches."


def print_standing(out: Console, told: Mapping[str, Any]) -> None:
    """Print how many documents could not be searched yet, and what a filter passed over."""
    if (told.get("answered") or told.get("results")) and (said := _hints(told)):
        out.print(Text(" ".join(said), "yellow"), soft_wrap=True)
    if waiting := told.get("waiting"):
        are = "is" if waiting == 1 else "are"
        out.print(Text(f"{count(waiting, 'document')} {are} still being added.", "yellow"))


def confidence(result: Mapping[str, Any]) -> str:
    """Return how sure an answer is and what that means; empty where that is unknown."""
    sure = result.get("confidence")
    if sure is None or not result["citations"]:
        return ""
    hundredth = int(sure * 100 + 0.5)  # as the page rounds
    return (
        f"Confidence {hundredth} %: of 100 questions with this figure, the documents answer "
        f"about {hundredth}."
    )


def why(told: Mapping[str, Any]) -> str:
    """Return why there is no answer; of a server of an earlier build what can be concluded."""
    otherwise = "no_documents" if told.get("documents") == 0 else "not_in_documents"
    return str(told.get("why") or otherwise)


def _hints(told: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the filter, a sentence each."""
    sentences = [hint[:1].upper() + hint[1:] for hint in told.get("filter_hints") or ()]
    return [line if line.endswith("?") else f"{line}." for line in sentences]
