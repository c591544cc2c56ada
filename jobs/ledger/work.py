"""Work: units are claimed, kept alive, handed over, ended and given back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from jobs.ledger.wire import Fields, Outbox, fenced, fenced_each, json_of, log_ends, text_of
from jobs.units import Delta, Unit, unit_from_flat
from protocol import timings
from protocol.messages import ROLE_OF, Stage
from protocol.scripts import Scripts

#: What is to become of a claimed unit: go on, stop because that was asked, or it is another's now.
ClaimStatus = Literal["ok", "stop", "lost"]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a claim was refused: the message is to be forgotten, or the unit must run alone."""

    reason: str


@dataclass(frozen=True, slots=True)
class Output:
    """What a stage of a unit hands over: fields of its row, and the event that tells of them."""

    unit: Unit
    fields: Fields
    event: str = ""
    data: object = None


class Work:
    """
    Hand units out, and write what becomes of them. Every method is one script, or one trip.

    Every write names the epoch of its claim; LeaseLost says that the unit is no longer that
    claim's. Asked for several units together, it is the answer for one of them.
    """

    def __init__(self, scripts: Scripts, outbox: Outbox) -> None:
        self._run = scripts
        self._outbox = outbox

    def claim(
        self,
        unit_id: str,
        *,
        stage: str,
        holder: str,
        bodies: int,
        quarantine_running: bool,
        impatient: bool = False,
    ) -> Unit | Refusal:
        """
        Take a unit for *stage*, or learn why not.

        *bodies* is how many task bodies this process runs at this moment, fenced or not. Where it
        is *impatient*, a unit that must run alone beside others is put back for a while, and one
        that another keeps from running may be had by another process.
        """
        answer = self._run(
            "claim", unit_id, stage, holder, bodies, int(quarantine_running), int(impatient)
        )
        if answer[0] == "ok":
            return unit_from_flat(unit_id, answer[1:])
        if answer[0] == "closed":
            log_ends(answer[1])
            self._outbox.send(answer[2])
        if answer[0] == "later":
            self._outbox.send(answer[1:])
        return Refusal(str(answer[0]))

    def join(
        self, role: str, *, stage: Stage, holder: str, most: int, most_bytes: int, owner: str = ""
    ) -> list[Unit]:
        """Take up to *most* small units that wait for *stage*: those of *owner*, then by turns."""
        rows = self._run("join", role, stage, holder, most, most_bytes, owner)
        return [unit_from_flat(row[0], row[1:]) for row in rows]

    def renew(self, units: Sequence[Unit]) -> list[ClaimStatus]:
        """Renew claims; returns the status of each."""
        claims = [word for unit in units for word in (unit.id, unit.epoch)]
        return self._run("renew", *claims) if units else []

    def append_deltas(self, deltas: Sequence[Delta]) -> list[ClaimStatus]:
        """Write deltas of answers onto their event streams; returns what is to become of each."""
        told: list[str | int] = []
        for delta in deltas:
            told += (delta.unit.id, delta.unit.epoch, delta.number, json_of(delta.data))
        return self._run("tell", *told) if deltas else []

    def progress(self, unit: Unit, *, done: int, total: int, what: str, at: str = "") -> None:
        """
        Record the progress of a body: *done* of *total*, counted in *what*.

        A later body finds *at*, where it may go on, in the row; what was there stays if it is
        empty.

        Raises:
            LeaseLost: The unit is no longer this claim's.
        """
        said = json_of({"done": done, "total": total, "unit": what})
        fenced(unit, self._run("progress", unit.id, unit.epoch, said, at))

    def hand_over(
        self, outputs: Sequence[Output], *, stage: Stage, goes_on: bool = False
    ) -> list[Unit | str | Exception]:
        """
        Write outputs of a stage and give each unit to the next.

        Answers with the unit where this body goes on with it, as only one that *goes_on* may; else
        with `ok`, it waits for another body, or `cancelled`.
        """
        role = ROLE_OF[stage]
        calls = [
            (
                one.unit.id, one.unit.epoch, stage, role, json_of(text_of(one.fields)), one.event,
                json_of(one.data), int(goes_on),
            )
            for one in outputs
        ]  # fmt: skip
        answers = fenced_each(self._run, "hand_over", [one.unit for one in outputs], calls)
        results: list[Unit | str | Exception] = []
        for one, answer in zip(outputs, answers, strict=True):
            if isinstance(answer, Exception):
                results.append(answer)
            elif answer[0] == "on":
                moved = {"stage": stage, "role": role, "epoch": answer[1]}
                results.append(
                    Unit(one.unit.id, {**one.unit.fields, **text_of(one.fields), **moved})
                )
                self._outbox.send(answer[2:])
            else:
                results.append(str(answer[0]))
                self._outbox.send(answer[1:])
        return results

    def finish(
        self,
        unit: Unit,
        *,
        state: str,
        fields: Fields,
        events: Sequence[tuple[str, object]] = (),
        rest: Sequence[Delta] = (),
    ) -> str:
        """
        End a unit, once: `ok`, or `cancelled` when that was asked meanwhile.

        *events*, (type, data) of each, and *rest* of its answer are told together with the end.

        Raises:
            LeaseLost: The unit is no longer this claim's.
        """
        told = [word for kind, data in events for word in (kind, json_of(data))]
        deltas = [word for delta in rest for word in (delta.number, json_of(delta.data))]
        answer = self._run(
            "finish", unit.id, unit.epoch, state, json_of(text_of(fields)), len(events),
            *told, *deltas,
        )  # fmt: skip
        return self._ended(unit, answer)

    def release(
        self,
        unit: Unit,
        *,
        at_once: bool,
        longest_pause_ms: int = timings.SERVER_PAUSE_MS,
        broken: str = "",
    ) -> None:
        """
        Give a unit back; no death is counted. A lost lease is no error here.

        Unless *at_once* it waits a while outside its lane: a second, and twice as long each time
        that it is put back at this stage, up to *longest_pause_ms*. *broken* says why it cannot be
        done here: told so a few times the ledger gives it up.
        """
        answer = self._run("release", unit.id, unit.epoch, int(at_once), longest_pause_ms, broken)
        self._outbox.send(answer[1:])

    def _ended(self, unit: Unit, answer: list[str]) -> str:
        """Send what an ended unit made room for; return the script's word."""
        fenced(unit, answer)
        self._outbox.send(answer[1:])
        return str(answer[0])
