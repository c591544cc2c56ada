"""Metadata in two parts: nothing is lost when what holds of all documents is left out of each."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.document_metadata import merged, of_row, own_part

values = (
    st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
)
names = st.sampled_from(["a", "b", "ä", "\U0001f600"])
parts = st.dictionaries(names, values | st.lists(values, max_size=3), max_size=4).map(
    lambda part: orjson.dumps(part).decode()
)


@given(of_all=parts, own=parts)
def test_a_document_has_what_holds_of_all_and_its_own_which_wins(of_all: str, own: str) -> None:
    whole = merged(of_all, own)

    assert orjson.loads(whole) == orjson.loads(of_all) | orjson.loads(own)
    assert list(orjson.loads(whole)) == sorted(orjson.loads(whole))


@given(of_all=parts, own=parts)
def test_the_whole_can_be_made_again_of_what_is_kept(of_all: str, own: str) -> None:
    whole = merged(of_all, own)
    kept = own_part(whole, of_all)

    assert merged(of_all, kept) == whole
    assert of_row({"own_metadata": kept} if kept else {}, of_all) == whole


def test_what_holds_of_all_is_not_kept_again() -> None:
    of_all = '{"year":2024,"who":"x"}'

    assert own_part(of_all, of_all) == ""
    assert own_part('{"who":"x","year":1999}', of_all) == '{"year":1999}'
    assert merged("", "") == "{}"


@pytest.mark.parametrize("value", ["true", "1.0", '"1"'])
def test_what_python_takes_for_equal_is_kept_apart(value: str) -> None:
    assert own_part(f'{{"n":{value}}}', '{"n":1}') == f'{{"n":{value}}}'


def test_a_row_of_an_earlier_build_holds_the_whole() -> None:
    assert of_row({"metadata": '{"a":1}'}, '{"b":2}') == '{"a":1}'
