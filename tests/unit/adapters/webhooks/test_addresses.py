"""Webhooks go to public addresses, whatever names and numbers hide another one."""

import pytest

from adapters.webhooks.addresses import Allowed, Refused


def allowed(*addresses: str, private: str = "") -> Allowed:
    return Allowed(private, resolve=lambda _host, _port: list(addresses))


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700::6810:84e5"])
def test_a_public_address_is_connected_to(address: str) -> None:
    assert allowed(address).address("example.org", 443) == address


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1",
        "224.0.0.1", "255.255.255.255", "0.0.0.0",  # noqa: S104  refused, not bound
        "::1", "::", "fe80::1%eth0", "fd00::1", "ff02::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "2002:7f00:1::", "2002:a00:1::",
    ],
)  # fmt: skip
def test_an_address_that_is_not_public_is_refused_and_the_setting_is_named(address: str) -> None:
    with pytest.raises(Refused, match="QUERN_WEBHOOK_ALLOW_PRIVATE"):
        allowed(address).address("example.org", 443)


def test_of_several_addresses_a_public_one_is_taken() -> None:
    assert allowed("10.0.0.1", "93.184.215.14").address("example.org", 80) == "93.184.215.14"


@pytest.mark.parametrize(
    ("private", "host", "address"),
    [
        ("10.1.0.0/16", "hooks", "10.1.2.3"),
        ("fd00::/8, hooks.internal", "Hooks.Internal", "192.168.7.7"),
        ("127.0.0.1", "localhost", "127.0.0.1"),
    ],
)
def test_what_the_operator_lists_is_reached(private: str, host: str, address: str) -> None:
    assert allowed(address, private=private).address(host, 80) == address


def test_a_listed_name_opens_no_other_name_and_a_listed_network_no_other() -> None:
    with pytest.raises(Refused):
        allowed("10.2.0.1", private="hooks.internal,10.1.0.0/16").address("evil.example", 80)
