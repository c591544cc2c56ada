"""The paths of lists of questions."""

from typing import Final

from intake.fields import Json
from intake.lookup.exports import FORMATS
from intake.lookup.jobs import ROW_STATES
from web.openapi.pieces import (
    BODY,
    READS,
    WRITES,
    choice,
    idempotency_key,
    job_id,
    operation,
    paging,
    ref,
)

#: What the text of a body is, where it is no JSON.
_TABLE: Final = {
    "type": "string",
    "description": "Its first row names the columns, one of them `question`.",
}
_LINES: Final = {
    "type": "string",
    "description": "A question on each line, as one of `questions`.",
}


def question_paths(of_all: Json) -> Json:
    """Describe lists of questions; *of_all* are the fields that hold for all of one."""
    body = {
        "required": True,
        "content": {
            "application/json": {"schema": ref("Questions")},
            "multipart/form-data": {"schema": ref("QuestionsForm")},
            "application/x-ndjson": {"schema": _LINES},
            "text/csv": {"schema": _TABLE},
        },
    }
    return {
        "/api/questions": {
            "post": operation(
                "Ask many questions", "Questions", name="askMany",
                details=(
                    "A list is one job, accepted whole or not at all: a table, lines of JSON, or "
                    "JSON; or one such file in a form."
                ),
                parameters=[_of_all(name, of_all[name]) for name in of_all] + [idempotency_key()],
                body=body,
                answers={202: ("The job", "Job")},
                problems=(*WRITES, *BODY, 404, 409),
                location=True,
            )
        },
        "/api/jobs/{job_id}/questions": {
            "get": operation(
                "List the questions of a list with their answers", "Questions",
                name="listQuestions",
                parameters=[
                    job_id(), choice("state", ROW_STATES, "Only questions in this state."),
                    *paging(),
                ],
                answers={200: ("Questions, in the order of the list", "AskedQuestions")},
                problems=(*READS, 404, 410),
            )
        },
        "/api/jobs/{job_id}/export": {"get": _export()},
    }  # fmt: skip


def _export() -> Json:
    """Describe the download of a list, which is of one of two media types."""
    described = operation(
        "Download a list with its answers", "Questions", name="exportAnswers",
        parameters=[job_id(), choice("format", tuple(FORMATS), "What kind of file.")],
        answers={200: ("A table, or lines of JSON", "text/csv")},
        problems=(*READS, 404, 410, 429),
    )  # fmt: skip
    described["responses"]["200"]["content"]["application/x-ndjson"] = {"schema": {}}
    return described


def _of_all(name: str, schema: Json) -> Json:
    """Describe a field of all questions as a parameter, of a body that has no room for it."""
    told = "Where the body is `text/csv` or `application/x-ndjson`."
    schema = {key: value for key, value in schema.items() if key != "description"}
    if "anyOf" in schema:  # a filter: as JSON
        schema = {"type": "string"}
    return {"name": name, "in": "query", "schema": schema, "description": told}
