"""The set of blobs' names: small, and never without one that is in it."""

import hashlib

from workers.blob_sweeper import Names


def test_what_was_added_is_in_the_set_and_nothing_else() -> None:
    added, others = _names("added", 3_000), _names("others", 3_000)
    names = Names()
    for first in range(0, len(added), 500):
        names.add(added[first : first + 500])

    assert names.without([*added, *others]) == others
    assert names.without(added[:1]) == []


def test_what_cannot_be_a_name_is_passed_over() -> None:
    names = Names()
    names.add([None, "", "no digest", *_names("a", 1)])

    assert names.without(_names("a", 2)) == _names("a", 2)[1:]


def _names(seed: str, count: int) -> list[str]:
    return [hashlib.sha256(f"{seed} {n}".encode()).hexdigest() for n in range(count)]
