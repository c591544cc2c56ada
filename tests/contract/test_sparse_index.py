"""What every sparse index keeps: tantivy and its in-memory twin pass the same tests."""

import shutil
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.local_index.errors import IndexInUse, IndexUnusable
from adapters.local_index.sparse import chunk_names, tantivy_index
from adapters.local_index.sparse.tantivy_index import TantivyIndex
from rag.documents import Chunk, Scalar, chunk_id
from rag.in_memory_ports.sparse_index import ListIndex
from rag.metadata.columns import Columns
from rag.metadata.filters import facts, holds, parse
from rag.ports import StoredChunk
from rag.reading_ports import SparseIndex
from tests.support.filtering import filters, metadata

TEXTS = (
    "The embargo began in October 1973 and raised the price of oil.",
    "Rainforests hold a third of all species of trees.",
    "Harvard's library is the oldest library of its country.",
    "Der Vertrag regelt die Ausfuhr von Erdöl.",
)


def stored(
    document: str,
    *texts: str,
    generation: int = 1,
    title: str = "",
    language: str = "",
    known: dict[str, Scalar] | None = None,
) -> list[StoredChunk]:
    return [
        StoredChunk(
            chunk_id=chunk_id(document, generation, n),
            chunk=Chunk(n=n, start=0, end=len(text), text=text),
            of=len(texts),
            title=title,
            metadata=known or {},
            language=language,
        )
        for n, text in enumerate(texts)
    ]


@pytest.fixture(params=["tantivy", "twin"])
def index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SparseIndex]:
    opened: SparseIndex = (
        TantivyIndex.open(tmp_path / "index") if request.param == "tantivy" else ListIndex()
    )
    yield opened
    opened.close()


def found(index: SparseIndex, query: str) -> list[str]:
    return [name for name, _ in index.search(query, limit=10)]


def test_a_new_index_is_empty_and_has_no_cursor(index: SparseIndex) -> None:
    assert (index.cursor, index.log_epoch, index.count()) == ("", "", 0)
    assert index.search("oil", limit=10) == []


def test_chunks_are_seen_after_the_commit_and_not_before(index: SparseIndex) -> None:
    index.add(stored("a", *TEXTS))
    before = found(index, "oil")
    index.commit(cursor="7-0", log_epoch="e1")

    assert before == []
    assert found(index, "oil") == ["a:1:0"]
    assert (index.cursor, index.log_epoch, index.count()) == ("7-0", "e1", 4)


def test_words_are_found_by_stem_whatever_their_case(index: SparseIndex) -> None:
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1", log_epoch="e")

    assert found(index, "LIBRARIES of harvard") == ["a:1:2"]
    assert found(index, "erdöl") == ["a:1:3"]


def test_a_word_is_found_by_its_stem_in_the_language_of_its_document(index: SparseIndex) -> None:
    index.add(stored("de", "Die Verträge regeln alles.", language="de"))
    index.add(stored("es", "Los contratos fueron firmados.", language="es"))
    index.add(stored("en", "The contracts were signed in libraries.", language="en"))
    index.add(stored("ko", "서울에서 계약했다", language="ko"))
    index.add(stored("none", "Three libraries, 4711"))
    index.commit(cursor="1", log_epoch="e")

    assert found(index, "Vertrag") == ["de:1:0"]
    assert found(index, "¿Qué contrato se firma?") == ["es:1:0"]
    assert found(index, "contract") == ["en:1:0"]
    assert found(index, "서울") == ["ko:1:0"]
    assert found(index, "library") == ["none:1:0", "en:1:0"]


def test_a_word_counts_once_however_many_stems_it_has(index: SparseIndex) -> None:
    # Spanish and English stem it differently, and one text holds both stems.
    index.add(stored("both", "running run", language="es"))
    index.add(stored("one", "running gas", language="es"))
    index.add(stored("other", "oil gas", language="en"))
    index.commit(cursor="1", log_epoch="e")

    hits = dict(index.search("running", limit=10))

    alone = dict(index.search("run", limit=10))["both:1:0"]
    assert hits["both:1:0"] == pytest.approx(max(hits["one:1:0"], alone), rel=0.05)


def test_the_title_is_part_of_what_is_searched(index: SparseIndex) -> None:
    index.add(stored("a", "It began in October.", title="Oil crisis"))
    index.commit(cursor="1", log_epoch="e")

    assert found(index, "crisis") == ["a:1:0"]


def test_a_query_without_terms_finds_nothing(index: SparseIndex) -> None:
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1", log_epoch="e")

    assert [index.search(query, limit=10) for query in ("", " ", "?!", "is it the")] == [[]] * 4
    assert index.search("oil", limit=0) == []


@pytest.mark.parametrize(
    "query",
    [
        '"oil',
        "oil AND",
        "terms:oil",
        "[oil TO",
        "oil^9 ~(",
        "-oil",
        "*oil*",
        "oil\x00",
        "oil\ud800",
    ],
)
def test_a_query_is_plain_text_and_never_a_language(index: SparseIndex, query: str) -> None:
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1", log_epoch="e")

    assert found(index, query) == ["a:1:0"]


def test_what_is_held_is_counted_by_generation(index: SparseIndex) -> None:
    index.add([*stored("a:b", *TEXTS), *stored("c", "oil"), *stored("c", "gas", generation=2)])
    index.commit(cursor="1", log_epoch="e")
    index.remove("c", 1)
    index.commit(cursor="2", log_epoch="e")

    assert dict(index.holdings()) == {("a:b", 1): 4, ("c", 2): 1}
    assert index.intact(thorough=True)


def test_rarer_words_weigh_more_and_scores_fall(index: SparseIndex) -> None:
    index.add(stored("a", "oil oil price", "oil embargo", "oil", "price of oil and gas"))
    index.commit(cursor="1", log_epoch="e")

    hits = index.search("oil embargo", limit=10)

    assert hits[0][0] == "a:1:1"
    assert [score for _, score in hits] == sorted((score for _, score in hits), reverse=True)
    assert index.search("oil embargo", limit=2) == hits[:2]


def test_equal_scores_are_ordered_by_id(index: SparseIndex) -> None:
    index.add([*stored("b", "oil"), *stored("a", "oil"), *stored("c", "oil")])
    index.commit(cursor="1", log_epoch="e")

    assert found(index, "oil") == ["a:1:0", "b:1:0", "c:1:0"]


def test_a_filter_leaves_out_what_does_not_match_and_changes_no_score(index: SparseIndex) -> None:
    years: list[dict[str, Scalar]] = [{"year": n, "even": n % 2 == 0} for n in (1, 2, 3)]
    for n, known in enumerate([*years, {}]):
        index.add(stored(f"d{n}", "oil " * (n + 1), title=f"T{n}", known=known))
    index.commit(cursor="1-0", log_epoch="e")
    scores = dict(index.search("oil", limit=10))

    def kept(asked: dict[str, object]) -> str:
        wanted = parse(asked)
        hits = index.search("oil", limit=10, within=wanted)
        assert hits == [hit for hit in scores.items() if hit in hits]
        return "".join(sorted(name[1] for name, _ in hits))

    assert kept({"year": 2.0}) == "1"
    assert kept({"year": {"in": [1, 3, 5]}}) == "02"
    assert kept({"year": {"in": []}}) == ""
    assert kept({"year": {"exists": True}}) == "012"
    assert kept({"even": True}) == "1"
    assert kept({"even": 1}) == kept({"year": "1"}) == kept({"year": True}) == ""
    assert kept({"not": {"year": 1}}) == "123"
    assert kept({"or": [{"year": 1}, {"even": {"exists": False}}]}) == "03"
    assert kept({"even": False, "not": {"document_id": "d2"}}) == "0"
    assert kept({"title": {"in": ["T3", "T0"]}}) == "03"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters, st.lists(metadata, min_size=1, max_size=6))
def test_words_within_a_filter_are_those_of_documents_for_which_it_holds(
    tmp_path: Path, asked: Any, known: list[Any]
) -> None:
    wanted, columns = parse(asked), Columns()
    assert wanted is not None
    every = [facts(f"d{n}", "", given) for n, given in enumerate(known)]
    for now in every:
        columns.append(now)
    with TemporaryDirectory(dir=tmp_path) as folder:
        index = TantivyIndex.open(Path(folder) / "index")
        for n, given in enumerate(known):
            index.add(stored(f"d{n}", "oil", known=given))
        index.commit(cursor="1-0", log_epoch="e")
        hits = index.search("oil", limit=10, within=columns.spelled(wanted, 1_000))
        index.close()

    assert {name for name, _ in hits} == {
        f"d{n}:1:0" for n, now in enumerate(every) if holds(wanted, now)
    }


def test_adding_a_generation_again_replaces_it(index: SparseIndex) -> None:
    index.add(stored("a", "oil", "gas"))
    index.commit(cursor="1", log_epoch="e")
    index.add(stored("a", "coal"))
    index.add(stored("a", "wood"))
    index.commit(cursor="2", log_epoch="e")

    assert (found(index, "oil gas coal"), found(index, "wood")) == ([], ["a:1:0"])
    assert index.count() == 1


def test_removing_a_generation_leaves_the_others(index: SparseIndex) -> None:
    index.add([*stored("a", "oil"), *stored("a", "oil", generation=2), *stored("a:2", "oil")])
    index.commit(cursor="1", log_epoch="e")
    index.remove("a", 1)
    index.remove("never seen", 1)
    index.commit(cursor="2", log_epoch="e")

    assert found(index, "oil") == ["a:2:0", "a:2:1:0"]


def test_any_text_can_be_indexed(index: SparseIndex) -> None:
    index.add(stored("ñ/\x00 \n:日", "", " ", "\x00\ud7ff", "東京都に住む", "x" * 100_000))
    index.commit(cursor="1", log_epoch="e")

    assert found(index, "東京") == ["ñ/\x00 \n:日:1:3"]
    assert found(index, "x" * 100_000) == ["ñ/\x00 \n:日:1:4"]


@pytest.mark.parametrize("characters", [0, 1, 2, 42, 43, 44, 45, 300])
def test_a_chunk_is_found_by_its_id_however_long(index: SparseIndex, characters: int) -> None:
    index.add(
        [*stored("d" * characters, "oil"), *stored("é日\x00", "oil oil"), *stored("u", "oil")]
    )
    index.commit(cursor="1", log_epoch="e")

    assert sorted(found(index, "oil")) == sorted(
        [f"{'d' * characters}:1:0", "é日\x00:1:0", "u:1:0"]
    )
    assert set(index.holdings()) == {("d" * characters, 1), ("é日\x00", 1), ("u", 1)}


def test_searches_run_beside_commits(index: SparseIndex) -> None:
    index.add(stored("a", *TEXTS))
    index.commit(cursor="0", log_epoch="e")
    wrong: list[object] = []
    done = threading.Event()

    def search() -> None:
        while not done.is_set():
            hits = found(index, "oil")
            if hits != ["a:1:0"]:
                wrong.append(hits)

    threads = [threading.Thread(target=search) for _ in range(4)]
    for thread in threads:
        thread.start()
    for n in range(10):
        index.add(stored(f"b{n}", "coal and gas"))
        index.commit(cursor=str(n), log_epoch="e")
    done.set()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert index.count() == 14


def test_tantivy_and_the_twin_score_alike(tmp_path: Path) -> None:
    # tantivy keeps lengths in one byte (exact up to 40 terms) and counts the cursor as a chunk.
    tantivy, twin = TantivyIndex.open(tmp_path), ListIndex()
    chunks = [c for n in range(50) for c in stored(f"d{n}", *TEXTS, "oil " * (n % 5) + "gas")]
    for each in (tantivy, twin):
        each.add(chunks)
        each.commit(cursor="1", log_epoch="e")

    hits, expected = (each.search("oil price gas", limit=500) for each in (tantivy, twin))
    for each in (tantivy, twin):
        each.add(stored("es", "Los precios del petróleo, oil", language="es"))
        each.commit(cursor="2", log_epoch="e")
    mixed, expected_mixed = (each.search("precio oil", limit=500) for each in (tantivy, twin))
    tantivy.close()

    assert dict(hits) == pytest.approx(dict(expected), rel=0.02)
    assert mixed[0][0] == "es:1:0"
    assert dict(mixed) == pytest.approx(dict(expected_mixed), rel=0.02)


def test_a_closed_index_opens_where_the_last_commit_left_it(tmp_path: Path) -> None:
    first = TantivyIndex.open(tmp_path)
    first.add(stored("a", "oil"))
    first.commit(cursor="5-1", log_epoch="e9")
    first.add(stored("b", "oil"))  # never committed
    first.close()

    second = TantivyIndex.open(tmp_path)
    hits = found(second, "oil")
    second.commit(cursor="5-2", log_epoch="e9")
    second.close()

    assert hits == found(second, "oil") == ["a:1:0"]
    assert (second.cursor, second.log_epoch, second.count()) == ("5-2", "e9", 1)


def damaged(path: Path, pattern: str, change: Callable[[bytes], bytes]) -> None:
    file = max(path.glob(pattern), key=lambda file: file.stat().st_size)
    file.write_bytes(change(file.read_bytes()))


@pytest.mark.parametrize(
    ("pattern", "change"),
    [
        ("meta.json", lambda data: data[: len(data) // 2]),
        ("*.store", lambda data: data[: len(data) // 2]),
        ("*.term", lambda data: data[:0]),
        ("*.idx", lambda data: bytes([data[0] ^ 1]) + data[1:]),
        ("*.fieldnorm", lambda data: bytes([data[0] ^ 128]) + data[1:]),
    ],
    ids=["meta cut", "store cut", "terms emptied", "one bit of postings", "one bit of lengths"],
)
def test_a_corrupt_index_is_unusable(
    tmp_path: Path, pattern: str, change: Callable[[bytes], bytes]
) -> None:
    index = TantivyIndex.open(tmp_path)
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1", log_epoch="e")
    index.close()
    damaged(tmp_path, pattern, change)

    with pytest.raises(IndexUnusable, match=str(tmp_path)):
        TantivyIndex.open(tmp_path)


@pytest.mark.parametrize("half", [b"", b"del", b"\0" * 100])
def test_deletes_that_a_killed_commit_left_half_written_harm_nothing(
    tmp_path: Path, half: bytes
) -> None:
    index = TantivyIndex.open(tmp_path)
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1-0", log_epoch="e")
    index.remove("b", 1)
    index.close()
    (terms,) = (path for path in tmp_path.glob("*.term") if path.stat().st_size > 500)
    terms.with_suffix(".987654321.del").write_bytes(half)

    again = TantivyIndex.open(tmp_path)

    assert again.cursor == "1-0"
    assert again.intact(thorough=True)
    assert found(again, "oil") == ["a:1:0"]
    again.close()


def test_an_index_of_another_analysis_is_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    TantivyIndex.open(tmp_path).close()
    monkeypatch.setattr(tantivy_index, "ANALYSIS_VERSION", "another")

    with pytest.raises(IndexUnusable, match="rebuilt"):
        TantivyIndex.open(tmp_path)


def test_an_index_without_one_of_the_fields_is_unusable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(chunk_names, "_NAME", chunk_names._NAME[:-1])
        TantivyIndex.open(tmp_path).close()

    with pytest.raises(IndexUnusable, match="schema"):
        TantivyIndex.open(tmp_path)


def test_a_folder_with_other_files_is_unusable(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(IndexUnusable, match="no index"):
        TantivyIndex.open(tmp_path)


def test_a_second_writer_is_refused_and_spoils_nothing(tmp_path: Path) -> None:
    first = TantivyIndex.open(tmp_path)
    second = TantivyIndex.open(tmp_path)

    with pytest.raises(IndexInUse, match="another process"):
        second.add(stored("a", "oil"))
    first.add(stored("a", "oil"))
    first.commit(cursor="1", log_epoch="e")
    first.close()

    assert found(first, "oil") == ["a:1:0"]


@pytest.mark.parametrize("damage", ["deleted", "one deleted", "emptied", "flipped"])
def test_damage_to_the_files_is_noticed_while_the_index_is_open(
    tmp_path: Path, damage: str
) -> None:
    index = TantivyIndex.open(tmp_path / "index")
    index.add(stored("a", *TEXTS))
    index.commit(cursor="1", log_epoch="e")
    assert index.intact(thorough=True)
    files = sorted((tmp_path / "index").glob("*.store"))
    if damage == "deleted":
        shutil.rmtree(tmp_path / "index")
    elif damage == "one deleted":
        files[0].unlink()
    elif damage == "emptied":
        # Beside it, as a file system does: what is mapped stays readable.
        files[0].rename(tmp_path / "old")
        files[0].touch()
    else:
        data = bytearray(files[0].read_bytes())
        data[len(data) // 3] ^= 255
        files[0].write_bytes(data)

    assert index.intact() is (damage == "flipped")
    assert not index.intact(thorough=True)
    index.close()
