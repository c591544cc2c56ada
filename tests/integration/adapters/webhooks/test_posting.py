"""One POST to a real server: its status, its end, and what it must not do."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
import trustme

from adapters.webhooks import posting
from adapters.webhooks.addresses import Allowed
from adapters.webhooks.posting import _Pinned, post
from tests.support.worlds.webhook_receiver import Receiver

HERE = Allowed("127.0.0.1")
HEADERS = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("status", "delivered", "gone"), [(200, True, False), (204, True, False), (410, False, True)]
)
def test_a_status_of_2xx_is_a_delivery_and_410_the_end(
    status: int, *, delivered: bool, gone: bool
) -> None:
    with Receiver(answer=lambda _n: status) as receiver:
        outcome = post(f"{receiver.url}?a=1", b"{}", HEADERS, allowed=HERE, timeout_s=5)

    assert (outcome.delivered, outcome.gone, outcome.status) == (delivered, gone, status)
    assert receiver.heard[0][0][":path"] == "/hook?a=1"
    assert receiver.heard[0][1] == b"{}"


def secure(*names: str, authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> trustme.CA:
    """An authority that this machine trusts, and no other."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "trusted.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "trusted.pem"))
    posting._trusted.cache_clear()
    return authority


def test_a_receiver_by_https_is_who_its_certificate_names(trusted: trustme.CA) -> None:
    with Receiver(secure=secure("localhost", authority=trusted)) as receiver:
        outcome = post(receiver.url, b"{}", HEADERS, allowed=HERE, timeout_s=5)
        again = post(receiver.url, b"{}", HEADERS, allowed=HERE, timeout_s=5)

    assert (outcome.delivered, outcome.status, again.delivered) == (True, 204, True)


@pytest.mark.parametrize(
    ("name", "known", "told"),
    [("localhost", False, "certificate: "), ("elsewhere.example", True, "certificate: Hostname")],
)
def test_a_receiver_who_cannot_prove_who_it_is_gets_nothing(
    trusted: trustme.CA, name: str, *, known: bool, told: str
) -> None:
    authority = trusted if known else trustme.CA()
    with Receiver(secure=secure(name, authority=authority)) as receiver:
        outcome = post(receiver.url, b"{}", HEADERS, allowed=HERE, timeout_s=5)

        assert receiver.heard == []
    assert not outcome.delivered
    assert outcome.error.startswith(told)


def test_a_redirect_is_told_and_not_followed() -> None:
    with Receiver() as elsewhere:
        with Receiver(answer=lambda _n: 302, headers={"Location": elsewhere.url}) as receiver:
            outcome = post(receiver.url, b"{}", HEADERS, allowed=HERE, timeout_s=5)

        assert elsewhere.heard == []
    assert (outcome.delivered, outcome.status) == (False, 302)
    assert "not followed" in outcome.error


def test_a_proxy_of_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Receiver() as receiver:
        assert post(receiver.url, b"{}", HEADERS, allowed=HERE, timeout_s=5).delivered


def test_the_address_that_was_looked_at_is_the_one_connected_to() -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with Receiver() as receiver:
        url = receiver.url.replace("127.0.0.1", "rebinding.invalid")
        outcome = post(
            url, b"{}", HEADERS, allowed=Allowed("127.0.0.1", resolve=resolve), timeout_s=5
        )

        port = receiver.url.rpartition(":")[2].partition("/")[0]
    assert outcome.delivered
    assert asked == ["rebinding.invalid"]
    assert receiver.heard[0][0]["host"] == f"rebinding.invalid:{port}"


def test_an_address_that_is_not_public_is_not_connected_to() -> None:
    with Receiver() as receiver:
        outcome = post(receiver.url, b"{}", HEADERS, allowed=Allowed(), timeout_s=5)

    assert not outcome.delivered
    assert "no public address" in outcome.error
    assert receiver.heard == []


@pytest.mark.parametrize(
    "begun", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.0 200 OK\r\n\r\n"]
)
def test_who_answers_a_byte_at_a_time_does_not_hold_the_thread(begun: bytes) -> None:
    over = threading.Event()

    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(begun)
            for _ in range(200):
                try:
                    connection.sendall(b"O")
                except OSError:
                    return
                if over.wait(0.05):
                    return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        outcome = post(url, b"{}", HEADERS, allowed=HERE, timeout_s=0.5)
        over.set()
        thread.join()

    assert not outcome.delivered
    assert 500 <= outcome.took_ms < 5_000


def test_what_was_given_up_before_it_was_connected_is_not_sent() -> None:
    with Receiver() as receiver:
        port = int(receiver.url.rpartition(":")[2].partition("/")[0])
        late = _Pinned("localhost", port, address="127.0.0.1", secure=False, timeout_s=5)
        late.give_up()
        with pytest.raises(TimeoutError):
            late.request("POST", "/hook", body=b"{}")
        late.close()

    assert receiver.heard == []


def test_nobody_there_is_told_by_the_systems_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    outcome = post(f"http://127.0.0.1:{port}/", b"{}", HEADERS, allowed=HERE, timeout_s=5)

    assert (outcome.delivered, outcome.error) == (False, "Connection refused")
