"""The front end behind the real server: callers who leave, and a Redis that does not answer."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from statistics import median
from typing import Any

import httpx
import pytest
from redis import Redis

from intake.wiring import REDIS_READ_S
from runtime.settings import Settings
from stack.redis_server import find_redis_server, redis_command
from tests.integration.web.server.gunicorn_server import free_port, gunicorn, is_up
from tests.support.waiting import quickly, until
from web.http.event_stream import KEEP_ALIVE_S
from web.server.request_threads import AT_ONCE, PATIENCE_S

#: A caller that stops half way is given up after this, seconds; people have it longer.
ARRIVE_S = 3
#: Threads of the server, health's own apart.
THREADS = 16
#: Connections that it holds; of more the slowest are dropped.
CONNECTIONS = 120


@pytest.fixture(scope="module")
def own_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, str]]:
    """A Redis that these tests may stop; yields its process id and URL."""
    port, folder = free_port(), tmp_path_factory.mktemp("redis")
    command = redis_command(
        find_redis_server(), folder=folder, port=port, memory_mb=64, evicts=False
    )
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield process.pid, f"redis://127.0.0.1:{port}/0"
    process.send_signal(signal.SIGCONT)
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture(scope="module")
def server(own_redis: tuple[int, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The front end in gunicorn, as it runs in production; yields its URL."""
    folder = tmp_path_factory.mktemp("web")
    settings = Settings(redis_url=own_redis[1], cache_url=own_redis[1], data_dir=folder)
    less_patient = (
        "from web.server import paced_reader, patient_worker\n"
        f"patient_worker.ARRIVE_S = {ARRIVE_S}\npaced_reader.GRACE_S = {ARRIVE_S}\n"
    )
    (folder / "gunicorn.conf.py").write_text(less_patient)
    options = (
        f"--config={folder / 'gunicorn.conf.py'}", f"--threads={THREADS}",
        f"--worker-connections={CONNECTIONS}",
    )  # fmt: skip
    with gunicorn(settings, folder, *options) as (url, _):
        yield url


def ask(server: str, **body: Any) -> str:
    answer = httpx.post(f"{server}/api/queries", json={"question": "x"} | body)
    job_id: str = answer.json()["id"]
    return job_id


def state(server: str, job_id: str) -> str:
    found: str = httpx.get(f"{server}/api/jobs/{job_id}").json()["state"]
    return found


def test_a_stream_is_sent_as_it_comes_and_left_without_harm(server: str) -> None:
    job_id = ask(server)
    with httpx.stream("GET", f"{server}/api/jobs/{job_id}/events") as answer:
        first = next(answer.iter_lines())
    time.sleep(1.2)

    assert first.startswith("retry:")
    assert state(server, job_id) == "queued"


def test_a_job_is_cancelled_when_its_reader_leaves_if_it_asked_for_that(server: str) -> None:
    job_id = ask(server, cancel_on_disconnect=True)
    with httpx.stream("GET", f"{server}/api/jobs/{job_id}/events") as answer:
        next(answer.iter_lines())

    # Before the next sign of life would be sent to nobody.
    until(lambda: state(server, job_id) == "cancelled", within_s=KEEP_ALIVE_S - 1)


def test_a_job_is_cancelled_when_its_waiting_caller_leaves_if_it_asked_for_that(
    server: str,
) -> None:
    job_id = ask(server, cancel_on_disconnect=True)
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{server}/api/jobs/{job_id}?wait=20", timeout=0.3)

    # Before the wait would have been over.
    until(lambda: state(server, job_id) == "cancelled", within_s=15)


def test_a_submit_that_waits_is_cancelled_when_its_caller_leaves(server: str) -> None:
    body = {"question": "left early", "cancel_on_disconnect": True}
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{server}/api/queries", json=body, headers={"Prefer": "wait=20"}, timeout=0.5)

    def left() -> list[str]:
        jobs = httpx.get(f"{server}/api/jobs").json()["jobs"]
        return [j["state"] for j in jobs if j.get("request", {}).get("question") == "left early"]

    # Before the wait would have been over.
    until(lambda: left() == ["cancelled"], told="the question is cancelled", within_s=15)


def test_a_document_id_keeps_its_odd_characters_through_the_server(server: str) -> None:
    answer = httpx.get(f"{server}/api/collections/default/documents/%2Fa%2F%2Fb%3F%23%25")

    assert answer.status_code == 404
    assert "'/a//b?#%'" in answer.json()["detail"]


def test_a_large_upload_without_a_length_is_cut_off(server: str) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(200):
            yield b"x" * 100_000

    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{server}/api/queries", content=endless(), headers=headers)

    assert answer.status_code == 413


def test_a_frozen_redis_delays_neither_health_nor_refusal(
    server: str, own_redis: tuple[int, str]
) -> None:
    pid, url = own_redis
    http = httpx.Client(base_url=server, trust_env=False)
    http.get("/api/jobs")
    os.kill(pid, signal.SIGSTOP)
    try:
        spent = []
        end = time.monotonic() + 6
        while time.monotonic() < end:
            for path in ("/livez", "/readyz", "/health"):
                began = time.perf_counter()
                http.get(path)
                spent.append(time.perf_counter() - began)
            time.sleep(0.1)
        refused = quickly(
            lambda: http.post("/api/queries", json={"question": "x"}), within_s=REDIS_READ_S + 0.5
        )
        ready = http.get("/readyz").status_code
    finally:
        os.kill(pid, signal.SIGCONT)
        http.close()
    with Redis.from_url(url) as redis:
        redis.ping()

    # Waiting for Redis would show in each; one may be slow because the machine is.
    assert median(spent) < 0.05
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) <= 120
    assert ready == 503
    until(lambda: is_up(server, 200), told="the server is ready again")


def test_many_callers_of_a_frozen_redis_are_refused_together(
    server: str, own_redis: tuple[int, str]
) -> None:
    def refused(_: int) -> int:
        return httpx.post(f"{server}/api/queries", json={"question": "x"}).status_code

    os.kill(own_redis[0], signal.SIGSTOP)
    try:
        with ThreadPoolExecutor(3 * AT_ONCE) as pool:
            statuses = quickly(
                lambda: list(pool.map(refused, range(3 * AT_ONCE))),
                within_s=PATIENCE_S + REDIS_READ_S + 1,
            )
    finally:
        os.kill(own_redis[0], signal.SIGCONT)

    assert set(statuses) == {503}
    until(lambda: is_up(server, 200), told="the server is ready again")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"GET /livez HTTP/1.0", 200),
        (b"GET /livez HTTP/1.1", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost", 200),
        (b"GET /livez HTTP/1.1\r\nHost: LOCALHOST.:1", 200),
        (b"GET /livez HTTP/1.1\r\nHost: [::1]:8000", 200),
        (b"GET /livez HTTP/1.1\r\nHost:", 400),
        (b"GET /livez HTTP/1.1\r\nHost: local host", 400),
        (b"GET /livez HTTP/1.1\r\nHost: localhost\r\nHost: evil.example", 400),
        (b"GET /livez HTTP/1.1\r\nHost: evil.example", 421),
        (b"GET /livez HTTP/1.0\r\nHost: evil.example", 421),
        (b"GET /livez HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: localhost", 421),
        (b"GET http://localhost/livez HTTP/1.1\r\nHost: evil.example", 421),
        (b"GET /static/app.js HTTP/1.1\r\nHost: evil.example", 421),
    ],
)
def test_the_server_answers_only_who_calls_it_by_a_name_of_its_own(
    server: str, head: bytes, expected: int
) -> None:
    with socket.create_connection(("127.0.0.1", int(server.rsplit(":", 1)[1]))) as line:
        line.settimeout(10)
        line.sendall(head + b"\r\nConnection: close\r\n\r\n")
        answer = line.makefile("rb").readline()

    assert answer.split()[1] == str(expected).encode()


@contextmanager
def lines(server: str, count: int) -> Iterator[list[socket.socket]]:
    """Open connections, to be written to by hand."""
    port = int(server.rsplit(":", 1)[1])
    with ExitStack() as stack:
        opened = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
        for one in opened:
            one.settimeout(20)
            stack.enter_context(one)
        yield opened


HEAD = b"POST /api/queries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /api/jobs HTTP/1.1\r\nHost: localhost\r\nX-A: ",
        HEAD + b"Content-Length: 60000\r\n\r\n{",
    ],
)
def test_callers_who_stop_half_way_hold_no_thread(server: str, sent: bytes) -> None:
    with lines(server, 3 * THREADS) as stalled:
        for one in stalled:
            one.sendall(sent)
        # Before the first of them is given up.
        answer = quickly(lambda: httpx.get(f"{server}/api/jobs"), within_s=ARRIVE_S - 1)

    assert answer.status_code == 200


def test_more_connections_than_there_is_room_for_make_room_for_each_other(server: str) -> None:
    with ExitStack() as stack:
        for _ in range(4):
            opened = stack.enter_context(lines(server, CONNECTIONS // 2))
            for n, one in enumerate(opened):  # half of them are kept after an answer
                last = b"\r\n\r\n" if n % 2 else b"\r\nX-A: "
                one.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost" + last)
            for one in opened:  # all at once, while others make room
                with suppress(OSError):
                    one.sendall(b"x")
        answer = quickly(lambda: httpx.get(f"{server}/api/jobs"), within_s=ARRIVE_S - 1)

    assert answer.status_code == 200


def test_a_caller_who_sends_a_byte_now_and_then_is_told_to_go(server: str) -> None:
    with lines(server, 1) as (line,):
        line.sendall(b"GET /api/jobs HTTP/1.1\r\n")
        began = time.monotonic()
        line.settimeout(0.2)
        answer = b""
        while not answer and time.monotonic() < began + ARRIVE_S + 10:
            with suppress(TimeoutError):
                line.sendall(b"X")
                answer = line.recv(1_000)

    assert answer.startswith(b"HTTP/1.1 408 ")


def test_large_bodies_that_stop_half_way_take_only_the_slots_of_uploads(server: str) -> None:
    with lines(server, 2 * THREADS) as stalled:
        for n, one in enumerate(stalled):
            late = b"Expect: 100-continue\r\n" if n % 2 else b"Transfer-Encoding: chunked\r\n"
            length = b"Content-Length: 9\r\n" if n % 2 else b""
            one.sendall(HEAD + late + length + b"\r\n")
        answer = quickly(lambda: httpx.get(f"{server}/api/jobs"), within_s=ARRIVE_S - 1)
        ends = [one.makefile("rb").readline() for one in stalled[::2]]

    assert answer.status_code == 200
    assert {end.split()[1] for end in ends} == {b"408", b"429"}


def test_a_slow_upload_that_goes_on_is_taken_in(server: str) -> None:
    def slowly() -> Iterator[bytes]:
        yield b'{"documents": [{"id": "slow", "text": "'
        for _ in range(8):
            time.sleep(0.1)
            yield b"x" * 20_000
        yield b'"}]}'

    headers = {"Content-Type": "application/json"}
    answer = httpx.post(f"{server}/api/ingests", content=slowly(), headers=headers)

    assert answer.status_code == 202


def test_health_answers_while_every_thread_waits(server: str) -> None:
    job_id = ask(server)
    with lines(server, 2 * THREADS) as waiting:
        for one in waiting:
            one.sendall(
                b"GET /api/jobs/%s?wait=20 HTTP/1.1\r\nHost: localhost\r\n\r\n" % job_id.encode()
            )
        time.sleep(0.3)
        for path in ("livez", "readyz", "health"):
            quickly(lambda path=path: httpx.get(f"{server}/{path}"), within_s=2)


def test_those_who_wait_leave_others_their_turn(server: str) -> None:
    job_id = ask(server)
    path = f"/api/jobs/{job_id}"
    with lines(server, 4 * AT_ONCE) as waiting:
        for n, one in enumerate(waiting):
            more = "/events" if n % 2 else "?wait=20"
            one.sendall(f"GET {path}{more} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
        time.sleep(0.3)
        quickly(lambda: httpx.delete(f"{server}{path}"), within_s=5)
        answers = quickly(lambda: [one.makefile("rb").read() for one in waiting], within_s=5)

    assert all(b'"state":"cancelled"' in answer for answer in answers)


def test_a_caller_who_takes_no_answer_keeps_no_other_waiting(server: str) -> None:
    head = b"GET /api/openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with lines(server, 2 * AT_ONCE) as deaf:
        for one in deaf:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            one.sendall(head * 200)  # their answers are more than the kernel holds
        time.sleep(1)
        answer = quickly(lambda: httpx.get(f"{server}/api/jobs"), within_s=PATIENCE_S)

    assert answer.status_code == 200


def test_callers_who_do_not_hang_up_keep_nobody_waiting(server: str) -> None:
    with lines(server, 8) as kept:
        for one in kept:
            one.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            assert one.recv(1_000).startswith(b"HTTP/1.1 200 ")
        quickly(lambda: httpx.get(f"{server}/livez"), within_s=2)


def test_requests_sent_together_are_answered_in_turn(server: str) -> None:
    with lines(server, 1) as (line,):
        line.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
        line.sendall(b"GET /readyz HTTP/1.1\r\nHost: local")
        line.sendall(b"host\r\nConnection: close\r\n\r\n")
        answers = line.makefile("rb").read()

    assert answers.count(b"HTTP/1.1 200 ") == 4
