"""The server's main thread: what it hears of a connection that has just made room for another."""

import errno
import selectors
import socket
from collections import deque
from collections.abc import Iterator
from typing import Any

import pytest
from gunicorn.config import Config
from gunicorn.workers.gthread import TConn

from web.server.arrivals import Arrival
from web.server.patient_worker import PatientThreadWorker


class Listener:
    """A listening socket when no descriptor is left."""

    def accept(self) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")


@pytest.fixture
def worker() -> Iterator[PatientThreadWorker]:
    worker = PatientThreadWorker.__new__(PatientThreadWorker)
    worker.poller, worker.keepalived_conns = selectors.DefaultSelector(), deque()
    worker._arriving, worker._leaving, worker.nr_conns = {}, {}, 0
    yield worker
    worker.poller.close()


@pytest.fixture
def conn() -> Iterator[TConn]:
    ours, theirs = socket.socketpair()
    yield TConn(Config(), ours, ("127.0.0.1", 1), ("127.0.0.1", 2))
    ours.close()
    theirs.close()


def test_news_of_a_connection_that_is_closed_already_change_nothing(
    worker: PatientThreadWorker, conn: TConn
) -> None:
    worker._receive(conn, Arrival(b"", deadline=0), conn.sock)
    worker._drain(conn, conn.sock)
    worker.on_client_socket_readable(conn, conn.sock)

    assert (worker.nr_conns, worker._arriving, worker._leaving) == (0, {}, {})


def test_without_a_descriptor_the_slowest_goes(worker: PatientThreadWorker, conn: TConn) -> None:
    worker.nr_conns = 1
    worker._arriving[conn] = Arrival(b"", deadline=0)
    worker.poller.register(conn.sock, selectors.EVENT_READ)

    worker.accept(Listener())

    assert (worker.nr_conns, worker._arriving, conn.sock.fileno()) == (0, {}, -1)
