"""Slots of a web process: apart by what callers do, and by who they are."""

import threading
from collections.abc import Iterator

import pytest

from runtime.settings import Settings
from tests.support.waiting import until
from web import slots
from web.slots import NoSlot, Places, Room, Slots


def test_a_client_has_its_share_and_leaves_the_rest_to_others() -> None:
    streams = Slots(4, name="event streams", setting="max_streams", share=0.5)
    streams.take("a")
    streams.take("a")

    with pytest.raises(
        NoSlot, match=r"2 of 4 event streams .*CLIENT_SHARE 0.5 of QUERN_MAX_"
    ) as no:
        streams.take("a")
    assert (no.value.limit, no.value.depth) == (2, 2)
    streams.take("b")
    streams.give_back("a")
    streams.take("a")


def test_a_full_server_names_the_limit_and_its_setting() -> None:
    searches = Slots(1, name="searches", setting="max_searches")

    refused = pytest.raises(NoSlot, match=r"All 1 searches .*QUERN_MAX_SEARCHES")
    with searches.held("a"), refused:
        searches.take("b")
    with searches.held("b"):
        assert searches.taken == 1
    assert searches.taken == 0


def test_the_smallest_share_is_one_slot() -> None:
    assert Slots(3, name="uploads", setting="max_uploads", share=0.1).each == 1


def test_what_callers_do_is_in_nobody_elses_way() -> None:
    places = Places(Settings(max_streams=2, max_polls=2, client_share=1.0))
    for taken in (places.streams, places.polls):
        taken.take("a")
        taken.take("a")

    places.searches.take("a")
    places.uploads.take("a")


def test_bytes_wait_until_others_have_left() -> None:
    room, came = Room(100), threading.Event()

    def come() -> None:
        with room.held(60):
            came.set()

    second = threading.Thread(target=come)
    with room.held(60):
        second.start()
        assert not came.wait(0.05)
    assert came.wait(5)
    second.join()


def test_what_is_larger_than_the_room_has_its_turn_alone() -> None:
    room = Room(100)

    with room.held(1_000):
        pass


def test_who_waits_for_room_too_long_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slots, "ROOM_S", 0.01)
    room = Room(100)

    with room.held(100), pytest.raises(NoSlot), room.held(1):
        pass


def test_few_exports_are_made_at_once_and_none_while_it_is_sent() -> None:
    places = Places(Settings())
    begun: list[int] = []
    release = threading.Event()

    def pieces(n: int) -> Iterator[bytes]:
        begun.append(n)
        release.wait(timeout=10)
        yield b"a"

    sent: list[list[bytes]] = []
    threads = [
        threading.Thread(target=lambda n=n: sent.append(list(places.in_export_turns(pieces(n)))))
        for n in range(slots.EXPORTS_AT_ONCE + 2)
    ]
    for thread in threads:
        thread.start()
    until(lambda: len(begun) == slots.EXPORTS_AT_ONCE, told="the first exports")
    slow = places.in_export_turns(iter([b"a", b"b"]))
    assert len(begun) == slots.EXPORTS_AT_ONCE
    release.set()
    for thread in threads:
        thread.join(timeout=10)
    for _ in range(slots.EXPORTS_AT_ONCE + 1):
        assert next(places.in_export_turns(iter([b"x", b"y"]))) == b"x"  # not read to its end

    assert sent == [[b"a"]] * len(threads)
    assert list(slow) == [b"a", b"b"]
