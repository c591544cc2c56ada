"""Host names that this service answers to; requests for other hosts are refused."""

import re
import socket
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import psutil

#: The setting that lists further names, for whoever is refused.
SETTING: Final = "QUERN_ALLOWED_HOSTS"
#: Instead of a name: any.
ANY: Final = "*"

#: A name of labels, an IPv4 address, or an IPv6 address in brackets; and perhaps a port.
_HOST = re.compile(
    r"(?:\[(?P<six>[0-9a-f:.]+)\]|(?P<name>[a-z0-9_-]+(?:\.[a-z0-9_-]+)*)\.?)(?::[0-9]*)?",
    re.ASCII | re.IGNORECASE,
)
#: A name of 253 characters, its final dot, a colon and a port: nothing longer can be one.
_LONGEST = 260

#: Callers use few names, again and again.
_KEPT: Final = 256

Host = str | IPv4Address | IPv6Address


@lru_cache(maxsize=_KEPT)
def read_host(text: str) -> Host | None:
    """
    Read what a `Host` header holds, without its port; None where that cannot be a host.

    A name comes in lower case and without a final dot.
    """
    match = _HOST.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        return None
    if match["six"] is None:
        name: str = match["name"].lower()
        return _address(name) or name
    return _address(match["six"]) if ":" in match["six"] else None


def read_entry(text: str) -> Host | None:
    """Read a name or address as people write it: like `read_host`, brackets may be left out."""
    return _address(text.partition("%")[0]) or read_host(text)


def is_loopback(bound: str) -> bool:
    """Return True if a server that listens on *bound* is reached from its own machine alone."""
    address = _address(bound.partition("%")[0])
    return bound.lower() == "localhost" if address is None else address.is_loopback


def unusable(allowed: str) -> list[str]:
    """Return the entries of the setting that are neither names nor addresses."""
    return [entry for entry in _entries(allowed) if entry != ANY and _entry(entry) is None]


class AllowedHosts:
    """
    The names and addresses under which a server may be called.

    A page of another site can let its own name lead to this machine (DNS rebinding); to the
    browser it is then of the same origin as what it reads here. The `Host` header is all that
    tells the two apart, and a page cannot choose it. So a server answers to loopback names and
    addresses, to the address it listens on, to the machine's own names, where it listens
    everywhere to the machine's own addresses, and to what is listed; ports say nothing.

    Args:
        bound: The address or name that the server listens on.

        allowed: What else it may be called, between commas: names, addresses, `.example.org` for
            that domain and all below it, `*` for anything.
    """

    def __init__(self, bound: str, allowed: str) -> None:
        entries = _entries(allowed)
        address = _address(bound)
        self._any = ANY in entries
        self._known = {read_entry(bound), *(_entry(e) for e in entries if not e.startswith("."))}
        self._domains = tuple(f".{_entry(e)}" for e in entries if e.startswith("."))
        self._is_everywhere = not bound or (address is not None and address.is_unspecified)

    def refusal(self, host: str | None, *, protocol: str) -> tuple[int, str] | None:
        """
        Return the status and the reason for which a request is refused; None: it may go on.

        Args:
            host: Its `Host` header, None where it has none.

            protocol: Its version, such as `HTTP/1.1`: an HTTP/1.0 request needs no `Host`. Probes
                of load balancers come like that, and no browser does.
        """
        if self._any or (host is None and protocol == "HTTP/1.0"):
            return None
        called = None if host is None else read_host(host)
        if called is None:  # RFC 9112, section 3.2
            return 400, "The request's Host header is missing or cannot be read."
        if self.allows(called):
            return None
        return 421, f"This server does not answer to {called}; if it should, add that to {SETTING}."

    def allows(self, called: Host) -> bool:
        """Return True if the server may be called by this name or address."""
        if called in self._known:
            return True
        if isinstance(called, str):
            return (
                called == "localhost"
                or called.endswith(".localhost")  # RFC 6761, section 6.3
                or f".{called}".endswith(self._domains)
                or called in self._own_names
            )
        return called.is_loopback or (self._is_everywhere and called in _own_addresses())

    @cached_property
    def _own_names(self) -> frozenset[Host | None]:
        """The machine's names; the resolver is asked for the longer one, once a process."""
        return frozenset({read_host(socket.gethostname()), read_host(socket.getfqdn())})


def _entries(allowed: str) -> list[str]:
    """Split the setting; empty entries are none."""
    return [entry.strip() for entry in allowed.split(",") if entry.strip()]


def _entry(text: str) -> Host | None:
    """Read an entry of the setting; of a domain, which is no address, what follows its dot."""
    if not text.startswith("."):
        return read_entry(text)
    domain = read_host(text[1:])
    return domain if isinstance(domain, str) else None


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Read an IP address, an IPv4 address in IPv6 form as such; None where it is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return address if address.version == 4 else address.ipv4_mapped or address  # noqa: PLR2004


def _own_addresses() -> set[Host | None]:
    """Return the addresses that this machine has at this moment; they may change."""
    found = psutil.net_if_addrs().values()
    return {read_entry(one.address) for addresses in found for one in addresses}
