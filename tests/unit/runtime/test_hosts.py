"""Hosts: what a server may be called, whatever the resolver would say of it."""

from ipaddress import IPv4Address, IPv6Address
from types import SimpleNamespace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from runtime.environment import BadSetting, read_settings
from runtime.hosts import AllowedHosts, read_host

EVERYWHERE = "0.0.0.0"  # noqa: S104  it is not bound


def status(host: str | None, *, bound: str = "127.0.0.1", allowed: str = "") -> int:
    refusal = AllowedHosts(bound, allowed).refusal(host, protocol="HTTP/1.1")
    return 200 if refusal is None else refusal[0]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Name this machine `box`, in full `box.lan`, at 192.0.2.7; returns what was looked up."""
    asked: list[str] = []

    def getfqdn() -> str:
        asked.append("fqdn")
        return "Box.lan."

    def addresses() -> dict[str, list[SimpleNamespace]]:
        of_card = ("192.0.2.7", "fe80::1%eth0", "02:00:00:00:00:01")
        return {"eth0": [SimpleNamespace(address=one) for one in of_card]}

    monkeypatch.setattr("socket.gethostname", lambda: "box")
    monkeypatch.setattr("socket.getfqdn", getfqdn)
    monkeypatch.setattr("psutil.net_if_addrs", addresses)
    return asked


@pytest.mark.parametrize(
    ("header", "host"),
    [
        ("localhost", "localhost"),
        ("LocalHost:8000", "localhost"),
        ("example.org.", "example.org"),
        ("example.org.:80", "example.org"),
        ("my_service:80", "my_service"),
        ("127.0.0.1", IPv4Address("127.0.0.1")),
        ("127.0.0.1:", IPv4Address("127.0.0.1")),
        ("[::1]", IPv6Address("::1")),
        ("[::1]:8000", IPv6Address("::1")),
        ("[0:0:0:0:0:0:0:1]", IPv6Address("::1")),
        ("[FE80::1]", IPv6Address("fe80::1")),
        ("[::ffff:127.0.0.1]:8000", IPv4Address("127.0.0.1")),
    ],
)
def test_a_host_is_read_without_port_case_and_final_dot(header: str, host: object) -> None:
    assert read_host(header) == host


@pytest.mark.parametrize(
    "header",
    [
        "", " ", ".", "..", ".example.org", "a..b", "example.org..", "::1", "::1:8000", "[::1",
        "::1]", "[]", "[localhost]", "[127.0.0.1]", "[::1]x", "[::1%25eth0]", "[:]", "[1:2]",
        "a b", "a,b", "localhost, evil.example", "user@localhost", "localhost/", "localhost:x",
        "http://localhost", "localhost:80:80", "localhost\n", "lo\x00calhost", "%6cocalhost",
        "b\u00fccher.example", "\u2460", "a" * 261,
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused_as_such(header: str) -> None:
    assert read_host(header) is None
    assert status(header) == 400


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    "host",
    [
        "localhost", "localhost:1", "LOCALHOST.", "quern.localhost", "127.0.0.1:8000", "127.1.2.3",
        "[::1]:8000", "[::ffff:127.0.0.1]", "box", "BOX:8000", "box.lan", "box.lan.:80",
    ],
)  # fmt: skip
def test_a_server_answers_to_loopback_and_to_its_machine(host: str) -> None:
    assert status(host) == 200
    assert status(host, bound=EVERYWHERE) == 200


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:8000", "localhost.evil.example", "evillocalhost", "lan",
        "127.0.0.1.evil.example", "box.evil.example", "127.1", "2130706433", "0x7f.0.0.1",
        EVERYWHERE, "[::]", "192.0.2.7", "192.0.2.8", "[2001:db8::1]",
    ],
)  # fmt: skip
def test_a_server_answers_to_nothing_else(host: str) -> None:
    refusal = AllowedHosts("127.0.0.1", "").refusal(host, protocol="HTTP/1.1")

    assert refusal is not None
    assert refusal[0] == 421
    assert "QUERN_ALLOWED_HOSTS" in refusal[1]


@pytest.mark.usefixtures("asked")
def test_a_server_answers_to_the_address_that_it_listens_on() -> None:
    assert status("192.0.2.1:8000", bound="192.0.2.1") == 200
    assert status("192.0.2.7:8000", bound="192.0.2.1") == 421
    assert status("[2001:db8::1]:8000", bound="2001:db8::1") == 200
    assert status("[fe80::2]:8000", bound="fe80::2%eth0") == 200
    assert status("quern.lan", bound="Quern.lan") == 200


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("bound", [EVERYWHERE, "::", ""])
def test_a_server_that_listens_everywhere_answers_to_each_address_of_its_machine(
    bound: str,
) -> None:
    assert status("192.0.2.7:8000", bound=bound) == 200
    assert status("[fe80::1]:8000", bound=bound) == 200
    assert status("192.0.2.8", bound=bound) == 421


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize(
    ("allowed", "host", "expected"),
    [
        ("web", "web:8000", 200),
        ("WEB.:80", "web", 200),
        (" web , 192.0.2.9:80,[2001:db8::1]:80, 2001:db8::2,", "192.0.2.9", 200),
        (" web , 192.0.2.9:80,[2001:db8::1]:80, 2001:db8::2,", "[2001:db8::1]", 200),
        (" web , 192.0.2.9:80,[2001:db8::1]:80, 2001:db8::2,", "[2001:db8::2]:1", 200),
        ("web", "web.evil.example", 421),
        ("example.org", "a.example.org", 421),
        (".example.org", "a.b.Example.org:80", 200),
        (".example.org", "example.org.", 200),
        (".example.org", "evilexample.org", 421),
        (".example.org", "example.org.evil.example", 421),
        ("*", "anything.example", 200),
        ("web,*", "anything.example", 200),
    ],
)
def test_a_server_answers_to_what_is_listed(allowed: str, host: str, expected: int) -> None:
    assert status(host, allowed=allowed) == expected


@pytest.mark.parametrize(
    "allowed",
    ["http://web", "web/", "*.example.org", ".", ".127.0.0.1", "web example.org", "a,[::1"],
)
def test_a_setting_that_names_no_host_stops_the_process(allowed: str) -> None:
    with pytest.raises(BadSetting, match="QUERN_ALLOWED_HOSTS names"):
        read_settings({"QUERN_ALLOWED_HOSTS": allowed})


def test_a_request_that_names_no_host_is_refused_unless_it_is_of_http_1_0() -> None:
    hosts = AllowedHosts("127.0.0.1", "")
    missing = hosts.refusal(None, protocol="HTTP/1.1")

    assert missing is not None
    assert missing[0] == 400
    assert hosts.refusal(None, protocol="HTTP/0.9") == missing
    assert hosts.refusal(None, protocol="HTTP/1.0") is None
    assert hosts.refusal("evil.example", protocol="HTTP/1.0") is not None
    assert hosts.refusal("", protocol="HTTP/1.0") == missing


def test_the_resolver_is_asked_once_and_for_the_machine_alone(asked: list[str]) -> None:
    hosts = AllowedHosts("127.0.0.1", "web")
    for host in ("localhost", "127.0.0.1", "web", "192.0.2.8"):
        hosts.refusal(host, protocol="HTTP/1.1")
    before = list(asked)
    for n in range(10):
        hosts.refusal(f"{n}.evil.example", protocol="HTTP/1.1")

    assert (before, asked) == ([], ["fqdn"])


@given(st.text(max_size=40))
@example("[" * 40)
@example("a." * 120)
def test_any_header_is_answered(header: str) -> None:
    assert status(header, allowed=".example.org") in (200, 400, 421)
