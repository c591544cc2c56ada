"""Gunicorn's threaded worker, which gives a thread to complete requests only, and ends in order."""

import contextlib
import errno
import os
import socket
import struct
import time
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from selectors import EVENT_READ
from typing import Any, Final

from gunicorn.http import get_parser
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from web.server.arrivals import Arrival
from web.server.draining import Draining
from web.server.paced_reader import PacedReader
from web.server.patient_socket import PatientSocket
from web.server.request_threads import RequestThreads
from web.server.shared_metrics import FOLDER, folder_for
from web.slots import SMALL_BODY

#: A request's head, and a small body, must have come within this.
ARRIVE_S: Final = 20.0
#: A caller that takes nothing of an answer for this long is given up.
SEND_S: Final = 20
#: What is left of a body that nobody has read is thrown away if it comes within this.
REST_S: Final = 0.05
#: So long a connection that was ended is read from, so that its last answer is not torn.
LEAVE_S: Final = 2.0
LEAVE_BYTES: Final = 64 * 1024
#: Threads for whoever asks how this server is.
PROBE_THREADS: Final = 2
#: From so many connections below the bound on, a new one takes the place of the slowest.
SPARE_CONNECTIONS: Final = 8

#: What gunicorn asks of a request that has been answered and whose connection is kept.
_KEPT: Final[Future[bool]] = Future()
_KEPT.set_result(True)

TOO_SLOW: Final = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class PatientThreadWorker(ThreadWorker):  # type: ignore[misc]  # gunicorn publishes no types
    """
    A threaded worker that slow callers cannot silence.

    Gunicorn gives each connection a thread as soon as its first bytes are there, without a bound
    on the whole request; it waits in its main thread for callers to hang up; and it stops listening
    at once when it is told to end, so that nobody could be told to ask elsewhere. Here the
    main thread reads until a request is complete, or is known to be large, and only then gives it a
    thread; health has threads of its own; a large body has to come at a rate.
    """

    _going = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Prepare a process; called by the server's first one, before the fork."""
        super().__init__(*args, **kwargs)
        self._metrics: Path | None = None
        if self.cfg.workers > 1:
            self._metrics = folder_for(os.getpid(), parent=self.cfg.worker_tmp_dir)

    def init_process(self) -> None:
        """Bound what is sent on accepted sockets, which inherit it from the listening ones."""
        bound = struct.pack("ll", SEND_S, 0)
        for listener in self.sockets:
            listener.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, bound)
        # In the order of their deadlines, because all have the same time.
        self._arriving: dict[TConn, Arrival] = {}
        self._leaving: dict[TConn, list[float]] = {}
        # Turns are not for them: they wait for nobody.
        self._probes = RequestThreads(PROBE_THREADS, at_once=PROBE_THREADS)
        if self._metrics is not None:
            os.environ[FOLDER] = str(self._metrics)  # before the app is loaded, and its metrics
        super().init_process()

    def load_wsgi(self) -> None:
        """Load the app, and have it look around: its first caller may ask whether it is ready."""
        super().load_wsgi()
        front_end = getattr(self.wsgi, "extensions", {}).get("quern")
        if front_end is not None:
            front_end.health.start()

    def get_thread_pool(self) -> RequestThreads:
        """Return the threads that answer requests."""
        return RequestThreads(self.cfg.threads)

    def accept(self, listener: Any) -> None:
        """Take a new connection in; no thread waits for what it sends."""
        try:
            sock, address = listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE):
                raise
            self._drop_slowest()  # no descriptor is left
            return
        if self.nr_conns >= self.worker_connections - SPARE_CONNECTIONS:
            self._drop_slowest()
        self.nr_conns += 1
        sock = PatientSocket(sock.family, sock.type, sock.proto, fileno=sock.detach())
        conn = TConn(self.cfg, sock, address, listener.getsockname())
        conn.parser = get_parser(self.cfg, sock, address)
        conn.parser.unreader = PacedReader(sock)
        conn.initialized = True
        self.enqueue_req(conn)

    def on_client_socket_readable(self, conn: TConn, client: Any) -> None:
        """Begin to read the next request of a connection that was kept."""
        try:
            self.keepalived_conns.remove(conn)
        except ValueError:
            return  # it has made room for another since this was heard
        self.poller.unregister(client)
        self.enqueue_req(conn)

    def enqueue_req(self, conn: TConn) -> None:
        """Wait for a request, of which a part may have come with the one before."""
        came = conn.parser.unreader.take_buffered()
        arrival = Arrival(came, deadline=time.monotonic() + ARRIVE_S)
        conn.sock.setblocking(False)
        if not self._is_settled(conn, arrival):
            self._arriving[conn] = arrival
            self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn, arrival))

    def finish_request(self, conn: TConn, is_kept: bool) -> None:
        """Keep the connection, or end it without waiting for the caller."""
        if is_kept:
            super().finish_request(conn, _KEPT)
        else:
            self._leave(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        """Wait for events, and no longer than the next request may wait for its turn."""
        super().wait_for_and_dispatch_events(min(timeout, max(0.0, self.tpool.hurry())))

    def _keepalive_after(self, conn: TConn, keepalive: bool) -> bool:
        """Keep a connection whose request is read to its end; no thread waits for the rest."""
        return keepalive and conn.parser.finish_body(deadline=time.monotonic() + REST_S)

    def murder_pending(self) -> None:
        """End connections whose request does not come, and forget those that are over."""
        now, sooner_s = time.monotonic(), 0.0 if self.alive else ARRIVE_S - STOP_KEEPALIVE_LINGER
        # The first of each ends first: a turn of the main thread looks at no more.
        while self._arriving:
            conn, arrival = next(iter(self._arriving.items()))
            if arrival.deadline - sooner_s > now:
                break
            self._give_up(conn)
        while self._leaving:
            conn, (deadline, _) = next(iter(self._leaving.items()))
            if deadline > now:
                break
            self._forget(conn)

    def handle_exit(self, sig: int, frame: Any) -> None:
        """Answer on for a moment after SIGTERM, and say meanwhile that jobs go elsewhere."""
        if self._going:
            return
        self._going = True

        def end() -> None:
            super(PatientThreadWorker, self).handle_exit(sig, frame)

        app = getattr(self, "wsgi", None)
        Draining(getattr(app, "extensions", {}).get("quern"), end).begin()

    # Reading without a thread -------------------------------------------------------------

    def _receive(self, conn: TConn, arrival: Arrival, _sock: Any) -> None:
        """Take what has come, which may be all that is waited for."""
        if conn not in self._arriving:
            return  # it has made room for another since this was heard
        # The poller has to forget the socket before a thread has it.
        self.poller.unregister(conn.sock)
        if self._is_settled(conn, arrival):
            del self._arriving[conn]
        else:
            self.poller.register(conn.sock, EVENT_READ, partial(self._receive, conn, arrival))

    def _is_settled(self, conn: TConn, arrival: Arrival) -> bool:
        """Read once; return True if nothing is waited for: a thread has it, or it is over."""
        if not arrival.is_complete:
            data = _received(conn.sock)
            if data == b"":
                self._close(conn)
                return True
            arrival.data += data or b""
        if arrival.is_complete:
            self._give_thread(conn, arrival)
        return arrival.is_complete

    def _give_thread(self, conn: TConn, arrival: Arrival) -> None:
        """Have a thread answer a request: one of the probes' own, where it is a probe."""
        conn.parser.unreader.unread(bytes(arrival.data))
        conn.parser.unreader.begin()
        pool = self._probes if arrival.is_probe else self.tpool
        pool.submit(partial(self._answer, conn, time.monotonic()))

    def _answer(self, conn: TConn, complete_at: float) -> None:
        """Answer a request, in a thread."""
        is_kept = False
        conn.sock.begin_answer(waited_s=time.monotonic() - complete_at)
        try:
            is_kept = bool(self.handle(conn))
            conn.sock.end_answer()
        finally:
            self.method_queue.defer(self.finish_request, conn, is_kept)

    def _give_up(self, conn: TConn) -> None:
        """End a connection that is too slow; one that has begun a request is told so."""
        self.poller.unregister(conn.sock)
        if self._arriving.pop(conn).data:
            with contextlib.suppress(OSError):
                conn.sock.send(TOO_SLOW)
        self._close(conn)

    def _drop_slowest(self) -> None:
        """Make room: whoever has been sending for the longest goes, else who was silent longest."""
        if self._arriving:
            self._give_up(next(iter(self._arriving)))
        elif self._leaving:
            self._forget(next(iter(self._leaving)))
        elif self.keepalived_conns:
            conn = self.keepalived_conns.popleft()
            self.poller.unregister(conn.sock)
            self._close(conn)

    # Ending a connection (RFC 9112, section 9.6) -------------------------------------------

    def _leave(self, conn: TConn) -> None:
        """Say that nothing follows, and read on for a moment without a thread."""
        try:
            conn.sock.setblocking(False)
            conn.sock.shutdown(socket.SHUT_WR)
            self.poller.register(conn.sock, EVENT_READ, partial(self._drain, conn))
        except (OSError, ValueError):
            self._close(conn)
            return
        self._leaving[conn] = [time.monotonic() + LEAVE_S, 0]

    def _drain(self, conn: TConn, sock: Any) -> None:
        """Throw away what still comes."""
        data = _received(sock) if conn in self._leaving else None
        if data is None:
            return
        self._leaving[conn][1] += len(data)
        if not data or self._leaving[conn][1] > LEAVE_BYTES:
            self._forget(conn)

    def _forget(self, conn: TConn) -> None:
        """Close a connection that nothing follows on."""
        del self._leaving[conn]
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: TConn) -> None:
        """Close a connection that no thread and no poller knows any more."""
        self.nr_conns -= 1
        conn.close()


def _received(sock: Any) -> bytes | None:
    """Return what a socket has, nothing at its end, None while there is nothing."""
    try:
        data: bytes = sock.recv(SMALL_BODY)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError:
        return b""
    return data
