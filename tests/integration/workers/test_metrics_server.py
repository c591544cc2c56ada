"""A worker's /metrics: its own port where it can be had, another where not, and never an error."""

import contextlib
import socket
from collections.abc import Iterator

import httpx
import pytest

from runtime.settings import Settings
from workers.metrics_server import ABOVE, serve_metrics


def scrape(port: int) -> str:
    return httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port that another program listens on until the test ends."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def test_a_worker_listens_on_the_port_of_its_role() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]

    with serve_metrics(Settings(metrics_port=free - ABOVE["generation"]), "generation") as port:
        assert port == free
        assert "process_cpu_seconds_total" in scrape(port)


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", 200), ("[::1]:9110", 200), ("retrieval:9110", 200), ("evil.example:9110", 421),
     ("a, b", 400)],
)  # fmt: skip
def test_a_worker_answers_only_who_calls_it_by_a_name_of_its_own(host: str, expected: int) -> None:
    settings = Settings(allowed_hosts="retrieval")

    with serve_metrics(settings, "retrieval") as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": host})

    assert answer.status_code == expected
    assert ("process_cpu_seconds_total" in answer.text) == (expected == 200)
    assert ("QUERN_ALLOWED_HOSTS" in answer.text) == (expected == 421)


def test_a_worker_answers_who_finds_it_by_the_list_of_targets() -> None:
    host = socket.gethostname()

    with serve_metrics(Settings(), "retrieval") as port:
        answer = httpx.get(f"http://127.0.0.1:{port}/metrics", headers={"Host": f"{host}:{port}"})

    assert answer.status_code == 200


def test_a_second_worker_of_a_role_takes_a_free_port(taken: int) -> None:
    settings = Settings(metrics_port=taken)

    with serve_metrics(settings, "retrieval") as port:
        assert port not in (0, taken)
        assert "process_cpu_seconds_total" in scrape(port)


def test_an_address_of_another_machine_is_no_reason_to_stop() -> None:
    with serve_metrics(Settings(host="192.0.2.1"), "retrieval") as port:
        assert port == 0


def test_no_port_is_asked_for_by_nought() -> None:
    with serve_metrics(Settings(metrics_port=0), "retrieval") as port:
        assert port == 0
