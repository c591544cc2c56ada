"""A connection that waits aside for its caller, and sends the head of an answer with its body."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime.turns import hold
from web.server.patient_socket import PatientSocket

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"
LARGE = b"x" * 4_000_000


@pytest.fixture
def line() -> Iterator[tuple[PatientSocket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)  # packets are kept
    patient = PatientSocket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    theirs.settimeout(10)
    yield patient, theirs
    patient.close()
    theirs.close()


@pytest.fixture
def stream() -> Iterator[tuple[PatientSocket, socket.socket]]:
    ours, theirs = socket.socketpair()
    patient = PatientSocket(ours.family, ours.type, ours.proto, fileno=ours.detach())
    theirs.settimeout(10)
    yield patient, theirs
    patient.close()
    theirs.close()


class Turn:
    """A turn, and how often it was lent."""

    def __init__(self) -> None:
        self.lent = 0
        self.left = threading.Event()

    def leave(self) -> None:
        self.lent += 1
        self.left.set()

    def come_back(self) -> None:
        """Come back at once."""


def test_the_head_of_an_answer_goes_with_the_first_bytes_of_its_body(
    line: tuple[PatientSocket, socket.socket],
) -> None:
    patient, theirs = line
    for _ in range(2):
        patient.begin_answer()
        for part in (HEAD, b"first", b"second"):
            patient.sendall(part)
        patient.end_answer()

    packets = [theirs.recv(1_000) for _ in range(4)]

    assert packets == [HEAD + b"first", b"second"] * 2


def test_a_head_alone_is_sent_at_the_end(line: tuple[PatientSocket, socket.socket]) -> None:
    patient, theirs = line
    patient.begin_answer()
    patient.sendall(HEAD)
    patient.end_answer()

    assert theirs.recv(1_000) == HEAD


def test_a_caller_who_left_is_no_error_of_a_head_alone(
    line: tuple[PatientSocket, socket.socket],
) -> None:
    patient, theirs = line
    theirs.close()
    patient.begin_answer()
    patient.sendall(HEAD)

    patient.end_answer()


def test_who_takes_an_answer_slowly_is_waited_for_aside(
    stream: tuple[PatientSocket, socket.socket],
) -> None:
    patient, theirs = stream
    turn = Turn()

    def answer() -> None:
        hold(turn)
        patient.begin_answer()
        patient.sendall(HEAD)
        patient.sendall(b"quick")
        assert turn.lent == 0
        patient.sendall(LARGE)

    thread = threading.Thread(target=answer)
    thread.start()
    assert turn.left.wait(10)
    expected = HEAD + b"quick" + LARGE
    taken = bytearray()
    while len(taken) < len(expected):
        taken += theirs.recv(1_000_000)
    thread.join(10)

    assert turn.lent == 1
    assert bytes(taken) == expected


def test_a_file_follows_its_head(
    stream: tuple[PatientSocket, socket.socket], tmp_path: Path
) -> None:
    patient, theirs = stream
    (tmp_path / "a").write_bytes(b"0123456789")
    patient.begin_answer()
    patient.sendall(HEAD)
    with (tmp_path / "a").open("rb") as file:
        patient.sendfile(file, offset=2, count=5)
    patient.end_answer()
    patient.close()

    assert theirs.makefile("rb").read() == HEAD + b"23456"
