from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.chunking.pieces import MAX_PIECE, pieces
from rag.documents import Part, Passage
from rag.extractive.extractive import ExtractiveGenerator
from rag.extractive.quotes import MAX_CHARACTERS, MAX_QUOTES
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.ports import Vectors
from rag.sentence_codes import SentenceCosines

OIL = (
    "The oil embargo began in October 1973. Motorists faced long lines at filling stations. "
    "By March 1974 the price of a barrel had risen to twelve dollars."
)
FOREST = "Rainforests hold a third of all species of trees. They also make their own rain."


def passage(text: str, *, title: str = "", start: int = 0, score: float = 1.0) -> Passage:
    return Passage("d:1:0", "d", 1, 0, title, text, start, start + len(text), score)


class Near:
    """A `SentenceReader` that knows how near the sentences of some chunks are."""

    def __init__(self, **cosines: list[float]) -> None:
        self.cosines = cosines
        self.texts: dict[str, str] = {}
        self.asked: list[tuple[str, list[str]]] = []

    def knows(self, *passages: Passage) -> "Near":
        self.texts |= {passage.chunk_id: passage.text for passage in passages}
        return self

    def sentences(
        self, collection_id: str, chunk_ids: Sequence[str], question: Vectors
    ) -> dict[str, SentenceCosines]:
        assert question.shape == (256,)
        self.asked.append((collection_id, list(chunk_ids)))
        return {
            name: SentenceCosines(
                np.array([end for _, end in pieces(self.texts[name])]),
                np.array(self.cosines[name.split(":")[0]], dtype=np.float32),
            )
            for name in chunk_ids
            if name in self.texts
        }


@pytest.fixture
def generator() -> ExtractiveGenerator:
    return ExtractiveGenerator(HashingEmbedder())


def test_the_sentence_that_answers_is_quoted_first_with_its_marker(
    generator: ExtractiveGenerator,
) -> None:
    passages = [passage(FOREST, score=0.9), passage(OIL, score=0.8)]

    answer = generator.answer("When did the oil embargo begin?", passages)

    assert answer.text.startswith("The oil embargo began in October 1973. [2]")
    assert answer.answered
    assert 0 <= answer.confidence <= 1


def test_a_citation_is_an_exact_span_of_the_parsed_text(generator: ExtractiveGenerator) -> None:
    document = f"# Oil\n\n{OIL}"
    start = document.index(OIL)

    answer = generator.answer("What was the price of a barrel?", [passage(OIL, start=start)])

    best = answer.citations[0]
    assert best.quote == "By March 1974 the price of a barrel had risen to twelve dollars."
    assert [document[c.start : c.end] for c in answer.citations] == [
        c.quote for c in answer.citations
    ]
    assert answer.text == " ".join(f"{c.quote} [{c.marker}]" for c in answer.citations)


def test_a_heading_is_read_with_its_text_and_not_quoted(generator: ExtractiveGenerator) -> None:
    texts = ("# Oil embargo\n\nIt began in 1973.", "Oil embargo in short\nIt began in 1973.")
    for text in texts:
        answer = generator.answer("When did the oil embargo begin?", [passage(text)])

        assert [citation.quote for citation in answer.citations] == ["It began in 1973."]


def test_only_the_question_is_embedded_where_the_vectors_of_sentences_are_there() -> None:
    embedder, texts = HashingEmbedder(), [passage(OIL), replace(passage(FOREST), chunk_id="f:1:0")]
    near = Near(d=[0.1, 0.2, 0.1], f=[0.1, 0.9]).knows(*texts)

    answer = ExtractiveGenerator(embedder, near).answer("How wet is it?", texts, collection_id="c")

    assert answer.citations[0].quote == "They also make their own rain."
    assert embedder.seen == ["How wet is it?"]
    assert near.asked == [("c", ["d:1:0", "f:1:0"])]


def test_sentences_of_a_passage_without_vectors_are_embedded_the_others_are_not() -> None:
    embedder, texts = HashingEmbedder(), [passage(OIL), replace(passage(FOREST), chunk_id="f:1:0")]
    near = Near(d=[0.1, 0.2, 0.1]).knows(texts[0])

    answer = ExtractiveGenerator(embedder, near).answer(
        "Whose rain is it?", texts, collection_id="c"
    )

    assert answer.citations[0].quote == "They also make their own rain."
    assert not any("oil" in text for text in embedder.seen)
    assert len(embedder.seen) == 3


def test_of_joined_chunks_each_sentence_has_the_vector_of_its_own() -> None:
    whole = f"{OIL}\n\n{FOREST}"
    parts = (
        Part("o:1:0", 5, 5 + len(OIL), 0.5), Part("f:1:1", 7 + len(OIL), 5 + len(whole), 0.9)
    )  # fmt: skip
    joined = replace(passage(whole, start=5), parts=parts)
    near = Near(o=[0.1, 0.2, 0.9], f=[0.1, 0.1])
    near.texts = {"o:1:0": OIL, "f:1:1": FOREST}

    answer = ExtractiveGenerator(HashingEmbedder(), near).answer("?", [joined], collection_id="c")

    assert answer.citations[0].quote.startswith("By March 1974")


def test_a_sentence_with_a_number_is_preferred_where_one_is_asked_for() -> None:
    text = "The bridge was long in the making. The bridge was made in 1907."
    near = Near(d=[0.55, 0.5]).knows(passage(text))

    answers = [
        ExtractiveGenerator(HashingEmbedder(), near)
        .answer(question, [passage(text)], collection_id="c")
        .citations[0]
        .quote
        for question in ("When?", "Why?")
    ]

    assert answers == ["The bridge was made in 1907.", "The bridge was long in the making."]


def test_without_text_there_is_no_answer(generator: ExtractiveGenerator) -> None:
    for passages in ([], [passage("")], [passage(" \n ")]):
        answer = generator.answer("Why?", passages)

        assert (answer.text, answer.citations, answer.answered) == ("", (), False)
        assert answer.confidence == 0


def test_a_question_about_something_else_is_not_answered(generator: ExtractiveGenerator) -> None:
    answer = generator.answer("Who painted the Mona Lisa?", [passage(OIL), passage(FOREST)])

    assert not answer.answered
    assert answer.text


def test_what_only_leads_to_the_answer_is_not_the_answer(generator: ExtractiveGenerator) -> None:
    faq = "How do I reset the password?\n\nPress the red button for five seconds."
    heading = "Resetting the password\n\nPress the red button for five seconds."

    for text in (faq, heading):
        answer = generator.answer("How do I reset the password?", [passage(text)])

        (citation,) = answer.citations
        assert citation.quote == citation.shown == "Press the red button for five seconds."


def test_where_there_is_only_a_lead_it_is_quoted(generator: ExtractiveGenerator) -> None:
    answer = generator.answer("What is Quern?", [passage("What is Quern?")])

    assert answer.text == "What is Quern? [1]"


def test_reference_marks_are_not_quoted(generator: ExtractiveGenerator) -> None:
    text = "The embargo began in October 1973.[3][note 1] Then it ended in March."

    answer = generator.answer("When did the embargo begin?", [passage(text)])

    assert answer.citations[0].quote == "The embargo began in October 1973."


def test_a_long_sentence_is_quoted_by_the_clause_that_answers(
    generator: ExtractiveGenerator,
) -> None:
    filler = ", ".join(
        f"the chapter number {n} speaks of weather and of other matters" for n in range(9)
    )
    text = f"{filler}, and the treaty was signed in Vienna by nine states, {filler}."

    answer = generator.answer("Where was the treaty signed?", [passage(text)])

    assert "signed in Vienna" in answer.citations[0].quote
    assert len(answer.citations[0].quote) <= MAX_PIECE


def test_a_text_that_two_documents_share_is_quoted_once(generator: ExtractiveGenerator) -> None:
    answer = generator.answer("When did the oil embargo begin?", [passage(OIL), passage(OIL)])

    assert len({c.quote for c in answer.citations}) == len(answer.citations)


def test_a_negated_question_lowers_the_confidence(generator: ExtractiveGenerator) -> None:
    plain = generator.answer("When did the oil embargo begin?", [passage(OIL)])
    negated = generator.answer("When did the oil embargo not begin?", [passage(OIL)])

    assert negated.confidence < plain.confidence


def test_a_name_that_the_quote_lacks_lowers_the_confidence(generator: ExtractiveGenerator) -> None:
    text = "The parliament of Scotland first met in 1999."

    right = generator.answer("When did the parliament of Scotland meet?", [passage(text)])
    wrong = generator.answer("When did the parliament of Norway meet?", [passage(text)])

    assert wrong.confidence < right.confidence


def test_equal_input_gives_equal_output_whatever_the_scores_are_scaled_by(
    generator: ExtractiveGenerator,
) -> None:
    passages = [passage(OIL, score=0.9), passage(FOREST, score=0.3)]
    scaled = [replace(one, score=one.score * 40) for one in passages]
    question = "What happened to the price?"

    first, second, third = (
        generator.answer(question, some) for some in (passages, passages, scaled)
    )

    assert first == second == third


def test_a_source_of_reference_marks_alone_is_quoted_as_it_is() -> None:
    answer = ExtractiveGenerator(HashingEmbedder()).answer("what?", [passage("[5m]")])

    assert answer.text == "[5m] [1]"


@given(
    st.lists(st.text(st.characters(codec="utf-8"), max_size=900), max_size=6),
    st.text(max_size=80),
    st.floats(-1, 1),
)
def test_the_limits_hold_for_any_text(texts: list[str], question: str, score: float) -> None:
    passages = [passage(text, start=11, score=score) for text in texts]

    answer = ExtractiveGenerator(HashingEmbedder()).answer(question, passages)

    assert len(answer.text) <= MAX_CHARACTERS
    assert len(answer.citations) <= MAX_QUOTES
    assert bool(answer.text) == any(text.strip() for text in texts[:5])
    for citation in answer.citations:
        text = texts[citation.source]
        assert 0 < len(citation.quote) <= MAX_PIECE
        assert text[citation.start - 11 : citation.end - 11] == citation.quote


def test_a_sentence_counts_as_much_as_its_own_chunk_of_a_joined_passage() -> None:
    first, second = "Rain fell in May for days.", "Rain fell in June for days."
    text = f"{first}\n{second}"
    middle = len(first) + 1

    def answer(*scores: float) -> str:
        parts = (Part("d:1:0", 0, len(first), scores[0]),
                 Part("d:1:1", middle, len(text), scores[1]))  # fmt: skip
        joined = Passage("d:1:0", "d", 1, 0, "", text, 0, len(text), max(scores), parts=parts)
        return ExtractiveGenerator(HashingEmbedder()).answer("When did rain fall?", [joined]).text

    assert answer(0.9, 0.1).startswith(first)
    assert answer(0.1, 0.9).startswith(second)


HOUSE = (
    "Bonfires are allowed on the first Saturday of each month. A bonfire must never be left "
    "unattended. Hosepipes may be used before nine in the morning only. Sheds need the written "
    "permission of the committee. The annual meeting was attended by 38 members."
)


@pytest.mark.parametrize(
    ("topic", "question", "quoted"),
    [
        # A new subject: what was asked before has no say where something of the question is there.
        ("bonfire", "and what about hosepipes?", "Hosepipes may be used"),
        ("hosepipes used", "And sheds?", "Sheds need"),
        ("bonfire allowed Saturday month", "and who attended?", "The annual meeting"),
        # Nothing of the question is there: what was asked before tells what it is about.
        ("bonfire unattended", "Why is that?", "A bonfire must never"),
    ],
)
def test_a_question_goes_before_what_was_asked_before_it(
    generator: ExtractiveGenerator, topic: str, question: str, quoted: str
) -> None:
    answer = generator.answer(question, [passage(HOUSE)], topic=topic)

    assert answer.text.startswith(quoted)


def test_a_follow_up_of_one_thing_is_answered_with_one(generator: ExtractiveGenerator) -> None:
    answer = generator.answer("And what about hosepipes?", [passage(HOUSE)], topic="bonfire")

    assert len(answer.citations) == 1
