import threading

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rag.terms.analysis import MAX_TERM_CHARACTERS, beside, terms, words
from rag.terms.query_terms import query_alternatives, query_terms
from rag.terms.stems import OTHER_SCRIPTS, STEMMERS


def test_terms_are_lower_case_stems_without_stop_words() -> None:
    assert terms("The Libraries of Harvard were founded in 1638.") == [
        "librari",
        "harvard",
        "were",
        "found",
        "1638",
    ]


def test_question_words_are_dropped_from_questions_only() -> None:
    assert query_terms("When did Harvard found the library?") == ["harvard", "found", "librari"]
    assert terms("When did it happen") == ["when", "did", "happen"]


def test_a_question_of_question_words_alone_keeps_them() -> None:
    assert query_terms("Who are the Who?") == ["who", "who"]
    assert query_terms("is it?") == []


def test_a_possessive_is_the_word_itself() -> None:
    assert terms("Newton's Newton\u2019s Newton") == ["newton"] * 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("get_user_name()", ["get", "user", "name"]),
        ("\ufb01sh \uff21\uff22\uff23", ["fish", "abc"]),
        ("caf\u00e9 cafe\u0301", ["caf\u00e9", "caf\u00e9"]),
        ("\u6771\u4eac\u90fd", ["\u6771\u4eac", "\u4eac\u90fd"]),
        ("\u6c34 H2O", ["\u6c34", "h2o"]),
        ("$320\u00b9 m\u00b2 10\u2076 CO\u2082", ["320", "1", "m2", "10", "6", "co2"]),
        ("\u6771\u4eacTokyo", ["\u6771\u4eac", "tokyo"]),
        ("\u0939\u093f\u0928\u094d\u0926\u0940", ["\u0939\u093f\u0928\u094d\u0926\u0940"]),
        ("\u6c34\u3068", ["\u6c34\u3068"]),
        ("\u30c7\u30fc\u30bf\u30d9\u30fc\u30b9", ["デー", "ータ", "タベ", "ベー", "ース"]),
        ("\u0e20\u0e32\u0e29\u0e32", ["\u0e20\u0e32", "\u0e32\u0e29", "\u0e29\u0e32"]),
        ("서울에서 온", ["서울", "울에", "에서", "온"]),
        ("\u1112\u1161\u11ab\u1100\u1173\u11af", ["한글"]),
        ("كِتَابٌ كتاب كتـــاب", ["كتاب"] * 3),
        ("שָׁלוֹם שלום", ["שלום"] * 2),
        ("İstanbul", ["istanbul"]),
        ("stra\u00dfe STRASSE", ["stra\u00dfe", "strasse"]),
        ("don't", ["don", "t"]),
        ("... -- !", []),
    ],
    ids=str,
)
def test_words_of_many_scripts(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_hebrew_words_are_found_without_the_words_that_are_written_before_them() -> None:
    bare, *written = terms("אחריות האחריות ובאחריות שמהאחריות", "he")

    assert set(written) == {bare}
    assert terms("בית הבית", "he") == ["בית"] * 2
    assert terms("האחריות", "en") == ["האחריות"]


def test_a_long_word_is_cut_and_still_matches_itself() -> None:
    long = "x" * 5_000

    assert terms(long) == query_terms(long) == ["x" * MAX_TERM_CHARACTERS]


@pytest.mark.parametrize(
    ("language", "asked", "written"),
    [
        ("es", "contratos firmados", "El contrato se firmó: firmado."),
        ("de", "Verträge Häuser", "der Vertrag, die Verträge, das Haus, die Häuser"),
        ("fr", "continuellement nationales", "continuelle, national"),
        ("it", "biblioteche", "la biblioteca"),
        ("pt", "contratos", "o contrato"),
        ("ru", "договоров библиотеку", "договор, библиотека"),
        ("nl", "boeken", "een boek"),
        ("sv", "böckerna flickorna", "böcker och flickor"),
        ("fi", "taloissa", "talo"),
        ("pl", "umowami", "umowa"),
        ("ar", "الكتاب", "كتاب"),
        ("tr", "kitaplar", "kitap"),
    ],
)
def test_a_word_is_found_by_another_inflection_in_its_own_language(
    language: str, asked: str, written: str
) -> None:
    assert set(query_terms(asked, language)) <= set(terms(written, language))


def test_a_language_without_a_stemmer_keeps_its_words() -> None:
    assert terms("The runners were running", "vi") == ["the", "runners", "were", "running"]


def test_english_words_are_stemmed_in_texts_of_another_script() -> None:
    assert terms("библиотеки libraries", "ru") == ["библиотек", "librari"]
    assert terms("図書 libraries", "ja") == ["図書", "librari"]


def test_words_keep_their_accents_and_are_found_beside_them_without() -> None:
    assert terms("Beyonc\u00e9's caf\u00e9") == ["beyonc\u00e9", "caf\u00e9"]
    assert beside("Beyonc\u00e9's caf\u00e9") == terms("beyonce cafe")
    assert query_alternatives("caf\u00e9", {"en"}) == [("caf\u00e9", "cafe")]
    assert beside("se\u00f1al", "es") == terms("senal", "es") != terms("se\u00f1al", "es")
    assert terms("йод", "") == ["йод"]


def test_question_words_are_those_of_the_language() -> None:
    assert query_terms("¿Dónde y cuándo se firmó?", "es") == ["y", "se", "firm"]
    assert query_terms("¿Cuándo?", "es") == query_terms("cuándo", "es") != []
    assert query_terms("When was it signed?", "es") == ["when", "was", "it", "sign"]


def test_each_word_of_a_question_has_its_stems_in_every_language_of_the_texts() -> None:
    assert query_alternatives("running contratos 1973", {"es", "en"}) == [
        ("run", "running"),
        ("contrato", "contrat"),
        ("1973",),
    ]
    assert query_alternatives("What? ¿Qué?", {"es", ""}) == [("what",), ("qu\u00e9", "que")]
    assert query_alternatives("the library", ()) == query_alternatives("the library", {"en", ""})
    assert query_alternatives("", {"es", "en"}) == []


def test_a_word_of_which_a_stemmer_leaves_nothing_is_its_own_stem() -> None:
    assert terms("\u091b", "ne") == ["\u091b"]


@given(st.text(), st.sampled_from(sorted({*STEMMERS, *OTHER_SCRIPTS, "vi"} - {"en"})))
def test_every_word_is_one_term_in_every_language(text: str, language: str) -> None:
    found = terms(text, language)

    assert len(found) == len(words(text))
    assert all(term and not any(c.isspace() for c in term) for term in found)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_text_has_the_same_words_beside_signs_of_another_script(text: str) -> None:
    assert words(f"{text} \u6c34") == [*words(text), "\u6c34"]


@given(st.text())
def test_a_text_is_analysed_alike_whatever_its_case_and_surroundings(text: str) -> None:
    found = terms(text)

    assert terms(f" \n{text}. ") == found
    assert all(term and not any(c.isspace() for c in term) for term in found)


def test_threads_get_the_same_terms() -> None:
    text = "running runners ran generously " * 500
    results: list[list[str]] = []
    threads = [threading.Thread(target=lambda: results.append(terms(text))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [terms(text)] * 8


@given(st.text())
@example("(Gro\u00dfe) \u00bbWasser\u00ab, \u201cWORDS\u201d! It's Bob's 12.5% [7]; C++, A* .NET")
@example("\u8fd9\u662f 5 \u6708 \u0645\u06cc\u200c\u062e\u0648 \u0391\u03a3 x\u00b9 320\u00b9")
@example("e\u0301 e \u0301 \ufb01n\u00ad\u200bd \u00a81\u00a02")
def test_a_text_is_read_word_by_word_as_it_is_read_at_once(text: str) -> None:
    assert terms(text, "vi") == words(text)
