"""A large body has to come at a rate, and what its reader does with it takes none of its time."""

import socket
import threading
import time
from collections.abc import Iterator

import pytest

from web.server import paced_reader
from web.server.paced_reader import PacedReader


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield ours, theirs
    ours.close()
    theirs.close()


def test_a_sender_who_falls_silent_is_given_up(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_reader, "GRACE_S", 0.05)
    reader = PacedReader(line[0])
    line[1].sendall(b"some")

    assert reader.chunk() == b"some"
    with pytest.raises(TimeoutError):
        reader.chunk()
    assert line[0].gettimeout() is None


def test_a_byte_now_and_then_buys_no_time(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_reader, "GRACE_S", 0.02)
    reader, ended = PacedReader(line[0]), threading.Event()

    def trickle() -> None:
        while not ended.wait(0.005):
            line[1].sendall(b"x")

    def read() -> None:
        while True:
            reader.chunk()

    sender = threading.Thread(target=trickle, daemon=True)
    sender.start()
    with pytest.raises(TimeoutError):
        read()
    ended.set()
    sender.join()


def test_what_has_come_buys_time_and_so_does_a_slow_reader(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_reader, "GRACE_S", 0.02)
    monkeypatch.setattr(paced_reader, "LEAST_RATE", 1)
    reader = PacedReader(line[0])
    line[1].sendall(b"x" * 60)
    reader.chunk()
    time.sleep(0.05)
    line[1].sendall(b"y")

    assert reader.chunk() == b"y"


def test_the_next_request_of_a_connection_has_its_own_time(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paced_reader, "GRACE_S", 0.02)
    reader = PacedReader(line[0])
    with pytest.raises(TimeoutError):
        reader.chunk()
    reader.begin()
    line[1].sendall(b"next")

    assert reader.chunk() == b"next"
