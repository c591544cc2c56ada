"""One file and one parser: the file is sent, and what came of it is received."""

import select
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from adapters.parsing.sandbox.limits import Limits, crashed
from adapters.parsing.sandbox.parser_process import LENGTHS, too_much_text
from rag.documents import Block, Page, ParsedDocument
from rag.errors import Cancelled, NoText, Unreadable

TICK_S = 0.1  # how often a wait looks whether it is still wanted
_HEAD_BYTES = 64 * 2**20  # of the head of an answer: blocks take about 30 bytes each
_NAME_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Request:
    """A file as an open descriptor, its name, and the limits of the time it may take."""

    source: int
    filename: str
    timeout_s: float
    until: float
    abort: Callable[[], bool] | None


#: What came of a file; None where it wants a process that has read no other.
Result = ParsedDocument | Unreadable | None


def converse(channel: socket.socket, request: Request, limits: Limits) -> tuple[Result, bool]:
    """
    Send a file and return what came of it, and whether the process may parse another.

    Raises:
        EOFError, ConnectionError: The process ended.

        TimeoutError: The time is over.

        Cancelled: The request is not wanted any more.
    """
    name = request.filename[-_NAME_CHARACTERS:].encode("utf-8", "replace").decode()
    message = orjson.dumps({"filename": name, "timeout_s": request.timeout_s})
    socket.send_fds(channel, [message], [request.source])
    until, abort = request.until, request.abort
    lengths = _receive(channel, LENGTHS.size, until, abort)
    head_length, text_length = LENGTHS.unpack(lengths)
    if text_length > limits.text or head_length > _HEAD_BYTES:
        return too_much_text(limits.text), False
    head = _receive(channel, head_length, until, abort)
    text = _receive(channel, text_length, until, abort)
    try:
        return _read(orjson.loads(head), text.decode("utf-8"), limits)
    except (ValueError, KeyError, TypeError):  # a file that took its parser over may say so
        return crashed(), False


def check_wanted(abort: Callable[[], bool] | None) -> None:
    """Stop where the caller says so."""
    if abort is not None and abort():
        raise Cancelled("the parsing was stopped by its caller")


def _read(head: dict[str, Any], text: str, limits: Limits) -> tuple[Result, bool]:
    """Return what an answer says, and whether its process is kept."""
    if head.get("alone") is True:
        return None, head["keep"] is True
    reason = head.get("reason")
    if reason is None:
        document = ParsedDocument(
            text=text,
            kind=head["kind"],
            title=head["title"],
            blocks=tuple(Block(*block) for block in head["blocks"]),
            pages=tuple(Page(*page) for page in head["pages"]),
            notes=tuple(head["notes"]),
            encoding=head["encoding"],
        )
        return document, head["keep"] is True
    detail = str(head["detail"])
    error = NoText(detail) if reason == "no_text" else Unreadable(str(reason), detail)
    return limits.out_of_memory() if reason == "parser_memory" else error, head["keep"] is True


def _receive(
    channel: socket.socket, size: int, until: float, abort: Callable[[], bool] | None
) -> bytearray:
    """Return exactly *size* bytes, or raise EOFError or TimeoutError."""
    received = bytearray(size)
    view = memoryview(received)
    at = 0
    while at < size:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if select.select([channel], [], [], min(left, TICK_S))[0]:
            got = channel.recv_into(view[at:])
            if not got:
                raise EOFError
            at += got
        else:
            check_wanted(abort)
    return received
