"""What stands under the heading that is asked for is quoted, not what mentions its name."""

import pytest

from rag.documents import Passage
from rag.extractive.extractive import ExtractiveAnswer, ExtractiveGenerator
from rag.in_memory_ports.embedder import HashingEmbedder

NOTES = """# Plough

## Getting it

Fetch 3.4.1 with `pip install plough==3.4.1`. What changed in 3.4.1 is told below.

{heading}

- Furrows may be curved.
- The horse rests at noon.

{other}

- Oxen are yoked in pairs.
"""


def answer(question: str, text: str, *, language: str = "en", title: str = "") -> ExtractiveAnswer:
    passage = Passage("d:1:0", "d", 1, 0, title, text, 0, len(text), 1.0, language=language)
    return ExtractiveGenerator(HashingEmbedder()).answer(question, [passage])


def quotes(question: str, heading: str, other: str, *, language: str = "en") -> set[str]:
    text = NOTES.format(heading=heading, other=other)
    return {one.shown for one in answer(question, text, language=language).citations}


@pytest.mark.parametrize(
    ("heading", "other"),
    [
        ("## 3.4.1", "## 3.4.0"),
        ("## v3.4.1 \u2013 7 May 2021", "## v3.4.0 \u2013 2 May 2021"),
        ("## [3.4.1] - 2021-05-07", "## [3.4.0] - 2021-05-02"),
        ("### Version 3.4.1 (unreleased)", "### Version 3.4.0"),
        ("## Plough 3.4.1: the curved one", "## Plough 3.4.0: the first one"),
        ("## What is new in 3.4.1", "## What is new in 3.4.0"),
        ("**3.4.1**", "**3.4.0**"),
    ],
)
@pytest.mark.parametrize(
    "question",
    ["What changed in v3.4.1?", "What's new in plough 3.4.1?", "What is in version 3.4.1?"],
)
def test_what_changed_in_a_version_stands_under_its_heading(
    question: str, heading: str, other: str
) -> None:
    found = quotes(question, heading, other)

    assert found == {"Furrows may be curved.", "The horse rests at noon."}


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("Was ist neu in Version 3.4.1?", "de"),
        ("Was hat sich in 3.4.1 ge\u00e4ndert?", "de"),
        ("\u00bfQu\u00e9 hay de nuevo en la versi\u00f3n 3.4.1?", "es"),
        ("Quoi de neuf dans la version 3.4.1 ?", "fr"),
    ],
)
def test_other_languages_ask_what_changed(question: str, language: str) -> None:
    found = quotes(question, "## 3.4.1", "## 3.4.0", language=language)

    assert found == {"Furrows may be curved.", "The horse rests at noon."}


@pytest.mark.parametrize(
    ("question", "first"),
    [
        ("How do I get plough 3.4.1?", "Fetch 3.4.1 with pip install plough==3.4.1."),
        ("What runs the install of 3.4.1?", "Fetch 3.4.1 with pip install plough==3.4.1."),
        ("What was added about furrows in 3.4.1?", "Furrows may be curved."),
        ("What changed for the horse in 3.4.1?", "The horse rests at noon."),
        ("What changed in 3.4.0?", "Oxen are yoked in pairs."),
    ],
)
def test_what_else_is_asked_for_has_to_be_there(question: str, first: str) -> None:
    text = NOTES.format(heading="## 3.4.1", other="## 3.4.0")

    assert answer(question, text).citations[0].shown == first


@pytest.mark.parametrize(
    "heading", ["## Moving to 3.4.1", "## From 3.4.0 to 3.4.1", "## 3.4.1 fields to plough"]
)
def test_a_heading_that_only_mentions_a_version_is_not_its_name(heading: str) -> None:
    found = quotes("What changed in 3.4.1?", heading, "## 3.3.9")

    assert "What changed in 3.4.1 is told below." in found


def test_of_a_section_in_parts_the_part_is_quoted_that_is_asked_for() -> None:
    text = (
        "## 3.4.1\n\n### Added\n\n- Curved furrows.\n\n### Fixed\n\n- Seeds no longer clump.\n\n"
        "## 3.4.0\n\n### Fixed\n\n- The yoke holds.\n"
    )

    fixed = answer("What was fixed in 3.4.1?", text)
    everything = answer("What changed in 3.4.1?", text)

    assert [one.shown for one in fixed.citations] == ["Seeds no longer clump."]
    assert {one.shown for one in everything.citations} == {
        "Curved furrows.",
        "Seeds no longer clump.",
    }
    assert everything.answered
