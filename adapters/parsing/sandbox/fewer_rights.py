"""
Taking rights from this process for which a reader of files has no use, for good.

After that it and all it forks have no capability, change no file, start no program, and reach no
process outside: they can neither signal it nor look into its memory and environment. But for the
capabilities this is Landlock's, which needs no right and is part of Linux from 5.13 on, if the
kernel was started with it; each version takes what it knows. The network is left to `no_network`:
of that Landlock knows TCP alone.

Sources: landlock(7), linux/landlock.h; capset(2), linux/capability.h.
"""

import ctypes
import os
import struct
import sys
from typing import Final

# The same on every processor.
_CREATE_RULESET: Final = 444
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1  # the flag that asks for it
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITY_VERSION: Final = 0x20080522

#: (version, rights that are taken): all on files but to read them and to list folders.
_FILES: Final = (
    (1, 0b1_1111_1111_0011),  # execute, write, remove, make of every kind
    (2, 1 << 13),  # to another folder
    (3, 1 << 14),  # truncate
    (5, 1 << 15),  # ioctl of devices
)
_NETWORK_FROM: Final = 4
_SCOPES_FROM: Final = 6
_SCOPES: Final = 0b11  # sockets of abstract names, and signals, of processes outside


def confine() -> int:
    """Take the rights, and return the version of Landlock that did so; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    libc = ctypes.CDLL(None)
    # Effective, permitted and inherited, twice 32 bits each: a worker may run as root.
    libc.capset(struct.pack("=Ii", _CAPABILITY_VERSION, 0), bytes(24))
    none = ctypes.c_ulong(0)
    version = libc.syscall(_CREATE_RULESET, None, none, ctypes.c_ulong(_VERSION))
    if version < 1 or not no_new_privileges(libc):
        return 0
    rules = _rules(version)
    ruleset = libc.syscall(_CREATE_RULESET, rules, ctypes.c_ulong(len(rules)), none)
    if ruleset < 0:
        return 0
    try:
        return int(version) if libc.syscall(_RESTRICT_SELF, ruleset, none) == 0 else 0
    finally:
        os.close(ruleset)


def no_new_privileges(libc: ctypes.CDLL) -> bool:
    """
    Set no_new_privs for this process and its children; return True if that holds.

    Without this the kernel restricts nobody who is not root, neither by Landlock nor by a filter.
    """
    none, one = ctypes.c_ulong(0), ctypes.c_ulong(1)
    return int(libc.prctl(_PR_SET_NO_NEW_PRIVS, one, none, none, none)) == 0


def _rules(version: int) -> bytes:
    """Return `struct landlock_ruleset_attr`; an older kernel refuses a longer one than it knows."""
    words = [sum(rights for first, rights in _FILES if version >= first)]
    if version >= _NETWORK_FROM:
        words.append(0)
    if version >= _SCOPES_FROM:
        words.append(_SCOPES)
    return struct.pack(f"={len(words)}Q", *words)
