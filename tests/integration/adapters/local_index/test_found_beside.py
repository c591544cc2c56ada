"""What texts are found by beside their words: whole identifiers, symbols, names, compounds."""

from collections.abc import Callable, Iterator, Sequence

import pytest

from adapters.local_index.sparse.tantivy_index import TantivyIndex
from rag.documents import Chunk
from rag.ports import StoredChunk
from rag.terms.analysis import analysed, beside, held_beside, terms
from rag.terms.query_terms import asked, query_alternatives

Search = Callable[..., list[int]]


@pytest.fixture(scope="module")
def search(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Search]:
    """Give a search for the places of the texts that are found, best first."""
    opened: dict[tuple[tuple[str, ...], str], TantivyIndex] = {}

    def found(texts: Sequence[str], query: str, language: str = "en") -> list[int]:
        key = (tuple(texts), language)
        if key not in opened:
            opened[key] = TantivyIndex.open(tmp_path_factory.mktemp("index"))
            opened[key].add(
                [
                    StoredChunk(f"{n}:1:0", Chunk(0, 0, len(text), text), 1, "", {}, language)
                    for n, text in enumerate(texts)
                ]
            )
            opened[key].commit(cursor="1", log_epoch="test")
        return [int(name.split(":")[0]) for name, _ in opened[key].search(query, limit=10)]

    yield found
    for index in opened.values():
        index.close()


TWINS = (
    "Build v4.1.12 mends the clock.",
    "Build v12.4.1 mends the door.",
    "Build v1.12.4 mends the lamp.",
    "Part QF-7302/K is the hinge.",
    "Part QF-7320/K is the handle.",
    "Part KF-7302/Q is the screw.",
    "Stock 9034417-5-2 is the rope.",
    "Stock 9034417-2-5 is the hook.",
    "The bail is 3.750.000 EUR.",
    "The fee is 7,350,000 EUR.",
    "The lease began on 07.11.2023.",
    "The lease ended on 11.07.2023.",
    "The device WQ-N6120RST stands in the hall.",
)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("4.1.12", 0),
        ("v12.4.1", 1),
        ("version 1.12.4", 2),
        ("QF-7302/K", 3),
        ("QF7302K", 3),
        ("qf 7320 k", 4),
        ("KF\u20117302/Q", 5),
        ("9034417-5-2", 6),
        ("9034417/2/5", 7),
        ("3750000", 8),
        ("3 750 000", 8),
        ("7.350.000,00", 9),
        ("7 November 2023", 10),
        ("July 11, 2023", 11),
        ("N6120", 12),
    ],
)
def test_an_identifier_is_found_whole_and_in_other_spellings(
    search: Search, query: str, place: int
) -> None:
    assert search(TWINS, query)[0] == place


CODE = (
    "closeValveSlowly(now)",
    "def reset_pump_counter(): pass",
    "class XmlFeedReader: maxEntries = 4",
    "The C plugin is kept by Ada.",
    "The C++ plugin is kept by Bo.",
    "The C# plugin is kept by Cy.",
    "The F# plugin is kept by Di.",
    "The Node.js plugin is kept by Ed.",
    "The R&D plugin is kept by Flo.",
)


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("close valves", 0),
        ("closeValveSlowly", 0),
        ("resetPumpCounter", 1),
        ("reset-pump-counter", 1),
        ("feed reader", 2),
        ("Who keeps the C plugin?", 3),
        ("Who keeps the C++ plugin?", 4),
        ("Who keeps the C# plugin?", 5),
        ("Who keeps the F# plugin?", 6),
        ("NodeJS plugin", 7),
        ("R & D plugin", 8),
    ],
)
def test_a_symbol_is_found_by_its_parts_and_by_its_whole(
    search: Search, query: str, place: int
) -> None:
    assert search(CODE, query)[0] == place


def test_a_name_with_a_point_is_found_as_it_is_spoken(search: Search) -> None:
    texts = ["The csharp client of the net.", "The dotnet client.", "The .NET client.", "A dot."]

    assert {*search(texts, ".NET client")[:2]} == {1, 2}
    assert {*search(texts, "dotnet client")[:2]} == {1, 2}


def test_a_code_that_is_written_apart_is_found_joined(search: Search) -> None:
    texts = ["Valve AX 4411 C here.", "Valve AX 4411 B here.", "Valve BX 4411 A here, AX 12 B."]

    for query in ("AX-4411/B", "AX4411B", "ax 4411 b"):
        assert search(texts, query)[0] == 1


def test_what_is_written_with_blanks_is_read_over_no_line() -> None:
    assert "1250000" in beside("It costs 1 250 000 EUR.")
    assert "1250000" in beside("It costs 1\u00a0250\u00a0000 EUR.")
    assert "1250000" not in beside("It costs 1\n250\n000 EUR.")
    assert "2021-03-05" in beside("A 7 8\nOn 5 March 2021.")
    assert "2021-03-05" in beside("\u0130stanbul, 5 March 2021.")


def test_what_was_read_before_is_read_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.terms.analysis.KEPT", 3)
    text = "Build v4.1.12 of closeValve costs EUR 3,750,000 on 5 May 2021, says WHO. " + "x" * 99

    first = analysed(text, "nl")

    assert analysed(text, "nl") == first
    assert {"4.1.12", "close", "3750000", "2021-05-05", "WHO", "May"} <= {*first[1]}


def test_the_whole_symbol_goes_before_its_parts(search: Search) -> None:
    texts = ["close the valve, close it slowly, the valve", "closeValveSlowly()"]

    assert search(texts, "closeValveSlowly")[0] == 1


@pytest.mark.parametrize(
    ("query", "place"),
    [("Who runs IT here?", 0), ("What does WHO advise?", 1), ("Did it rain in May?", 2)],
)
def test_a_word_in_capitals_counts_though_it_is_empty_without(
    search: Search, query: str, place: int
) -> None:
    texts = [
        "The head of IT here is Ann.",
        "The advice of WHO is to wash.",
        "It rained in May, they said.",
        "Who runs it here? It may rain, it may not.",
    ]

    assert search(texts, query)[0] == place


def test_a_text_in_capitals_has_no_words_that_only_capitals_make() -> None:
    assert not {"IT", "WHO"} & {*beside("WHO SAID IT WAS HERE AND FOR WHOM")}


@pytest.mark.parametrize("language", ["en", "de", "vi", "pl", "da", "tr", "cs", ""])
@pytest.mark.parametrize(
    ("marked", "plain"),
    [
        ("Nguy\u1ec5n", "nguyen"),
        ("Łukasz", "Lukasz"),
        ("Østergård", "Ostergard"),
        ("Müller", "Mueller"),
        ("Müller", "Muller"),
        ("Mueller", "Müller"),
        ("Mueller", "Muller"),
        ("Čapek", "capek"),
        ("Ağaoğlu", "Agaoglu"),
        ("Straße", "Strasse"),
        ("Århus", "Aarhus"),
    ],
)
def test_a_name_is_found_without_its_marks_and_the_exact_one_first(
    search: Search, language: str, marked: str, plain: str
) -> None:
    texts = [f"We met {marked} there.", f"We met {plain.title()} there."]

    if language != "de":  # whose stemmer takes both for one word
        assert search(texts, marked, language)[0] == 0
    assert {*search(texts, plain, language)} == {0, 1}


COMPOUNDS = {
    "de": ("Der Schichtplanwechsel ist frei.", "Wechsel Schichtplan", "Schichtplan"),
    "nl": ("De ziekteverzuimregeling is nieuw.", "regeling ziekteverzuim", "ziekteverzuim"),
    "sv": ("Semesterans\u00f6kningen \u00e4r klar.", "ans\u00f6kning semester", "semester"),
    "da": ("Brandmyndigheden svarer.", "myndighed brand", "myndighed"),
}


@pytest.mark.parametrize("language", sorted(COMPOUNDS))
def test_a_compound_is_found_by_its_parts(search: Search, language: str) -> None:
    text, both, one = COMPOUNDS[language]
    texts = [text, "Kaffe 3 Tee 4."]

    for query in (both, one):
        assert search(texts, query, language) == [0]


def test_a_compound_finds_its_parts_apart_and_joined_by_a_hyphen(search: Search) -> None:
    texts = ["Die Pumpe f\u00fcr das Regenwasser.", "Das Technik-Museum.", "Die Pumpe. Der Regen."]

    assert search(texts, "Regenwasserpumpe", "de")[0] == 0
    assert search(texts, "Technikmuseum", "de") == [1]
    assert search(["Das Technikmuseum."], "Technik-Museum", "de") == [0]


def test_words_of_languages_that_write_words_apart_have_no_edges() -> None:
    assert beside("international understanding", "en") == []
    assert len(beside("Regenwasserpumpe", "de")) == 2


def test_signs_that_nobody_sees_leave_words_whole() -> None:
    assert terms("Re\u00adgen\u00adwas\u00adser", "de") == terms("Regenwasser", "de")
    assert terms("Order\u200bBook pass\u2060word", "en") == terms("OrderBook password", "en")
    assert terms("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "fa") == terms(
        "\u0645\u06cc \u062e\u0648\u0627\u0647\u0645", "fa"
    )


def test_what_stands_beside_does_not_change_the_words() -> None:
    text = "Build v4.1.12 of closeValve costs EUR 3,750,000."

    assert analysed(text)[0] == terms(text)
    assert not {*analysed(text)[0]} & {*beside(text)}


def test_a_question_asks_for_its_identifiers_as_wholes() -> None:
    assert ("4.1.12",) in query_alternatives("What changed in v4.1.12?", {"en"})
    assert [one.stems for one in asked("When did rain fall?", {"en"})] == [("rain",), ("fall",)]


def test_a_sentence_holds_what_it_has_in_another_spelling() -> None:
    wanted = frozenset({"qf7302k", "4.1.13", "email", "regen", "IT"})

    assert held_beside("QF-7302/K, 4.1.12, e-mail", "en", wanted) == {"qf7302k", "email"}
    assert held_beside("Das Regenwasser.", "de", wanted) == {"regen"}
    assert held_beside("the head of IT", "en", wanted) == {"IT"}
    assert held_beside("QF-7302/K", "en", frozenset()) == frozenset()


def test_symbols_of_a_long_listing_and_long_addresses_are_found(search: Search) -> None:
    address = "https://example.com/" + "archive/" * 10 + "2021"
    texts = ["\n".join(f"call_number{'x' * n}Name()" for n in range(1, 20)), f"See {address}."]

    assert search(texts, "numberxxx name")[0] == 0
    assert search(texts, address)[0] == 1
