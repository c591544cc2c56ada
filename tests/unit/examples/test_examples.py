import html
import json
import re
from pathlib import Path
from typing import TypedDict

import docx
import pypdfium2
import pytest

from examples.build_documents import DOCUMENTS, BadSource, build, read_source

EXAMPLES = Path(__file__).parents[3] / "examples"
NAMES = sorted(path.name for path in (EXAMPLES / "documents").iterdir())


class Question(TypedDict):
    question: str
    answers: list[str]
    document: str


def questions() -> list[Question]:
    lines = (EXAMPLES / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def text_of_pdf(source: bytes) -> str:
    with pypdfium2.PdfDocument(source) as pdf:
        return "\n".join(page.get_textpage().get_text_bounded() for page in pdf)


def text_of_docx(path: Path) -> str:
    document = docx.Document(str(path))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(paragraph.text for paragraph in document.paragraphs), *cells])


def text_of(path: Path) -> str:
    """Read *path* with the plain reader of its format, every run of white space made one blank."""
    match path.suffix:
        case ".pdf":
            text = text_of_pdf(path.read_bytes())
        case ".docx":
            text = text_of_docx(path)
        case ".html":
            text = html.unescape(re.sub(r"<[^>]+>", "", path.read_text(encoding="utf-8")))
        case _:
            text = path.read_text(encoding="utf-8")
    return " ".join(text.split())


def test_there_are_a_dozen_documents_in_five_formats() -> None:
    suffixes = [Path(name).suffix for name in NAMES]

    assert len(NAMES) == 12
    assert set(suffixes) == {".md", ".txt", ".html", ".pdf", ".docx"}
    assert min(suffixes.count(suffix) for suffix in suffixes) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_a_document_is_small_and_long_enough_to_be_worth_reading(name: str) -> None:
    path = EXAMPLES / "documents" / name

    assert path.stat().st_size < 100_000
    assert 400 <= len(text_of(path).split()) <= 1200


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".pdf")])
def test_a_pdf_has_a_title_and_two_pages_with_text(name: str) -> None:
    with pypdfium2.PdfDocument(EXAMPLES / "documents" / name) as pdf:
        title = pdf.get_metadata_value("Title")
        pages = [page.get_textpage().get_text_bounded() for page in pdf]

    assert len(pages) >= 2
    assert all(len(page) > 500 for page in pages)
    assert pages[0].startswith(title)


@pytest.mark.parametrize("name", [name for name in NAMES if name.endswith(".docx")])
def test_a_word_document_has_a_title_and_real_headings(name: str) -> None:
    document = docx.Document(str(EXAMPLES / "documents" / name))
    styles = [paragraph.style.name for paragraph in document.paragraphs if paragraph.style]

    assert document.core_properties.title == document.paragraphs[0].text
    assert styles.count("Heading 1") >= 4


def test_every_pdf_and_word_document_is_built() -> None:
    binary = {name for name in NAMES if name.endswith((".pdf", ".docx"))}

    assert binary == set(DOCUMENTS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_built_document_says_what_the_committed_one_says(name: str, tmp_path: Path) -> None:
    built = tmp_path / name
    built.write_bytes(build(name))

    assert text_of(built) == text_of(EXAMPLES / "documents" / name)


@pytest.mark.parametrize("name", ["hnsw-graphs.pdf", "paged-attention.docx"])
def test_a_document_built_twice_has_the_same_bytes(name: str) -> None:
    first = build(name)

    assert build(name) == first


@pytest.mark.parametrize(
    ("text", "complaint"),
    [("", "title"), ("No title\n", "title"), ("# Sets\n\nx ∈ y\n", "standard fonts")],
)
def test_a_source_that_cannot_be_set_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(BadSource, match=complaint):
        read_source(text)


def test_each_document_has_a_question() -> None:
    assert sorted(question["document"] for question in questions()) == NAMES


@pytest.mark.parametrize("question", questions(), ids=lambda question: question["document"])
def test_a_question_is_answered_by_one_sentence_of_its_document(question: Question) -> None:
    text = text_of(EXAMPLES / "documents" / question["document"])
    sentences = re.split(r"(?<=[.!?])\s+(?=[A-Z])", text)

    answering = [s for s in sentences if all(answer in s for answer in question["answers"])]
    assert answering
    assert min(len(sentence) for sentence in answering) < 400


def test_the_demo_questions_are_about_three_formats() -> None:
    suffixes = {Path(question["document"]).suffix for question in questions()[:3]}

    assert len(suffixes) == 3
