"""No parser reaches a network, by each of the ways in which that can be had; its answers pass."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from adapters.parsing.sandbox.no_network import NAMESPACE, NONE, SECCOMP, WAYS
from adapters.parsing.sandbox.parser_pool import ParserPool
from rag.documents import ParsedDocument
from tests.support.files.office_files import xls, zipped
from tests.support.files.pdf_files import pdf, text
from tests.support.files.told_parsers import shadow_parsers
from tests.support.files.wordfiles import p, word_file

if sys.platform != "linux":
    pytest.skip("namespaces and filters are those of Linux", allow_module_level=True)

FILTERS = os.uname().machine in ("x86_64", "aarch64") and (
    Path("/proc/sys/kernel/seccomp/actions_avail").exists()
)


def pool(*ways: str) -> ParserPool:
    made = ParserPool(processes=1, memory_mb=256, text_mb=1)
    made._ways = ways
    return made


def outcome(pool: ParserPool, call: str) -> str:
    return pool.parse(f"call {call}".encode(), filename="x.txt", timeout_s=20).text


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Sockets of the test's own, which it reaches itself, each by the call that asks for it."""
    with ExitStack() as stack:
        tcp = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        udp.bind(("127.0.0.1", 0))
        unix = stack.enter_context(socket.socket(socket.AF_UNIX))
        unix.bind(str(tmp_path / "s"))
        unix.listen()
        socket.create_connection(tcp.getsockname(), timeout=5).close()
        stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(tmp_path / "s"))
        yield {
            "tcp": f"tcp {tcp.getsockname()[1]}",
            "udp": f"udp {udp.getsockname()[1]}",
            "unix": f"unix {tmp_path / 's'}",
        }


def test_without_any_way_a_parser_reaches_everything_and_the_pool_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: dict[str, str]
) -> None:
    shadow_parsers(tmp_path, monkeypatch)
    with pool() as parsers:
        outcomes = {name: outcome(parsers, call) for name, call in listening.items()}

        assert parsers.isolation == NONE
        assert set(outcomes.values()) == {"done"}


def test_in_a_namespace_of_its_own_a_parser_finds_no_network(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: dict[str, str]
) -> None:
    shadow_parsers(tmp_path, monkeypatch)
    with pool(NAMESPACE) as parsers:
        if parsers.isolation != NAMESPACE:
            pytest.skip("this kernel lets nobody leave the network")

        assert outcome(parsers, listening["tcp"]) == "ENETUNREACH"
        assert outcome(parsers, listening["udp"]) == "ENETUNREACH"


@pytest.mark.skipif(not FILTERS, reason="this kernel has no filters, or we none for its processor")
@pytest.mark.parametrize("ways", [(SECCOMP,), WAYS])
def test_behind_the_filter_a_parser_comes_to_no_socket(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    listening: dict[str, str],
    ways: tuple[str, ...],
) -> None:
    shadow_parsers(tmp_path, monkeypatch)
    with pool(*ways) as parsers:
        calls = [*listening.values(), "pair x", "namespace /proc/self/ns/net", "ring x"]

        assert parsers.isolation in ways
        assert {call: outcome(parsers, call) for call in calls} == dict.fromkeys(calls, "EPERM")


def test_every_kind_is_read_behind_the_filter_as_without_it() -> None:
    files = {
        "a.txt": b"Words.",
        "a.md": b"# Words\n\n<table><tr><td>a<td>b</table>",
        "a.html": b"<html><body><p>Words.</p></body></html>",
        "a.xml": b"<a><b>Words.</b></a>",
        "a.json": b'[{"name": "words"}]',
        "a.docx": word_file(p("Words.")),
        "a.xls": xls("Words", [["a", "b"], ["c", 1.0]]),
        "a.pdf": pdf(text(72, 700, "Words.")),
        "a.zip": zipped({"b.txt": b"Words.", "c.docx": word_file(p("More."))}),
        # Too large to be lent in memory: it is a file on the disk, or was one.
        "large.txt": b"Many words.\n" * 90_000,
    }

    def read(*ways: str) -> dict[str, ParsedDocument]:
        made = ParserPool(processes=1, text_mb=4)
        made._ways = ways
        with made as parsers:
            return {
                name: parsers.parse(data, filename=name, timeout_s=30)
                for name, data in files.items()
            }

    assert read(SECCOMP) == read()
