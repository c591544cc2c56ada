"""
The template of the parsers and the parsers themselves: what `parser_pool` starts and asks.

The template imports the parsers, gives up the network and whatever else no reader needs, and forks.
It gets each parser's socket from the worker, so that nobody here needs to make one. A parser reads
plain texts one after the other; any other kind of file is read by a library of formats, in a
process that reads nothing else, before or after.
"""

import ctypes
import json
import logging
import os
import resource
import signal
import socket
import struct
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NoReturn

import orjson

from adapters.parsing.sandbox.fewer_rights import confine
from adapters.parsing.sandbox.no_network import leave_network
from rag.documents import ParsedDocument
from rag.errors import Unreadable

LENGTHS: Final = struct.Struct("!QQ")  # of the head and of the text of an answer, bytes
CONTROL_BYTES: Final = 4096  # of one message: each waits for the answer to the one before
FILES: Final = 100  # plain texts that one process reads before it is replaced
_BLOCKS: Final = 500_000  # that a file may fall into
_GROWTH: Final = 300 * 2**20  # bytes a process may have grown by between two files
_DESCRIPTORS: Final = 64
_CPU_SLACK_S: Final = 1.0  # processor time past the limit of wall time: the last resort
_PR_SET_PDEATHSIG: Final = 1

Parse = Callable[..., ParsedDocument]


def too_much_text(most: int) -> Unreadable:
    """Return the error for a file that yields more than *most* bytes."""
    return Unreadable("too_much_text", f"The file holds more than {most // 2**20:,} MiB of text.")


def serve(control: socket.socket) -> None:
    """Fork parsers and report how they ended, until the worker is gone."""
    for quiet in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(quiet, signal.SIG_IGN)  # the worker ends us: it may have files to finish
    limits = json.loads(control.recv(CONTROL_BYTES))
    from adapters.parsing import formats  # noqa: PLC0415 - only this process pays for the parsers

    isolation = leave_network(limits["ways"])
    confine()
    control.sendall(json.dumps({"isolation": isolation}).encode())
    parse: Parse = formats.parse
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, CONTROL_BYTES, 1)
        if not message:
            return
        request = json.loads(message)
        if "end" in request:
            answer: dict[str, Any] = _end(request["end"])
        else:
            answer = _fork(control, descriptors[0], parse, limits)
        control.sendall(json.dumps(answer).encode())


def _end(pid: int) -> dict[str, int]:
    """End a parser, and return by which signal it ended and how much memory it had, bytes."""
    os.kill(pid, signal.SIGKILL)  # ours until we wait for it, so no other's id
    _, status, usage = os.wait4(pid, 0)
    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    return {"signal": number, "peak": usage.ru_maxrss * 1024}


def _fork(
    control: socket.socket, channel: int, parse: Parse, limits: dict[str, Any]
) -> dict[str, Any]:
    """Fork a parser that answers on *channel*, a descriptor, which it takes over."""
    try:
        pid = os.fork()
    except OSError as error:
        return {"error": str(error)}
    else:
        if pid == 0:
            _work(control, channel, parse, limits)
        return {"pid": pid}
    finally:
        os.close(channel)


def _work(
    control: socket.socket, descriptor: int, parse: Parse, limits: dict[str, Any]
) -> NoReturn:
    """Parse one file after the other; never returns to the template's stack."""
    status = 1
    try:
        channel = socket.socket(fileno=descriptor)
        control.close()
        _limit(limits["memory"])
        before = _resident()
        for count in range(1, FILES + 1):
            message, descriptors, _, _ = socket.recv_fds(channel, CONTROL_BYTES, 1)
            if not message:
                break
            request = orjson.loads(message)
            _limit_processor(request["timeout_s"] + _CPU_SLACK_S)
            head, text = _answer(
                descriptors[0], request["filename"], parse, limits["text"], fresh=count == 1
            )
            young = count < FILES and _resident() - before < _GROWTH
            head["keep"] = head["keep"] and young
            packed = orjson.dumps(head)
            channel.sendall(LENGTHS.pack(len(packed), len(text)) + packed)
            channel.sendall(text)
            if not head["keep"]:
                break
            del head, text, packed
        status = 0
    except OSError:  # the worker is gone, or wants us gone
        status = 1
    except BaseException as error:  # noqa: BLE001 - a fork must not run its parent's clean-up
        # Without its message, which may quote the file.
        sys.stderr.write(f"{type(error).__name__} in a parser process\n")
        sys.stderr.write("".join(traceback.format_tb(error.__traceback__)))
    finally:
        os._exit(status)


def _answer(
    source: int, filename: str, parse: Parse, most: int, *, fresh: bool
) -> tuple[dict[str, Any], bytes]:
    """
    Parse one file into the head and the text of an answer.

    The head says in `keep` whether this process may read another file, and in `alone` that it may
    not read this one: it is no plain text, and the process is not *fresh*.
    """
    from adapters.parsing.shared.plainness import NotPlain  # noqa: PLC0415 - as the parsers themselves

    keep = True
    try:
        with os.fdopen(source, "rb") as file:
            file.seek(0)
            data = file.read()
        try:
            document = parse(data, filename=filename, plain_only=True)
        except NotPlain:
            if not fresh:
                return {"alone": True, "keep": True}, b""
            keep = False
            document = parse(data, filename=filename)
        return _packed(document, most, keep=keep)
    except Unreadable as error:
        return {"reason": error.reason, "detail": error.detail, "keep": keep}, b""
    except MemoryError:
        return {"reason": "parser_memory", "detail": "out of memory", "keep": False}, b""
    except Exception as error:  # noqa: BLE001 - whatever a library raises is the file's fault here
        detail = f"The file could not be read ({type(error).__name__}: {str(error)[:200]})."
        return {"reason": "parser_failed", "detail": detail, "keep": False}, b""


def _packed(document: ParsedDocument, most: int, *, keep: bool) -> tuple[dict[str, Any], bytes]:
    """
    Return a document as the head and the text of an answer.

    Raises:
        Unreadable: `too_much_text`.
    """
    text = document.text.encode("utf-8")
    if len(text) > most:
        raise too_much_text(most)
    if len(document.blocks) > _BLOCKS:
        detail = f"The file falls into more than {_BLOCKS:,} paragraphs."
        raise Unreadable("too_much_text", detail)
    return {
        "keep": keep,
        "kind": document.kind,
        "title": document.title,
        "blocks": [(b.kind, b.start, b.end, b.level, b.header) for b in document.blocks],
        "pages": [(p.number, p.start, p.end, p.label) for p in document.pages],
        "notes": document.notes,
        "encoding": document.encoding,
    }, text


def _limit(memory: int) -> None:
    """Give up what a parser does not need, for good."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (_DESCRIPTORS, _DESCRIPTORS))
    if sys.platform == "linux":
        template = os.getppid()
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != template:  # it died before we asked
            os._exit(1)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + memory, size + memory))


def _limit_processor(seconds: float) -> None:
    """Let the kernel end this process after so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.RLIM_INFINITY))


def _resident() -> int:
    """Return the memory this process has in use, bytes; 0 where the system does not say."""
    if sys.platform != "linux":
        return 0
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    # Parsers complain about files, and quote them.
    logging.disable()
    warnings.simplefilter("ignore")
    serve(socket.socket(fileno=int(sys.argv[1])))
