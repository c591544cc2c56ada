"""
Which addresses webhooks may be sent to: public ones, and those that the operator lists.

A URL comes from whoever may submit a job. Without this Quern would fetch for them what only its
own machine and network can reach (server-side request forgery, OWASP API7:2023).
"""

import socket
from collections.abc import Callable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

#: Addresses in which another one is hidden, in the last 32 bits (RFC 6052).
_NAT64: Final = IPv6Network("64:ff9b::/96")


class Refused(Exception):
    """Raised when a webhook may not be sent where its host leads."""


class Allowed:
    """
    Decide where webhooks may go.

    Args:
        private: Hosts, addresses and networks that are not public and may be reached all the
            same, between commas.

        resolve: Returns the addresses of a host, `socket.getaddrinfo` by default.
    """

    def __init__(
        self, private: str = "", *, resolve: Callable[[str, int], list[str]] | None = None
    ) -> None:
        self._hosts: set[str] = set()
        self._networks: list[Network] = []
        for entry in private.replace(",", " ").split():
            try:
                self._networks.append(ip_network(entry, strict=False))
            except ValueError:
                self._hosts.add(entry.lower())
        self._resolve = resolve or _addresses_of

    def address(self, host: str, port: int) -> str:
        """
        Return one address of *host* that may be connected to; the caller connects to that one.

        A second look at the name could give another address (DNS rebinding).

        Raises:
            Refused: None of them may be.

            OSError: The name cannot be resolved.
        """
        found = self._resolve(host, port)
        listed = host.lower() in self._hosts
        for text in found:
            if listed or self._may_be(ip_address(text.partition("%")[0])):
                return text
        raise Refused(
            f"{host} leads to no public address; QUERN_WEBHOOK_ALLOW_PRIVATE lists hosts and "
            "networks of your own that may be reached"
        )

    def _may_be(self, address: Address) -> bool:
        """Return True for public addresses, and for those that are listed."""
        if any(address.version == net.version and address in net for net in self._networks):
            return True
        return all(one.is_global and not one.is_multicast for one in _meant(address))


def _meant(address: Address) -> Iterator[Address]:
    """Yield an address, and those that are reached by it."""
    yield address
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
        if address.sixtofour:
            yield address.sixtofour
        if address.teredo:
            yield from address.teredo
        if address in _NAT64:
            yield IPv4Address(int(address) & 0xFFFF_FFFF)


def _addresses_of(host: str, port: int) -> list[str]:
    """Resolve a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(where[0]) for *_, where in found]
