"""What language a text is in: sure where it can be, silent where nobody could tell."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.parsing.language_detector import SAMPLE_CHARACTERS, Py3langidDetector

SPANISH = "El embargo comenzó en octubre de 1973 y elevó el precio del petróleo. "
ENGLISH = "The embargo began in October 1973 and raised the price of oil. "


@pytest.fixture(scope="module")
def model() -> Py3langidDetector:
    return Py3langidDetector.open()


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The embargo began in October 1973.", "en"),
        ("Los contratos fueron firmados en Madrid.", "es"),
        ("Die Verträge wurden 2019 unterschrieben.", "de"),
        ("Le contrat a été signé", "fr"),
        ("Договоры были подписаны в Москве.", "ru"),
        ("東京は日本の首都です。", "ja"),
        ("我喜欢吃苹果", "zh"),
        ("서울은 대한민국의 수도이다.", "ko"),
        ("ประเทศไทย", "th"),
        ("مرحبا بالعالم العربي", "ar"),
        ("Plasmodium falciparum in adults with retinopathy", "en"),
        ("THE EMBARGO BEGAN IN OCTOBER AND RAISED THE PRICE OF OIL", "en"),
    ],
)
def test_a_sentence_is_enough(model: Py3langidDetector, text: str, language: str) -> None:
    assert model.language_of(text) == language


@pytest.mark.parametrize(
    "text",
    ["", "  \n", "12.4 15.6 2024-03-11", "Super Bowl 50", "x = f(y)", "\ud800", "\x00", "😀😀"],
    ids=ascii,
)
def test_figures_names_and_code_have_no_language(model: Py3langidDetector, text: str) -> None:
    assert model.language_of(text) == ""


def test_a_notice_in_another_language_before_a_long_text_does_not_decide(
    model: Py3langidDetector,
) -> None:
    notice = ENGLISH * (SAMPLE_CHARACTERS // len(ENGLISH))

    assert model.language_of(notice) == "en"
    assert model.language_of(notice + SPANISH * 2_000) == "es"


def test_an_answer_is_the_same_in_every_thread_and_every_time(model: Py3langidDetector) -> None:
    texts = [SPANISH, ENGLISH, SPANISH + ENGLISH] * 40
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(model.language_of, texts))

    assert found == [model.language_of(text) for text in texts]
    assert found[:2] == ["es", "en"]
