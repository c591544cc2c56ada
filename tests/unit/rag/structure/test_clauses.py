"""Questions that name a clause, a section or a step, and lead-ins that say something themselves."""
# ruff: noqa: RUF001 - the punctuation and the letters of other scripts are meant

import time
from itertools import pairwise

import pytest

from rag.chunking.pieces import MAX_PIECE
from rag.documents import Passage
from rag.extractive.extractive import ExtractiveAnswer, ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.structure.clause_numbers import mark_of, named

CONTRACT = """4. Repairs

4.1 The workshop repairs a machine within nine days.

4.2 A late repair costs the workshop 2 % of the rent per day:

(a) at most 20 % for lathes;
(b) at most 30 % for presses ordered abroad.

4.3 Clause 4.2 does not apply while rent under clause 5.1 is owed.

5. Rent

5.1 Rent is due on the third day of each month.

5.2 Either side may end the lease. It gives notice of six weeks."""


def asked(question: str, *texts: str, language: str = "en") -> ExtractiveAnswer:
    passages = [
        Passage(f"d:1:{n}", "d", 1, n, "", text, 0, len(text), 1 - n / 10, language=language)
        for n, text in enumerate(texts)
    ]
    return ExtractiveGenerator(HashingEmbedder()).answer(question, passages)


def first(question: str, *texts: str, language: str = "en") -> str:
    answer = asked(question, *texts, language=language)
    for one in answer.citations:
        assert texts[one.source][one.start : one.end] == one.quote
        assert len(one.quote) <= MAX_PIECE
    return answer.citations[0].quote if answer.citations else ""


@pytest.mark.parametrize(
    ("question", "begins", "ends"),
    [
        ("What does clause 4.2 say?", "4.2 A late repair", "ordered abroad."),
        ("What is clause 5.1 about?", "5.1 Rent is due", "each month."),
        ("What does section 5 say?", "5. Rent", "six weeks."),
        ("What does 4.2 in section 4.2 say about presses?", "4.2 A late", "ordered abroad."),
        ("What does clause 4.2(b) allow?", "(b) at most", "ordered abroad."),
        ("What does § 5.2 say?", "5.2 Either side", "six weeks."),
        ("Was steht in Ziffer 4.1?", "4.1 The workshop", "nine days."),
        ("Was regelt Abschnitt 5.1?", "5.1 Rent is due", "each month."),
        ("Que dit la clause n° 5.1 ?", "5.1 Rent is due", "each month."),
        ("¿Qué dice la cláusula 4.2?", "4.2 A late repair", "ordered abroad."),
        ("Cosa dice il punto 4.1?", "4.1 The workshop", "nine days."),
        ("Co mówi punkt 5.1?", "5.1 Rent is due", "each month."),
        ("Что сказано в пункте 4.2?", "4.2 A late repair", "ordered abroad."),
        ("Mit mond a 4.2. pont?", "4.2 A late repair", "ordered abroad."),
    ],
)
def test_the_clause_that_is_named_goes_before_what_mentions_it(
    question: str, begins: str, ends: str
) -> None:
    quote = first(question, CONTRACT)

    assert quote.startswith(begins)
    assert quote.endswith(ends)
    assert asked(question, CONTRACT).answered


def test_a_clause_in_a_worse_passage_goes_before_a_mention_in_a_better_one() -> None:
    before, after = CONTRACT.split("4.3 ")

    assert first("What does clause 4.2 say?", f"4.3 {after}", before).startswith("4.2 A late")


def test_two_clauses_that_are_named_are_both_quoted() -> None:
    answer = asked("What do clauses 4.1 and 5.1 say?", CONTRACT)

    begins = sorted(one.quote[:3] for one in answer.citations[:2])
    assert begins == ["4.1", "5.1"]


def test_nothing_is_quoted_twice() -> None:
    answer = asked("What does clause 4.2 say about lathes and presses ordered abroad?", CONTRACT)

    spans = sorted((one.start, one.end) for one in answer.citations)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))


LAW = """§ 7 Rückgabe

(1) Der Mieter gibt die Maschine gereinigt zurück.

(2) Er trägt die Kosten der Abholung.

§ 8 Haftung

(1) Der Mieter haftet für Schäden.

(2) § 7 Abs. 2 gilt entsprechend."""


@pytest.mark.parametrize(
    ("question", "begins"),
    [
        ("Was sagt § 7?", "§ 7 Rückgabe"),
        ("Was sagt § 7 Abs. 2?", "(2) Er trägt"),
        ("Was regelt Paragraph 8?", "§ 8 Haftung"),
        ("Was steht in § 8 Absatz 1?", "(1) Der Mieter haftet"),
    ],
)
def test_a_paragraph_is_looked_for_in_the_section_that_is_named(question: str, begins: str) -> None:
    assert first(question, LAW, language="de").startswith(begins)


@pytest.mark.parametrize(
    ("question", "text", "begins"),
    [
        (
            "What is step 3?",
            "Step 2 is done in step 3.\n\n1. Loosen the bolts.\n2. Lift the lid.\n3. Fit the seal.",
            "3. Fit the seal.",
        ),
        ("What is in step 2?", "See step 2.\n\nStep 1: Wash.\n\nStep 2: Dry.", "Step 2: Dry."),
        (
            "What does article 4 say?",
            "Article 4 is void since May.\n\nArticle IV\n\nTools\n\nTools stay in the hall.",
            "Article IV\n\nTools\n\nTools stay in the hall.",
        ),
        ("What is in section 9?", "As section 9 says.\n\n## 9 Keys\n\nThey are kept.", "## 9 Keys"),
        ("What does section 9.1 say?", "See 9.1.\n\n**9.1** Keys are kept.", "**9.1** Keys"),
        ("What is annex B?", "See annex B now.\n\nAnnex B: Prices of steel", "Annex B: Prices"),
        ("第2条は何ですか", "第1条（目的）水を守る。\n\n第2条（期間）九日とする。", "第2条（期"),
        ("第二条规定什么？", "第一条 保护水。\n\n第2条 期限九天。", "第2条 期限"),
        ("제3조의 내용은?", "제2조 물을 지킨다.\n\n제3조 기간은 아홉 날이다.", "제3조 기간"),
        ("What is in clause 2?", "| No. | Text |\n|--|--|\n| 1 | Wash |\n| 2 | Dry |", "| 2 |"),
    ],
)  # fmt: skip
def test_numbers_are_written_in_many_ways(question: str, text: str, begins: str) -> None:
    assert first(question, text, language="").startswith(begins)


@pytest.mark.parametrize(
    "piece",
    [
        "Clause 2.2 does not apply while rent is owed.", "§ 5 gilt nicht.", "2 pumps are needed.",
        "2.2 % of the price", "1973 was a year.", "12.05.2024 Meeting", "I am here.", "A dog.",
        "第二条规定期限。", "", "2", "e.g. this", "http://a.b/2.2",
    ],
)  # fmt: skip
def test_other_pieces_begin_with_no_number_of_a_clause(piece: str) -> None:
    assert mark_of(piece) is None


@pytest.mark.parametrize(
    "question",
    [
        "What is the article about?", "How many steps are there?", "Which version is 2.2?",
        "What happened in 1973?", "Is section a word?", "Who wrote the clause in 2020?",
        "Where is the point of no return?",
    ],
)  # fmt: skip
def test_other_questions_name_none(question: str) -> None:
    assert named(question) is None


def test_a_question_for_a_clause_that_is_not_there_is_answered_as_any_other() -> None:
    answer = asked("What does clause 9.9 say?", CONTRACT)

    assert not answer.answered


def test_a_lead_in_that_says_something_is_quoted_with_its_first_items() -> None:
    quote = first("What does a late repair cost the workshop?", CONTRACT)

    assert quote.startswith("4.2 A late repair costs the workshop 2 % of the rent per day:")
    assert quote.endswith("(b) at most 30 % for presses ordered abroad.")


def test_a_lead_in_that_repeats_the_question_is_read_with_its_items_and_not_quoted() -> None:
    text = "The machines of the workshop are:\n\n- a lathe\n- a press\n\nLunch is at noon."

    quotes = [
        one.quote for one in asked("Which machines of the workshop are there?", text).citations
    ]

    assert "- a lathe" in quotes
    assert not any(quote.startswith("The machines") for quote in quotes)


def test_items_end_with_the_list_and_with_the_room() -> None:
    items = "\n".join(f"- item {n} that takes some room of its own in a quote" for n in range(20))
    text = f"Visitors of the northern hall bring along six things without delay:\n\n{items}\n\nBye."
    question = "What do visitors bring?"

    quote = first(question, text)

    assert quote.startswith("Visitors of the northern hall")
    assert quote.count("\n- item") >= 3
    short = text.replace(items, "- shoes\n- gloves")
    assert first(question, short).endswith("- gloves")


def test_a_numbered_title_is_no_answer() -> None:
    quotes = [one.quote for one in asked("When is rent for a lathe due?", CONTRACT).citations]

    assert quotes[0].startswith("5.1 Rent is due")
    assert "5. Rent" not in quotes


def test_a_short_clause_without_a_full_stop_is_no_title() -> None:
    text = "1.1 Rent is due on Fridays\n\n1.2 Keys are kept here\n\n2. Notice\n\nWrite to us."

    quotes = [one.quote for one in asked("When is rent due?", text).citations]

    assert quotes[0] == "1.1 Rent is due on Fridays"
    assert "2. Notice" not in quotes


def test_a_clause_ends_before_a_table_and_a_row_is_quoted_alone() -> None:
    text = "3.1 The prices of the hall for the year are these:\n\n| Lathe | 20 |\n| Press | 30 |"

    assert first("What does clause 3.1 say?", text).endswith("these:")
    assert "\n" not in first("What are the prices of the press?", text)


def test_among_sentences_without_vectors_the_clause_is_looked_at() -> None:
    mentions = " ".join(f"Clause 4.2 says so in case {n} of clause 4.2." for n in range(30))

    assert first("What does clause 4.2 say?", mentions, CONTRACT).startswith("4.2 A late repair")


def test_long_texts_take_linear_time() -> None:
    text = "\n".join(f"{n}.{n}.{n} (a) § {n} step" for n in range(1_000))
    began = time.process_time()
    for n in (1, 2):
        first(f"What does clause {n}.1 say?" + " § 5 (a)" * 300, text)
    mark_of("(a)" * 100_000)
    named("clause " + "1.1 and " * 20_000)

    assert time.process_time() - began < 10
