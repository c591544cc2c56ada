import pytest

from rag.errors import InvalidRequest
from web.http import cursors


def test_a_position_comes_back_as_it_was_given() -> None:
    assert cursors.decode(cursors.encode("a", "ü/0"), 2) == ["a", "ü/0"]
    assert cursors.decode_number(cursors.encode("17")) == 17
    assert cursors.decode_time(cursors.encode("1700000000000000", "01H")) == (
        "1700000000000000", "01H",
    )  # fmt: skip


@pytest.mark.parametrize("parts", [("",), ("-1",), ("1.5",), ("٣",), ("1" * 19,), ("1", "2")])
def test_what_is_no_whole_number_is_no_cursor_of_a_numbered_list(parts: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        cursors.decode_number(cursors.encode(*parts))


@pytest.mark.parametrize("parts", [("1",), ("soon", "01H"), ("1" * 19, "01H"), ("1", "a", "b")])
def test_what_is_no_time_with_a_name_is_no_cursor_of_jobs(parts: tuple[str, ...]) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        cursors.decode_time(cursors.encode(*parts))


@pytest.mark.parametrize("word", ["!", "ä", "a", "_w"])
def test_a_word_that_nobody_wrote_is_no_cursor(word: str) -> None:
    with pytest.raises(InvalidRequest, match="cursor"):
        cursors.decode(word, 1)
