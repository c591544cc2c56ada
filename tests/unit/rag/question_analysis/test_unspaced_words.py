"""What Chinese, Japanese and Korean questions are about."""

import pytest

from rag.question_analysis.unspaced_words import pieces_of
from rag.question_analysis.weighty_words import folded, holds, weighty_words


def told(question: str) -> list[str]:
    return list(dict.fromkeys(piece.text for piece in pieces_of(question)))


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("ロビーは何時に開きますか。", ["ロビー"]),
        ("工場の見学を予約するには?", ["工場", "見学", "予約"]),
        ("船は何隻ありますか。", ["船"]),
        ("これはどこですか。", []),
        ("码头有多少船?", ["码头", "船"]),
        ("什么时候可以参观工厂?", ["参观工厂"]),
        ("这个多少钱?", ["这个"]),
        ("공장은 언제 문을 엽니까?", ["공장", "문"]),
        ("견학을 예약하려면 어떻게 해야 합니까?", ["견학", "예약"]),
        ("배는 몇 척 있습니까?", ["배"]),
        ("고양이가 몇 마리예요?", ["고양이"]),
        ("표를 살 수 있나요?", ["표"]),
        ("What is new?", []),
    ],
)
def test_what_a_question_asks_with_is_not_what_it_is_about(
    question: str, expected: list[str]
) -> None:
    assert told(question) == expected


def test_a_pair_of_two_words_need_not_stand_in_a_text() -> None:
    words = weighty_words("造船工場はどこですか。", ("ja",))

    assert all(holds(folded("工場では造船をする。"), word, ("ja",)) for word in words)
    assert [holds(folded("工場は遠い。"), word, ("ja",)) for word in words] == [
        False,
        False,
        True,
        True,
    ]


def test_the_first_word_counts_as_a_name_and_other_scripts_are_read_as_before() -> None:
    words = weighty_words("Kafkaの設定はどこですか。", ("ja",))

    assert {(word.text, word.name) for word in words} == {("kafka", False), ("設定", True)}


def test_where_nothing_says_what_it_is_about_every_pair_counts() -> None:
    assert weighty_words("これはなに", ("ja",))
