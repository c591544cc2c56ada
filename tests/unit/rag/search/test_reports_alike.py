"""Of documents of one form, which differ in a date or a number, the one asked for is first."""

import random
from collections.abc import Sequence

import pytest

from rag.documents import Chunk, chunk_id
from rag.in_memory_ports.embedder import HashingEmbedder
from rag.in_memory_ports.sparse_index import ListIndex
from rag.ports import Ranking, Snapshot, StoredChunk, Vectors
from rag.search import fusion
from rag.search.candidates import CandidateReader
from rag.search.chunk_texts import ChunkTexts
from rag.search.retrieval import Retriever
from tests.unit.rag.search.test_retrieval import INC, World

MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
REGIONS = ("Bergland", "Seeland", "Westmark", "Ostmark")
GOODS = ("small parcel", "large parcel", "pallet", "crate", "barrel", "letter")


class OneForm(HashingEmbedder):
    """To which texts of one form are all alike, but for chance."""

    def embed(self, texts: Sequence[str], *, truncate: bool = False) -> Vectors:
        vectors = super().embed(texts, truncate=truncate) * 0.2
        for row, text in enumerate(texts):
            vectors[row, len(text) % 7] += 0.2 * (random.Random(text).random() - 0.5)
            vectors[row, :3] += "Circular" not in text
        unit: Vectors = vectors / (vectors**2).sum(axis=1, keepdims=True) ** 0.5
        return unit


class Reports(World):
    """A world with BM25 for its sparse retriever, and vectors near the searcher."""

    def __init__(self, texts: dict[str, str]) -> None:
        super().__init__()
        self.model = OneForm()
        self.index = ListIndex()
        for name, text in texts.items():
            stored = StoredChunk(chunk_id(name, 1, 0), Chunk(0, 0, len(text), text), 1, "", {})
            self.index.add([stored])
            self.vectors.upsert(INC, [stored], self.model.embed([text]))
            self.activate(name, 1, 1)
        self.index.commit(cursor="1", log_epoch="epoch")

    def search(
        self, collection_id: str, query: str, *, limit: int, snapshot: Snapshot | None = None
    ) -> Ranking:
        del collection_id, snapshot
        return self.index.search(query, limit=limit)

    def near_vectors(self, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        stored, vectors = self.vectors.get_with_vectors(INC, chunk_ids)
        return [one.chunk_id for one in stored], vectors

    def first(self, question: str) -> str:
        reader = CandidateReader(
            embedder=self.model, vectors=self.vectors, sparse=self, visibility=self,
            texts=ChunkTexts(self, self.vectors), depth=100, clock=self.clock,
        )  # fmt: skip
        retriever = Retriever(reader, fuse=fusion.convex, vectors=Near(self))
        return retriever.search(INC, question, top_k=5).passages[0].document_id


class Near:
    """The vectors of a world, beside its searcher."""

    def __init__(self, reports: Reports) -> None:
        self.reports = reports

    def vectors(self, collection_id: str, chunk_ids: Sequence[str]) -> tuple[list[str], Vectors]:
        assert collection_id == INC
        return self.reports.near_vectors(chunk_ids)


@pytest.fixture(scope="module")
def reports() -> Reports:
    chance = random.Random(4)
    texts = {}
    for year in (2022, 2023):
        for month in MONTHS:
            texts[f"{month} {year}"] = (
                f"Monthly report of the northern works, {month} {year}. The works made "
                f"{chance.randint(2000, 9000)} units. {chance.randint(1, 30)} complaints came in, "
                f"and the costs were {chance.randint(100, 900)} thousand."
            )
        texts[f"circular {year}"] = (
            f"Circular: whoever has complaints about the reports of {', '.join(MONTHS)} {year} "
            f"writes to the office of the works."
        )
    for region in REGIONS:
        for good in GOODS:
            texts[f"{good}, {region}"] = (
                f"Price list of {region}. A {good} costs {chance.randint(3, 80)} up to "
                f"{chance.randint(2, 30)} kilograms. The prices hold until they are revoked."
            )
    for number in range(10, 34):
        texts[f"build {number}"] = (
            f"Release notes of build {number}. This build mends {chance.randint(40, 90)} faults "
            "and starts faster. Make a copy of your files before you install it."
        )
    return Reports(texts)


@pytest.mark.parametrize("year", [2022, 2023])
@pytest.mark.parametrize("month", MONTHS)
def test_the_report_of_the_month_that_is_asked_for_is_first(
    reports: Reports, month: str, year: int
) -> None:
    assert reports.first(f"How many complaints came in {month} {year}?") == f"{month} {year}"


@pytest.mark.parametrize("region", REGIONS)
def test_the_price_of_the_region_that_is_asked_for_is_first(reports: Reports, region: str) -> None:
    for good in GOODS:
        assert reports.first(f"What does a {good} cost in {region}?") == f"{good}, {region}"


def test_the_notes_of_the_build_that_is_asked_for_are_first(reports: Reports) -> None:
    for number in range(10, 34):
        assert reports.first(f"faults mended in build {number}") == f"build {number}"
