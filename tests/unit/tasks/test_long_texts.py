"""Long lists that find no place come back before those that were asked for later."""

import pytest

from tasks.long_texts import LongTexts


def nothing() -> None:
    """Raise nothing: the list is wanted."""


def test_who_was_sent_away_goes_before_who_comes_later() -> None:
    places = LongTexts(threads=2)
    with places.place("first", 1, nothing) as first, places.place("second", 2, nothing) as second:
        pass
    with places.place("third", 3, nothing) as third:
        pass
    with places.place("second", 2, nothing) as again:
        pass
    with places.place("third", 3, nothing) as third_again:
        pass

    assert (first, second, third, again, third_again) == (True, False, False, True, True)


def test_who_comes_later_has_a_place_where_there_is_one_for_both() -> None:
    places = LongTexts(threads=4)
    with (
        places.place("a", 1, nothing),
        places.place("b", 2, nothing),
        places.place("c", 3, nothing) as third,
    ):
        pass
    with places.place("d", 4, nothing) as fourth:
        pass

    assert (third, fourth) == (False, True)


def test_who_does_not_come_back_keeps_nobody_away(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("tasks.long_texts.time.monotonic", lambda: now)
    places = LongTexts(threads=2)
    with places.place("first", 1, nothing), places.place("gone", 2, nothing):
        pass
    with places.place("later", 3, nothing) as at_first:
        pass
    now = 3.1
    with places.place("later", 3, nothing) as then:
        pass

    assert (at_first, then) == (False, True)
