"""Job ids: UUIDv7, which tell when they were made."""

import time
import uuid

import pytest

from protocol.ids import made_at_ms, new_id


def test_an_id_is_a_uuid_of_version_7_and_the_rfc_variant() -> None:
    made = uuid.UUID(new_id())

    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_an_id_tells_when_it_was_made() -> None:
    before = time.time_ns() // 1_000_000
    made = made_at_ms(new_id())

    assert made is not None
    assert before <= made <= time.time_ns() // 1_000_000
    assert made_at_ms(new_id(now_ms=0x017F22E279B0)) == 0x017F22E279B0


def test_ids_sort_by_time_and_never_repeat() -> None:
    ids = [new_id(now_ms=now) for now in range(1_000, 3_000)]

    assert ids == sorted(ids)
    assert len({new_id(now_ms=1) for _ in range(10_000)}) == 10_000


@pytest.mark.parametrize(
    "text", ["", "x", "0" * 36, str(uuid.UUID(int=1 << 80, version=4)), new_id().upper() + "x"]
)
def test_what_is_not_an_id_of_ours_tells_nothing(text: str) -> None:
    assert made_at_ms(text) is None
