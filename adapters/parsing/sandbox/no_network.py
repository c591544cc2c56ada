"""
Keeping the network from this process, for good: a namespace without interfaces, or a filter.

A namespace holds for every kind of network, but containers as a rule refuse to make one. The filter
needs no right at all: the kernel refuses each system call by which a process comes to a socket
or to somebody else's. It is laid over the namespace as well, where both can be had: it also
closes the ways that a namespace leaves open, sockets in the file system and back by `setns`.

Sources: unshare(2), seccomp(2), prctl(2), linux/filter.h, linux/seccomp.h, linux/audit.h; the
numbers are those of asm/unistd_64.h (x86_64) and asm-generic/unistd.h (aarch64).
"""

import ctypes
import errno
import os
import socket
import struct
import sys
from collections.abc import Collection
from typing import Final

from adapters.parsing.sandbox.fewer_rights import no_new_privileges

NAMESPACE: Final = "namespace"
SECCOMP: Final = "seccomp"
NONE: Final = "rlimits"  # limits on memory, time and output alone
WAYS: Final = (NAMESPACE, SECCOMP)

_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2

# Where `struct seccomp_data` has what a filter looks at, bytes.
_NUMBER: Final = 0
_ARCHITECTURE: Final = 4
_ARGUMENTS: Final = 16  # eight bytes each, the low half first on both machines

_LOAD: Final = 0x20  # BPF_LD | BPF_W | BPF_ABS
_IF_EQUAL: Final = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_IF_AT_LEAST: Final = 0x35  # BPF_JMP | BPF_JGE | BPF_K
_RETURN: Final = 0x06  # BPF_RET | BPF_K
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | errno.EPERM

#: What `uname` says → AUDIT_ARCH of its 64-bit calls.
_ARCHITECTURES: Final = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
#: On x86_64 the calls of the x32 interface, which has its own numbers under the same architecture.
_X32: Final = 0x40000000
#: (x86_64, aarch64) of each call that is refused whatever its arguments.
_REFUSED: Final = {
    "socket": (41, 198),
    "socketpair": (53, 199),
    "connect": (42, 203),
    "bind": (49, 200),
    "listen": (50, 201),
    "accept": (43, 202),
    "accept4": (288, 242),
    # Its operations open and connect sockets past any filter.
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    # Back into the network of another process, or at its sockets.
    "setns": (308, 268),
    "pidfd_getfd": (438, 438),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
}
#: `send` is this call without an address. `sendmsg` keeps its address behind a pointer, where no
#: filter sees it: it has to be a socket that cannot use one, and all that a parser has are pairs.
_SENDTO: Final = (44, 206)
_SENDTO_ADDRESS: Final = 4  # the argument

Instruction = tuple[int, int, int, int]  # code, steps if true, steps if false, operand


def leave_network(ways: Collection[str] = WAYS) -> str:
    """
    Keep the network from this process and all it forks; call it while there is one thread.

    Sockets that it has stay usable.

    Args:
        ways: Those that may be tried.

    Returns:
        The strongest that holds: `namespace`, `seccomp`, or `rlimits` where neither does.
    """
    if sys.platform != "linux":
        return NONE
    # The filter comes second: in a namespace of its user's own a process may need `unshare`.
    named = NAMESPACE in ways and _enter_namespace()
    filtered = SECCOMP in ways and _install_filter()
    return NAMESPACE if named else SECCOMP if filtered else NONE


def program(machine: str) -> list[Instruction]:
    """Return the filter for *machine*, `x86_64` or `aarch64`, as instructions of classic BPF."""
    column = 0 if machine == "x86_64" else 1
    numbers = [pair[column] for pair in _REFUSED.values()]
    address = _ARGUMENTS + 8 * _SENDTO_ADDRESS
    # The ends of the program, reached by jumps from all before: allow, then refuse.
    tests: list[Instruction] = [(_LOAD, 0, 0, _NUMBER)]
    size = len(numbers) + 8 + (column == 0)
    refuse, allow = size - 1, size - 2
    if column == 0:
        tests.append((_IF_AT_LEAST, refuse - len(tests) - 1, 0, _X32))
    for number in numbers:
        tests.append((_IF_EQUAL, refuse - len(tests) - 1, 0, number))
    tests.append((_IF_EQUAL, 0, allow - len(tests) - 1, _SENDTO[column]))
    for half in (address, address + 4):
        tests.append((_LOAD, 0, 0, half))
        tests.append((_IF_EQUAL, 0, refuse - len(tests) - 1, 0))
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 0, size - 1, _ARCHITECTURES[machine]),
        *tests,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _enter_namespace() -> bool:
    """Move to a network namespace without any interface that is up, if the kernel lets us."""
    unshare = ctypes.CDLL(None).unshare
    return unshare(_CLONE_NEWNET) == 0 or unshare(_CLONE_NEWUSER | _CLONE_NEWNET) == 0


class _Program(ctypes.Structure):
    """`struct sock_fprog`."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def _install_filter() -> bool:
    """Install the filter; return True if it is seen to hold."""
    machine = os.uname().machine
    if machine not in _ARCHITECTURES or sys.maxsize < 2**32:  # of a 32-bit program all is refused
        return False
    instructions = program(machine)
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *i) for i in instructions))
    packed = _Program(len(instructions), ctypes.addressof(code))
    libc = ctypes.CDLL(None)
    if not no_new_privileges(libc):
        return False
    mode, nothing = ctypes.c_ulong(_SECCOMP_MODE_FILTER), ctypes.c_ulong(0)
    if libc.prctl(_PR_SET_SECCOMP, mode, ctypes.byref(packed), nothing, nothing) != 0:
        return False
    try:
        socket.socket(socket.AF_UNIX).close()
    except PermissionError:
        return True
    return False
