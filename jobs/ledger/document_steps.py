"""Document steps: what makes a generation of a document the one that people read."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from jobs.errors import CollectionGone
from jobs.ledger.wire import Fields, Outbox, fenced_each, json_of, text_of
from jobs.units import Unit
from protocol.scripts import Scripts
from rag.errors import ReindexUnderWay

INDEX_REPLACED: Final = "the collection was reindexed meanwhile; the document is written once more"


@dataclass(frozen=True, slots=True)
class Activation:
    """
    A row whose generation is to become current: its log entry, its record, fields it gets.

    The record is as the catalogue keeps it, empty for a delete; see `corpus.catalogue.records`.
    """

    unit: Unit
    entry: str
    document: Sequence[Any]
    fields: Fields


class DocumentSteps:
    """
    Log and activate generations, of several rows in one trip.

    An answer for each, in order, or the error that it would raise: LeaseLost where the unit is no
    longer this claim's.
    """

    def __init__(self, scripts: Scripts, outbox: Outbox) -> None:
        self._run = scripts
        self._outbox = outbox

    def log_add(self, work: Sequence[tuple[Unit, str]]) -> list[str | Exception]:
        """
        Tell the followers that chunks of generations are in the vector store; the log entries.

        Each unit comes with the vector index of its collection that they are in; empty means
        the collection id itself. CollectionGone where the collection was deleted meanwhile.
        """
        calls = [(unit.id, unit.epoch, vector_index) for unit, vector_index in work]
        return [
            answer
            if isinstance(answer, Exception)
            else CollectionGone("the collection was deleted")
            if answer[0] == "gone"
            else str(answer[1])
            for answer in fenced_each(self._run, "log_add", [unit for unit, _ in work], calls)
        ]

    def activate(self, activations: Sequence[Activation]) -> list[str | Exception]:
        """
        Make generations the current ones, unless newer ones are; answers with the outcomes.

        `held` means that nothing happened: ask again in a moment. ReindexUnderWay where the chunks
        are in vectors that a reindex has replaced.
        """
        calls = [
            (
                one.unit.id,
                one.unit.epoch,
                one.entry,
                json_of(one.document),
                json_of(text_of(one.fields)),
            )
            for one in activations
        ]
        answers = fenced_each(self._run, "flip", [one.unit for one in activations], calls)
        for answer in answers:
            if not isinstance(answer, Exception):
                self._outbox.send(answer[1:])
        return [
            answer
            if isinstance(answer, Exception)
            else ReindexUnderWay(INDEX_REPLACED)
            if answer[0] == "moved"
            else str(answer[0])
            for answer in answers
        ]
