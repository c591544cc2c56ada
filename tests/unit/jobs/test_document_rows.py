from dataclasses import replace

from jobs.document_rows import Row, RowMaker, RowSource, bare_row, made_by

SOURCE = RowSource("a.txt", "0" * 64, 3, "a.txt", "A", '{"year":1900}')


def row(source: RowSource = SOURCE, *, pipeline: str = "p", priority: str = "batch") -> Row:
    return RowMaker(pipeline).row("job", source, priority=priority, of_all="{}")


def test_the_same_document_and_bytes_are_one_row() -> None:
    assert row() == row()
    for changed in ({"document_id": "b"}, {"sha256": "1" * 64}, {"title": "B"}, {"metadata": "{}"}):
        assert row(replace(SOURCE, **changed))["id"] != row()["id"]


def test_another_pipeline_makes_another_document_of_the_same_bytes() -> None:
    one, other = row(pipeline="p"), row(pipeline="q")

    assert one["fingerprint"] != other["fingerprint"]
    assert (one["made_by"], other["made_by"]) == (made_by("p"), made_by("q"))


def test_an_interactive_ingest_waits_in_the_lane_of_those_and_another_in_its_own() -> None:
    assert row(priority="interactive")["owner"] == "interactive"
    assert row(priority="batch")["owner"] == "ingest:job"


def test_a_recorded_row_tells_where_it_came_from() -> None:
    recorded = {k: str(v) for k, v in row().items()}

    assert RowSource.of_row(recorded, "{}") == SOURCE


def test_a_delete_is_a_row_without_bytes() -> None:
    told = bare_row("job", stage="remove", document="a.txt", priority="interactive")

    assert (told["stage"], told["role"], told["document"]) == ("remove", "embed", "a.txt")
    assert "sha256" not in told
