"""Callers who leave: one thread notices, and tells the threads that wait for them."""

import socket
import threading
from collections.abc import Iterator

import pytest

from web.callers import Caller, Departures

WAIT_S = 10.0


@pytest.fixture
def departures() -> Iterator[Departures]:
    departures = Departures()
    yield departures
    departures.close()


@pytest.fixture
def line() -> Iterator[tuple[Caller, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield Caller({"gunicorn.socket": ours}), theirs
    ours.close()
    theirs.close()


def test_who_waits_for_a_caller_is_told_when_that_one_leaves(
    departures: Departures, line: tuple[Caller, socket.socket]
) -> None:
    caller, theirs = line
    left, others = threading.Event(), threading.Event()
    ours, other = socket.socketpair()
    with (
        ours, other,
        departures.watched(caller, left) as is_watched,
        departures.watched(Caller({"gunicorn.socket": ours}), others),
    ):  # fmt: skip
        assert is_watched
        theirs.sendall(b"more")  # says nothing of leaving
        assert not left.wait(0.05)
        theirs.close()
        assert left.wait(WAIT_S)

    assert not others.is_set()


def test_a_connection_may_be_watched_again(
    departures: Departures, line: tuple[Caller, socket.socket]
) -> None:
    caller, theirs = line
    for _ in range(3):
        with departures.watched(caller, threading.Event()) as is_watched:
            assert is_watched
    left = threading.Event()
    theirs.close()

    with departures.watched(caller, left):
        assert left.wait(WAIT_S)


def test_a_server_that_shows_no_connection_has_to_be_asked(departures: Departures) -> None:
    with departures.watched(Caller({}), threading.Event()) as is_watched:
        assert not is_watched


def test_a_connection_that_is_closed_already_is_gone(
    departures: Departures, line: tuple[Caller, socket.socket]
) -> None:
    caller, _ = line
    assert caller.socket is not None
    caller.socket.close()

    with departures.watched(caller, threading.Event()) as is_watched:
        assert not is_watched
    assert caller.gone


def test_without_a_caller_there_is_no_thread(departures: Departures) -> None:
    departures.close()

    assert "departures" not in {thread.name for thread in threading.enumerate()}


def test_where_the_system_cannot_tell_each_has_to_look(
    departures: Departures,
    line: tuple[Caller, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("web.callers._LEFT", None)
    with departures.watched(line[0], threading.Event()) as is_watched:
        assert not is_watched
