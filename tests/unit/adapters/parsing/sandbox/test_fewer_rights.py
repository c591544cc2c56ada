"""The rights that each version of Landlock is asked to take."""

import struct

import pytest

from adapters.parsing.sandbox.fewer_rights import _rules

# From linux/landlock.h: to read a file, to list a folder.
READ = 1 << 2 | 1 << 3


@pytest.mark.parametrize(
    ("version", "files"), [(1, 13), (2, 14), (3, 15), (4, 15), (5, 16), (9, 16)]
)
def test_all_rights_on_files_that_a_version_knows_are_taken_but_to_read(
    version: int, files: int
) -> None:
    rules = _rules(version)
    rights = struct.unpack_from("=Q", rules)[0]

    assert rights == (1 << files) - 1 & ~READ
    assert len(rules) == 8 * (1 + (version >= 4) + (version >= 6))


def test_processes_outside_are_out_of_reach_from_the_sixth_version_on() -> None:
    assert struct.unpack("=3Q", _rules(6))[2] == 0b11
    assert len(_rules(5)) == 16
