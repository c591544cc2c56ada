"""A request on its way: which bytes a thread is spared to wait for."""

import pytest

from web.server.arrivals import Arrival
from web.slots import SMALL_BODY

POST = b"POST /api/queries HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /livez HTTP/1.1\r\nX-A: " + b"a" * 1_000,
        POST + b"Content-Length: 5\r\n\r\n",
        POST + b"content-length:5\r\n\r\nfour",
        POST + b"CONTENT-LENGTH: \t5 \r\nX-A: b\r\n\r\nfour",
    ],
)
def test_half_a_request_gets_no_thread(data: bytes) -> None:
    assert not Arrival(data, deadline=0).is_complete


@pytest.mark.parametrize(
    "data",
    [
        b"GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n",
        POST + b"Content-Length: 5\r\n\r\nfive!",
        POST + b"Content-Length: 5\r\n\r\nfive!GET / HTTP/1.1",
        POST + b"Content-Length: %d\r\n\r\n" % (SMALL_BODY + 1),  # a large body has a slot
        POST + b"Transfer-Encoding: chunked\r\n\r\n",
        POST + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nX-A: " + b"a" * SMALL_BODY,  # the parser refuses it
    ],
)
def test_what_is_whole_or_large_gets_a_thread(data: bytes) -> None:
    assert Arrival(data, deadline=0).is_complete


def test_a_request_is_complete_with_its_last_byte() -> None:
    whole = POST + b"Content-Length: 5\r\n\r\nfive!"
    arrival = Arrival(b"", deadline=0)
    for n in range(len(whole)):
        assert not arrival.is_complete
        arrival.data += whole[n : n + 1]

    assert arrival.is_complete


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", True),
        (b"HEAD /readyz HTTP/1.1\r\n\r\n", True),
        (b"GET /health?x=1 HTTP/1.1\r\n\r\n", True),
        (b"GET /healthy HTTP/1.1\r\n\r\n", False),
        (b"POST /livez HTTP/1.1\r\n\r\n", False),
        (b"GET /api/jobs?a=/livez HTTP/1.1\r\n\r\n", False),
    ],
)
def test_probes_are_told_from_all_else(data: bytes, expected: bool) -> None:
    assert Arrival(data, deadline=0).is_probe is expected
