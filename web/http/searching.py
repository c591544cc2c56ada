"""A search is a job like any other, which its caller awaits."""

from typing import Any

import orjson

from intake.lookup.views import has_ended, timings_ms
from intake.queries import SEARCH_DEADLINE_S, SearchRequest
from web.front_end import front_end
from web.http.behind_proxy import client
from web.http.problems import Problem
from web.http.waiting import awaited


def searched(asked: SearchRequest) -> dict[str, Any]:
    """
    Search a collection and return the passages, best first.

    Raises:
        Problem: The search failed, or was not answered in time.

        NotFound, NoSlot, Full, MemoryFull: As their names say.
    """
    parts = front_end()
    with parts.places.searches.held(client()):
        job_id = parts.intake.queries.submit_search(asked)
        row = awaited(job_id, SEARCH_DEADLINE_S).row
    if row["state"] == "succeeded" and "result" in row:
        result: dict[str, Any] = orjson.loads(row["result"])
        return result | {"timings_ms": timings_ms(row)}
    if row["state"] == "failed":
        error = orjson.loads(row.get("error", "{}"))
        detail = error.get("detail", "The search failed.")
        raise Problem(
            500 if error.get("type") in (None, "internal") else 422,
            detail, kind="search-failed", more={"job_id": job_id, "error": error},
        )  # fmt: skip
    if not has_ended(row):
        parts.intake.control.cancel(job_id)
    raise Problem(
        504,
        f"The search was not answered within {SEARCH_DEADLINE_S} seconds; try again.",
        headers={"Retry-After": "5"},
        more={"job_id": job_id},
    )
