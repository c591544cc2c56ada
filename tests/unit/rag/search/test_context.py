"""What goes into an answer's context: nothing twice, neighbours as one, every span exact."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.answers.citations import resolve
from rag.chunking.chunker import Chunker
from rag.documents import Block, ParsedDocument, Passage, chunk_id
from rag.extractive.extractive import ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.search.context import MOST_JOINED, Seen, join_neighbours

# Line ends of two kinds, characters beyond the BMP, a table, code, and odd white space.
TEXT = (
    "Engines \U0001f682 of the north\r\n\r\nThe first \U0001f682 engine ran in 1825. It was built "
    "in Newcastle.\u2003\u2003It burned coal.\r\n \t\r\n| Year | \U0001d4d4ngine |\n|---|---|\n"
    "| 1825 | Locomotion |\n| 1829 | Rocket |\n\n\n\x0cdef run(coal):\n\n    return coal * 2\n\n\n"
    "The last engine ran in 1968.\u2028It is in York \U0001f3db now. It is shown on Sundays.\n"
)


def chunks(text: str, *, most: int = 8) -> tuple[list[Passage], dict[str, str]]:
    """Chunks as a publisher stores them: passages in the document's order, and what parts them."""
    at = text.find("def run")
    blocks = (Block("code", at, text.index("\n\n\n", at)),) if at >= 0 else ()
    cut = Chunker(max_tokens=most).chunk(
        ParsedDocument(text, "text", None, blocks), title="", counter=HashingEmbedder()
    )
    passages = [
        Passage(chunk_id("d", 1, one.n), "d", 1, one.n, "T", one.text, one.start, one.end, 0.0)
        for one in cut
    ]
    before = {one.chunk_id: "" for one in passages[:1]}
    before |= {two.chunk_id: text[one.end : two.start] for one, two in pairwise(passages)}
    return passages, before


def ranked(passages: list[Passage], order: list[int]) -> list[Passage]:
    """Passages in another order, with scores that fall."""
    return [
        Passage(
            one.chunk_id, one.document_id, 1, one.n, one.title, one.text, one.start, one.end,
            1 - rank / 100,
        )
        for rank, one in enumerate(passages[n] for n in order)
    ]  # fmt: skip


def alone(document: str, n: int, text: str, *, at: int, score: float, page: int = 1) -> Passage:
    return Passage(
        chunk_id(document, 1, n), document, 1, n, "T", text, at, at + len(text), score, page
    )


# Near-duplicates -----------------------------------------------------------------------------

PROSE = (
    "The oil embargo of October began when members of the organisation proclaimed it. By the end "
    "of the embargo the price of oil had risen from three dollars per barrel to nearly twelve "
    "globally, while prices in the United States were significantly higher than before."
)


def held_by(first: str, second: str) -> str | None:
    seen = Seen()
    assert seen.repeated("first", first) is None
    return seen.repeated("second", second)


@pytest.mark.parametrize(
    "copy",
    [
        PROSE,
        PROSE.upper(),
        PROSE.replace(" ", "\n").replace(",", " ;"),
        PROSE.replace("significantly ", ""),
        PROSE.replace("globally", "worldwide"),
        "Archived copy. " + PROSE,
        PROSE[: len(PROSE) // 2],
    ],
)
def test_a_copy_with_small_edits_or_a_part_says_nothing_new(copy: str) -> None:
    assert held_by(PROSE, copy) == "first"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (PROSE, "The embargo ended in March. " * 3),
        (PROSE[: len(PROSE) // 2], PROSE),
        (PROSE, " ".join(reversed(PROSE.split()))),
        ("Leave lasts 12 weeks for every parent who asks in time.",
         "Leave lasts 14 weeks for every parent who asks in time."),
        (PROSE, PROSE + " It ended in 1974."),
        ("The engine Alder pulled coal. The engine Alder ran north. The engine Alder is gone.",
         "The engine Birch pulled coal. The engine Birch ran north. The engine Birch is gone."),
        ("", "Text."), ("\u2211\u222b\u2202", "\u2211\u222b\u2207"),
    ],
)  # fmt: skip
def test_what_says_something_else_is_kept(first: str, second: str) -> None:
    assert held_by(first, second) is None


def test_scripts_without_blanks_are_compared_too() -> None:
    text = (
        "\u77f3\u6cb9\u5371\u6a5f\u306f\u5341\u6708\u306b\u59cb\u307e\u308a\u307e\u3057\u305f\u3002"
        "\u4eac\u90fd\u306e\u5bfa\u306f\u79cb\u306b\u6700\u3082\u7f8e\u3057\u3044\u3067\u3059\u3002"
    )

    assert held_by(text, text.replace("\u3082", "") + "\uff01") == "first"
    assert held_by(text, text.replace("\u5341", "\u4e00")) is None  # another month
    assert held_by(text[:15], text[15:]) is None


def test_a_copy_is_told_of_the_passage_that_holds_it() -> None:
    seen = Seen()
    others = ["Something else is written here about engines and coal.", PROSE]
    assert [seen.repeated(name, text) for name, text in zip("ab", others, strict=True)] == [
        None
    ] * 2

    assert seen.repeated("c", PROSE.lower()) == "b"


# Neighbours ----------------------------------------------------------------------------------


def test_neighbours_become_one_passage_in_the_place_of_the_better_one() -> None:
    first = alone("d", 3, "First.", at=10, score=0.5, page=2)
    other = alone("e", 0, "Other.", at=0, score=0.7)
    second = alone("d", 4, "Second.", at=18, score=0.9, page=3)
    before = {first.chunk_id: "\n", other.chunk_id: "", second.chunk_id: "\r\n"}

    joined, left = join_neighbours([second, other, first], before)

    assert left is other
    assert (joined.text, joined.start, joined.end) == ("First.\r\nSecond.", 10, 25)
    assert (joined.chunk_id, joined.n, joined.score, joined.page) == ("d:1:4", 4, 0.9, 2)
    assert [(part.chunk_id, part.start, part.end, part.score) for part in joined.parts] == [
        ("d:1:3", 10, 16, 0.5), ("d:1:4", 18, 25, 0.9),
    ]  # fmt: skip
    assert [joined.chunk_at(place).chunk_id for place in (10, 15, 17, 18, 24)] == [
        "d:1:3", "d:1:3", "d:1:3", "d:1:4", "d:1:4",
    ]  # fmt: skip
    assert other.chunk_at(3).chunk_id == "e:1:0"


def test_chunks_stay_apart_where_the_space_between_them_is_not_known() -> None:
    passages = [alone("d", n, "Text.", at=7 * n, score=1 - n) for n in range(2)]

    assert join_neighbours(passages, dict.fromkeys(("d:1:0", "d:1:1"), "")) == passages


def test_chunks_of_two_generations_or_documents_are_no_neighbours() -> None:
    one, two = alone("d", 0, "A.", at=0, score=1), alone("e", 1, "B.", at=2, score=0.5)
    three = Passage("d:2:1", "d", 2, 1, "T", "C.", 2, 4, 0.2)
    before = {"d:1:0": "", "e:1:1": "", "d:2:1": ""}

    assert join_neighbours([one, two, three], before) == [one, two, three]


def test_a_chunk_between_two_others_makes_one_of_three() -> None:
    passages, before = chunks("One is here. Two is there. Three is gone.", most=3)
    assert len(passages) == 3
    (joined,) = join_neighbours(ranked(passages, [0, 2, 1]), before)

    assert joined.text == "One is here. Two is there. Three is gone."


def test_a_long_run_is_more_than_one_passage_and_nothing_is_lost() -> None:
    text = " ".join(f"Sentence number {n}." for n in range(30))
    passages, before = chunks(text, most=3)
    assert len(passages) == 30
    joined = join_neighbours(ranked(passages, list(range(30))), before)

    assert max(len(one.parts) for one in joined) == MOST_JOINED
    assert [len(one.chunks) for one in joined] == [4] * 7 + [2]
    assert sorted(part.start for one in joined for part in one.chunks) == [
        one.start for one in passages
    ]


@given(
    text=st.lists(
        st.sampled_from(
            ["a", "\U0001f682", "e\u0301", ". ", "\r\n", "\n\n", "\n", " ", "\t", "\x0c",
             "\u2028", "Bb", "| x | y |\n", "    code()\n", "\u4e2d\u3002", "\u2003"]
        ), max_size=80,
    ).map("".join),
    seed=st.integers(0, 1_000),
)  # fmt: skip
def test_a_joined_passage_is_exactly_its_span_and_no_two_overlap(text: str, seed: int) -> None:
    passages, before = chunks(text, most=3)
    draw = random.Random(seed)
    order = draw.sample(range(len(passages)), draw.randint(0, len(passages)))
    chosen = ranked(passages, order)

    joined = join_neighbours(chosen, before)

    assert all(text[one.start : one.end] == one.text for one in joined)
    assert all(text[p.start : p.end].strip() for one in joined for p in one.chunks)
    spans = sorted((one.start, one.end) for one in joined)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    assert sorted(p.chunk_id for one in joined for p in one.chunks) == sorted(
        one.chunk_id for one in chosen
    )
    assert [one.score for one in joined] == sorted((one.score for one in joined), reverse=True)
    for one in joined:
        assert max(part.score for part in one.chunks) == one.score
        assert len(one.chunks) <= MOST_JOINED
    by_end = {one.end: one for one in joined}
    for two in joined:
        earlier = by_end.get(two.start - len(before[two.chunks[0].chunk_id]))
        if earlier and earlier is not two and two.start:
            assert len(earlier.chunks) + len(two.chunks) > MOST_JOINED


def test_citations_into_a_joined_passage_are_exact() -> None:
    passages, before = chunks(TEXT)
    joined = join_neighbours(ranked(passages, list(range(len(passages)))), before)
    assert any(one.parts for one in joined)
    assert len(joined) < len(passages)

    reply = resolve("".join(f"{one.text[-40:]} [{n}] " for n, one in enumerate(joined, 1)), joined)
    quoted = ExtractiveGenerator(HashingEmbedder()).answer("When did the last engine run?", joined)

    assert len(reply.citations) == len(joined)
    for citation in (*reply.citations, *quoted.citations):
        source = joined[citation.source]
        assert TEXT[citation.start : citation.end] == citation.quote
        assert source.start <= citation.start < citation.end <= source.end
    assert "1968" in quoted.text
