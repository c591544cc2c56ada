"""Parsers that do what a file tells them, to try the limits of the processes they run in."""

from pathlib import Path

import pytest

from adapters.parsing.sandbox import template

# Stands in for `formats.parse` in a template of its own: does what the file says.
TOLD = """
import ctypes, errno, os, signal, socket, time
from rag.documents import Block, ParsedDocument
from adapters.parsing.shared.plainness import NotPlain

libc = ctypes.CDLL(None, use_errno=True)

def tcp(port):
    socket.create_connection(("127.0.0.1", int(port)), timeout=1)

def udp(port):
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", int(port)))

def unix(path):
    socket.socket(socket.AF_UNIX).connect(path)

def pair(_):
    socket.socketpair()

def namespace(path):
    with open(path) as place:
        checked(libc.setns(place.fileno(), 0x40000000))

def ring(_):
    checked(libc.syscall(425, 1, 0))

def write(path):
    open(path, "ab").close()

def remove(path):
    os.remove(path)

def truncate(path):
    os.truncate(path, 0)

def look(path):
    open(path, "rb").read()

def interrupt(pid):
    os.kill(int(pid), 0)

def program(path):
    os.execv(path, [path])

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "")

def outcome(name, rest):
    try:
        globals()[name](rest)
    except OSError as error:
        return errno.errorcode[error.errno or 0] if error.errno else type(error).__name__
    return "done"

def parse(data, *, filename, plain_only=False):
    word, _, rest = data.decode().partition(" ")
    if plain_only and word == "format":
        raise NotPlain
    if word == "sleep":
        time.sleep(float(rest))
    elif word == "await":
        with open(rest, "rb") as pipe:
            pipe.read()
    elif word == "spin":
        while True:
            pass
    elif word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "fill":
        hog = [bytearray(2**20) for _ in range(2**20)]
    elif word == "talk":
        return ParsedDocument("x" * int(rest), "text")
    elif word == "blocks":
        return ParsedDocument("x" * int(rest), "text", None, tuple(Block("paragraph", n, n + 1) for n in range(int(rest))))
    elif word == "bug":
        raise LookupError("no such thing")
    elif word == "write":
        with open(rest, "wb") as file:
            file.write(b"x")
            file.flush()
    elif word == "call":
        return ParsedDocument(outcome(*rest.split(" ", 1)), "text")
    elif word == "environment":
        return ParsedDocument(" ".join(sorted(os.environ)), "text")
    return ParsedDocument(str(os.getpid()), "text")
"""  # noqa: E501 - a program in a string


def shadow_parsers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make new pools start their template with `TOLD` for parsers, from packages below *root*."""
    package = root / "adapters" / "parsing"
    real = Path(template.__file__).resolve().parents[1]
    for folder in (package.parent, package, package / "sandbox", package / "shared"):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    (package / "formats.py").write_text(TOLD)
    for name in ("fewer_rights.py", "no_network.py", "parser_process.py"):
        (package / "sandbox" / name).symlink_to(real / "sandbox" / name)
    (package / "shared" / "plainness.py").symlink_to(real / "shared" / "plainness.py")
    for name in ("rag", "runtime"):
        (root / name).symlink_to(real.parents[1] / name)
    monkeypatch.setattr(template, "_ROOT", root)
