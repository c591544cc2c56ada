"""The filter on system calls, run on a machine for classic BPF that is written here."""

import pytest

from adapters.parsing.sandbox.no_network import leave_network, program

ALLOW, REFUSE = 0x7FFF0000, 0x00050001
ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
# From asm/unistd_64.h and asm-generic/unistd.h.
REFUSED = {
    "x86_64": [41, 53, 42, 49, 50, 43, 288, 425, 426, 427, 308, 438, 101, 310, 311],
    "aarch64": [198, 199, 203, 200, 201, 202, 242, 425, 426, 427, 268, 438, 117, 270, 271],
}
# read, write, exit_group, recvmsg, sendmsg, getsockname, wait4, memfd_create, mmap
NEEDED = {
    "x86_64": [0, 1, 231, 47, 46, 51, 61, 319, 9],
    "aarch64": [63, 64, 94, 212, 211, 204, 260, 279, 222],
}
SENDTO = {"x86_64": 44, "aarch64": 206}

machines = pytest.mark.parametrize("machine", ["x86_64", "aarch64"])


def verdict(machine: str, number: int, *, address: int = 0, architecture: int | None = None) -> int:
    """Run the filter over one `struct seccomp_data`."""
    words = {0: number, 4: architecture or ARCHITECTURES[machine]}
    for n in range(6):
        value = address if n == 4 else 0xDEADBEEF_DEADBEEF
        words[16 + 8 * n], words[20 + 8 * n] = value & 0xFFFFFFFF, value >> 32
    code, at, held = program(machine), 0, 0
    while True:
        kind, yes, no, operand = code[at]
        at += 1
        if kind == 0x06:
            return operand
        if kind == 0x20:
            held = words[operand]
        else:
            true = held == operand if kind == 0x15 else held >= operand
            assert kind in (0x15, 0x35)
            at += yes if true else no


@machines
def test_whatever_makes_or_takes_a_socket_is_refused_and_all_else_allowed(machine: str) -> None:
    refused = [number for number in range(600) if verdict(machine, number) == REFUSE]

    assert refused == sorted(REFUSED[machine])
    assert {verdict(machine, number) for number in NEEDED[machine]} == {ALLOW}


@machines
def test_sending_needs_no_address(machine: str) -> None:
    number = SENDTO[machine]

    assert verdict(machine, number) == ALLOW
    assert verdict(machine, number, address=0x7FFF_0000_0010) == REFUSE
    assert verdict(machine, number, address=0x10) == REFUSE
    assert verdict(machine, number, address=0x7FFF_0000_0000) == REFUSE


@machines
def test_calls_of_another_architecture_are_refused(machine: str) -> None:
    i386, arm = 0x40000003, 0x40000028

    assert verdict(machine, 3, architecture=i386) == REFUSE
    assert verdict(machine, 3, architecture=arm) == REFUSE


def test_the_second_interface_of_x86_64_is_refused() -> None:
    assert verdict("x86_64", 0x40000000) == verdict("x86_64", 0x40000000 + 41) == REFUSE


def test_where_no_way_may_be_tried_none_holds() -> None:
    assert leave_network(()) == "rlimits"
