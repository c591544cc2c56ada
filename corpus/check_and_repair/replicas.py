"""The check of the replicas: each compares its own index with the catalogue."""

import time
from collections.abc import Iterator
from typing import Any, Final

from corpus.check_and_repair.scope import Scope
from protocol import timings

#: How often it is looked whether the replicas have answered.
POLL_S: Final = 0.1


def check_replicas(scope: Scope) -> Iterator[int]:
    """Ask every live replica, and report what each answers; yields while it waits for them."""
    report, change_log = scope.report, scope.change_log
    ticket, names = change_log.ask_audit(scope.collection_id, repair=scope.repair)
    until = time.monotonic() + timings.AUDIT_WAIT_S
    answers: dict[str, dict[str, Any]] = {}
    try:
        while not set(names) <= set(answers) and time.monotonic() < until:
            time.sleep(POLL_S)
            yield 0
            answers = change_log.audit_answers(ticket)
    finally:
        change_log.end_audit(scope.collection_id, ticket)
    for name in names:
        answer = answers.get(name)
        if answer is None:
            report.add_unrepaired("replica_silent", None, f"{name} did not answer")
            report.replicas.append({"name": name, "state": "silent"})
        else:
            report.merge(answer["findings"])
            told = {"name": name, "state": answer["state"], "documents": answer["documents"]}
            report.replicas.append(told)
