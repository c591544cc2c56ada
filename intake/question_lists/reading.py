"""Reading a list of questions: each question checked, with what the list says of all of them."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from intake.errors import InvalidQuestions, TooManyQuestions
from intake.fields import Fields
from intake.question_lists.formats import Entry
from intake.requests import list_fields, listed_fields
from jobs.question_lists import ListedQuestion
from rag.errors import InvalidRequest
from runtime.settings import Settings

#: Questions that cannot be accepted and are told: more are not looked for.
MOST_TOLD: Final = 20
#: What a list says of all of its questions, where they do not say it themselves.
_OF_ALL: Final = ("top_k", "filters", "max_tokens", "temperature", "deadline_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionList:
    """
    A list of questions, ready to be recorded.

    Attributes:
        collection: The one that all of them ask.

        deadline_s: The longest that one of them has.
    """

    collection: str
    deadline_s: int
    webhook_url: str
    questions: tuple[ListedQuestion, ...]

    def as_json(self) -> list[object]:
        """Return all that makes it the same list as another."""
        asked = [[question.id, question.request] for question in self.questions]
        return [self.collection, self.webhook_url, asked]


def read_list(of_all: object, entries: Iterable[Entry], settings: Settings) -> QuestionList:
    """
    Read a list; *of_all* is an object of the fields that hold for all its questions.

    Raises:
        InvalidRequest: A field of all is wrong, or there is no question.

        InvalidQuestions: Some questions are wrong.

        TooManyQuestions: There are more than a list may have.
    """
    told = list_fields(settings).read(of_all)
    common = {name: told[name] for name in _OF_ALL if told[name] is not None}
    questions = tuple(_read(entries, common | {"priority": "batch"}, settings))
    if not questions:
        raise InvalidRequest("questions", "must not be empty")
    return QuestionList(
        collection=told["collection"],
        deadline_s=max(question.request["deadline_s"] for question in questions),
        webhook_url=told["webhook_url"] or "",
        questions=questions,
    )


def _read(
    entries: Iterable[Entry], common: Mapping[str, Any], settings: Settings
) -> Iterator[ListedQuestion]:
    """Yield the questions; raises InvalidQuestions once all were read, or many were wrong."""
    errors, named = list[tuple[str, str]](), dict[str, str]()
    for n, entry in enumerate(entries):
        if n == settings.max_questions:
            raise TooManyQuestions(settings.max_questions)
        try:
            known = _checked(entry, listed_fields(settings))
            name = known.pop("id", str(n + 1))
            _check_name(name, entry.where, named)
        except InvalidRequest as wrong:
            errors.append((wrong.field, wrong.message))
            if len(errors) == MOST_TOLD:
                break
        else:
            yield ListedQuestion(name, {**common, **known})
    if errors:
        raise InvalidQuestions(errors)


def _checked(entry: Entry, fields: Fields) -> dict[str, Any]:
    """Return what a question says, as a row keeps it; raises InvalidRequest."""
    if entry.error:
        raise InvalidRequest(entry.where, entry.error)
    known = fields.given(entry.value, entry.where)
    if "history" in known:
        known["history"] = [{"role": turn.role, "text": turn.text} for turn in known["history"]]
    return known


def _check_name(name: str, where: str, named: dict[str, str]) -> None:
    """Refuse a name that another question has; *named* tells where each stood."""
    if (first := named.setdefault(name, where)) != where:
        raise InvalidRequest(f"{where}.id", f"is the id of {first} too: {name!r}")
