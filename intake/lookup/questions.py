"""The questions of a list with what became of each: in pages, and whole."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, BinaryIO, Final, Self

import orjson

from corpus.blobs import BlobStore
from intake.errors import NotFound
from intake.lookup.views import JobView, has_ended
from jobs.ledger.rows import UNREADABLE, Rows
from jobs.question_lists import EMBEDDING, KIND, LIST_BLOB, ListedQuestion, read_from

#: Rows that are looked at together, and at most for one page: a rare state is found over several.
_STEP: Final = 200
_MOST: Final = 5_000
#: Rows of an export that are in memory together.
_EXPORTED_TOGETHER: Final = 100
#: What a row shows of an answer; `answered` and the rest are null before there is one.
_OF_RESULT: Final = ("answer", "answered", "confidence", "why", "citations")
_MORE_OF_RESULT: Final = ("missing", "degraded", "deleted")


class QuestionTable:
    """
    Show the questions of lists, in their order.

    A question that has no row yet waits on the disk. It is shown as one that is queued; where the
    list was cancelled before its turn, as cancelled. Answers show as little of deleted documents as
    those of single questions.
    """

    def __init__(self, rows: Rows, view: JobView, blobs: BlobStore) -> None:
        self._rows = rows
        self._view = view
        self._blobs = blobs

    def page(
        self, job_id: str, job: Mapping[str, str], *, state: str | None, start: int, limit: int
    ) -> tuple[list[dict[str, Any]], int | None]:
        """
        Return questions from number *start* on, counted from 0, and where the next page begins.

        *job* is the list's row. A page may be short where *state* is rare.

        Raises:
            NotFound: The job is no list of questions.
        """
        check_list(job)
        found: list[dict[str, Any]] = []
        at, total = start, int(job["fill_total"])
        step, most = (limit if state is None else _STEP), min(total, start + _MOST)
        with ListedInStep(job, self._blobs) as listed:
            while at < most:
                for n, shown in self._part(job_id, listed, at, min(at + step, most), state=state):
                    at = n + 1
                    if shown is not None:
                        found.append(shown)
                        if len(found) == limit:
                            return found, at if at < total else None
        return found, at if at < total else None

    def all(self, job_id: str, job: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """
        Yield all questions of a list; few of their answers are in memory at a time.

        Raises:
            NotFound: The job is no list of questions.
        """
        check_list(job)
        return self._all(job_id, job)

    def _all(self, job_id: str, job: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Yield all questions of a list."""
        total = int(job["fill_total"])
        with ListedInStep(job, self._blobs) as listed:
            for at in range(0, total, _EXPORTED_TOGETHER):
                part = self._part(job_id, listed, at, min(at + _EXPORTED_TOGETHER, total))
                yield from (shown for _, shown in part if shown is not None)

    def _part(
        self, job_id: str, listed: "ListedInStep", first: int, end: int, *, state: str | None = None
    ) -> Iterator[tuple[int, dict[str, Any] | None]]:
        """Yield questions *first* to *end* by their numbers; None for one in another *state*."""
        states = None if state is None else (state,)
        rows = self._rows.documents(job_id, first=first, last=end - 1, states=states)
        rows += [{"state": listed.state}] * (end - first - len(rows))
        wanted = [bool(row) and state in (None, row["state"]) for row in rows]
        there = [row for row, is_wanted in zip(rows, wanted, strict=True) if is_wanted]
        outcomes = iter(self._view.outcomes([row for row in there if _tells(row)]))
        for at, row, is_wanted in zip(range(first, end), rows, wanted, strict=True):
            if not is_wanted:
                yield at, None
                continue
            told = next(outcomes) if _tells(row) else {}
            yield at, _shown(at, _question(row, at, listed), row, told)


class ListedInStep:
    """
    A list as it was sent, read line by line behind its rows: most questions have rows that say all.

    Args:
        job: The list's row. Of one that was refused there is no list.
    """

    def __init__(self, job: Mapping[str, str], blobs: BlobStore) -> None:
        self._blob = job.get(LIST_BLOB)
        self._blobs = blobs
        self._file: BinaryIO | None = None
        self._more: Iterator[ListedQuestion] | None = None
        self._at = 0
        #: What a question without a row is.
        self.state = "cancelled" if has_ended(job) else "queued"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def question(self, n: int) -> ListedQuestion:
        """
        Return question *n*, which is behind any that was asked for before.

        Where the list is gone it has no text.
        """
        if self._more is None:
            self._file = self._blobs.open(self._blob) if self._blob else None
            self._more = iter(()) if self._file is None else read_from(self._file, 0)
        found = next(islice(self._more, n - self._at, None), None)
        self._at = n + 1
        return found or ListedQuestion(str(n + 1), {"question": ""})


def _tells(row: Mapping[str, str]) -> bool:
    """Return True if something is shown of what became of a row: of vectors nothing is."""
    return "kind" in row and (row["kind"] != EMBEDDING or "error" in row)


def _question(row: Mapping[str, str], at: int, listed: ListedInStep) -> ListedQuestion:
    """Return what is asked, from a row if that says so."""
    if "request" in row:
        return ListedQuestion(row["question_id"], orjson.loads(row["request"]))
    return listed.question(at)


def _shown(
    at: int, question: ListedQuestion, row: Mapping[str, str], told: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a question with what became of it, its result or error as *told* of a job."""
    shown: dict[str, Any] = {
        "n": at + 1, "id": question.id, "question": question.question, "state": row["state"],
    } | dict.fromkeys(_OF_RESULT)  # fmt: skip
    shown["citations"] = []
    if UNREADABLE in row:
        shown["note"] = row[UNREADABLE]
    if "error" in told:
        return shown | {"error": told["error"]}
    result = told.get("result", {})
    shown |= {name: result[name] for name in _OF_RESULT if name in result}
    return shown | {name: result[name] for name in _MORE_OF_RESULT if result.get(name)}


def check_list(job: Mapping[str, str]) -> None:
    """
    Return if *job*, a row, is a list of questions.

    Raises:
        NotFound: It is not.
    """
    if job["kind"] != KIND:
        raise NotFound(f"this job is of the kind {job['kind']}; only a list has questions")


def check_documents(job: Mapping[str, str]) -> None:
    """
    Return unless *job*, a row, is a list of questions, which has no documents.

    Raises:
        NotFound: It is one.
    """
    if job["kind"] == KIND:
        raise NotFound("this job is a list of questions; it has links.questions, no documents")
