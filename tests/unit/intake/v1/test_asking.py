"""Turns of long conversations, ids, and what is found out of each passage."""

from intake.requests import MAX_HISTORY_BYTES
from intake.v1.asking import Asked, Asking, newest
from intake.v1.responses import response_id
from intake.v1.store_ids import NamedStore
from rag.answers.conversation import Turn
from runtime.settings import Settings


def turns(*texts: str) -> list[Turn]:
    return [Turn("user", text) for text in texts]


def test_of_a_long_conversation_the_newest_turns_are_kept() -> None:
    said = turns(*map(str, range(30)))

    assert newest(said) == tuple(said[10:])
    assert newest([]) == ()


def test_what_has_no_room_is_left_out_with_all_before_it() -> None:
    long = "x" * (MAX_HISTORY_BYTES - 2)

    assert newest(turns("a", long, "b", "c")) == tuple(turns(long, "b", "c"))
    assert newest(turns("a", long + "x", "b", "c")) == tuple(turns("b", "c"))


def test_an_id_says_what_it_is_of() -> None:
    assert response_id("01a2-b3") == "resp_01a2b3"


def test_passages_are_weighed_only_for_who_is_told() -> None:
    asking = Asking(Settings(), store_named=lambda given: NamedStore(given, "C"))

    def read(**more: bool) -> tuple[bool, bool]:
        request, _ = asking.read(Asked(question="?", stores=("a",), **more), field="input")
        return request.calibrated, request.named

    assert read() == (False, True)
    assert read(tells_scores=True) == (True, True)
