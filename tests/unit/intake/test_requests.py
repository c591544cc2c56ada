import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.requests import (
    DocumentUpload,
    IngestRequest,
    QueryRequest,
    SearchRequest,
    check_document_id,
    collection_name,
    metadata,
)
from rag.errors import InvalidRequest
from runtime.settings import Settings

SETTINGS = Settings()

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(error: pytest.ExceptionInfo[InvalidRequest]) -> str:
    return error.value.field


def test_a_question_gets_the_defaults_of_the_settings() -> None:
    asked = QueryRequest.from_json({"question": "x"}, SETTINGS)

    assert (asked.collection, asked.top_k, asked.priority) == ("default", 10, "interactive")
    assert asked.deadline_s == 300


def test_a_batch_question_gets_the_deadline_of_batches() -> None:
    asked = QueryRequest.from_json({"question": "x", "priority": "batch"}, SETTINGS)

    assert asked.deadline_s == 86_400


def test_a_recorded_question_can_be_read_back() -> None:
    asked = QueryRequest.from_json({"question": "x", "temperature": 1, "trace": True}, SETTINGS)

    assert QueryRequest(**asked.as_json()) == asked


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("question", None),
        ("question", "  "),
        ("question", "ä" * 5_000),
        ("question", "\ud800"),
        ("top_k", -1),
        ("top_k", 51),
        ("top_k", True),
        ("top_k", 1.5),
        ("priority", "urgent"),
        ("priority", ["batch"]),
        ("collection", "a/b"),
        ("collection", ""),
        ("max_tokens", 0),
        ("temperature", 2.1),
        ("temperature", "hot"),
        ("trace", 1),
        ("deadline_s", 0),
        ("cancel_on_disconnect", "yes"),
        ("callback_url", "https://example.org"),
        ("unheard_of", 1),
        ("filters", "author"),
        ("filters", []),
    ],
)
def test_a_wrong_field_of_a_question_is_named(field: str, value: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        QueryRequest.from_json({"question": "x"} | {field: value}, SETTINGS)

    assert refused(error) == field


def test_a_turn_may_call_its_text_content() -> None:
    history = [{"role": "user", "text": "a"}, {"role": "assistant", "content": "b"}]

    asked = QueryRequest.from_json({"question": "x", "history": history}, SETTINGS)

    assert asked.history == [{"role": "user", "text": "a"}, {"role": "assistant", "text": "b"}]
    assert QueryRequest(**asked.as_json()) == asked


TURN = {"role": "user", "text": "a"}


@pytest.mark.parametrize(
    ("history", "field"),
    [
        ("a", "history"),
        ([TURN] * 21, "history"),
        ([TURN | {"text": "a" * 4_000}] * 20, "history"),
        ([TURN, "a"], "history[1]"),
        ([{"text": "a"}], "history[0].role"),
        ([TURN | {"role": "system"}], "history[0].role"),
        ([TURN | {"role": ["user"]}], "history[0].role"),
        ([{"role": "user"}], "history[0].text"),
        ([TURN | {"text": " "}], "history[0].text"),
        ([TURN | {"text": "\ud800"}], "history[0].text"),
        ([TURN | {"content": "b"}], "history[0].content"),
        ([{"role": "user", "content": 1}], "history[0].content"),
        ([TURN | {"name": "Eve"}], "history[0].name"),
    ],
)
def test_a_wrong_turn_is_named(history: object, field: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        QueryRequest.from_json({"question": "x", "history": history}, SETTINGS)

    assert refused(error) == field


def test_what_is_planned_is_told_apart_from_what_is_unknown() -> None:
    with pytest.raises(InvalidRequest, match="not supported by this version"):
        QueryRequest.from_json({"question": "x", "callback_url": 1}, SETTINGS)


def test_a_filter_is_kept_as_it_was_given_and_an_empty_one_is_none() -> None:
    given_filter = {"year": {"gte": 1968}, "not": {"author": "Knuth"}}
    asked = QueryRequest.from_json({"question": "x", "filters": given_filter}, SETTINGS)
    search = SearchRequest.from_json({"query": "x", "filters": given_filter}, SETTINGS)

    assert asked.as_json()["filters"] == search.as_json()["filters"] == given_filter
    assert SearchRequest.from_json({"query": "x", "filters": {}}, SETTINGS).filters is None
    assert SearchRequest.from_json({"query": "x", "filters": None}, SETTINGS).filters is None


def test_a_search_needs_at_least_one_passage() -> None:
    with pytest.raises(InvalidRequest) as error:
        SearchRequest.from_json({"query": "x", "top_k": 0}, SETTINGS)

    assert refused(error) == "top_k"


@given(body=JSON)
def test_any_json_is_accepted_or_refused_in_words(body: object) -> None:
    for kind in (QueryRequest, SearchRequest, IngestRequest):
        try:
            kind.from_json(body, SETTINGS)
        except InvalidRequest as error:
            assert error.message  # noqa: PT017  # both ends are fine, neither is expected
    try:
        DocumentUpload.from_json(body, "documents[0]")
    except InvalidRequest as error:
        assert error.field.startswith("documents[0]")  # noqa: PT017  # the same


@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_metadata_that_is_accepted_is_flat_but_for_lists_and_is_utf8(
    value: dict[str, object],
) -> None:
    try:
        kept = metadata(value, "metadata")
    except InvalidRequest:
        return
    for name, entry in kept.items():
        name.encode()
        for one in entry if isinstance(entry, list) else [entry]:
            assert isinstance(one, str | int | float | bool)


@pytest.mark.parametrize(
    "value",
    [
        {"x": "y" * 1_001}, {"x": 2**63}, {"x": None}, {str(n): 1 for n in range(33)}, [],
        {"x": float("inf")}, {"x": ["y" * 1_001]}, {"x": [2**63]}, {"x": [None]}, {"x": [["y"]]},
        {"x": ["\ud800"]}, {"x": ["y"] * 101}, {"x": {"y": 1}},
    ],
)  # fmt: skip
def test_metadata_is_bounded(value: object) -> None:
    with pytest.raises(InvalidRequest):
        metadata(value, "metadata")


@pytest.mark.parametrize("letter", ["a", "\u00e4", "\U0001f600"])
def test_metadata_is_bounded_in_bytes_whatever_it_is_written_in(letter: str) -> None:
    def of_size(total: int) -> dict[str, object]:
        long = {str(n): letter * (480 // len(letter.encode())) for n in range(8)}
        return long | {"rest": "x" * (total - len(orjson.dumps(long | {"rest": ""})))}

    most = of_size(4_096)

    assert metadata(most, "metadata") == most
    with pytest.raises(InvalidRequest) as error:
        metadata(of_size(4_097), "documents[0].metadata")
    assert refused(error) == "documents[0].metadata"
    assert error.value.message == "has 4097 bytes as JSON; a document's may have 4096"


def test_long_names_of_metadata_count_too() -> None:
    with pytest.raises(InvalidRequest, match="4105 bytes"):
        metadata({"n" * 4_099: 1}, "metadata")


@pytest.mark.parametrize("value", ["a", "a/b c", "ü:1", "x..y/z", "👩‍💻.txt", "a" * 512])
def test_a_document_id_may_be_almost_anything(value: str) -> None:
    assert check_document_id(value, "id") == value


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00", "\x7f", "\ud800", "a" * 513, 1, None])
def test_a_document_id_holds_no_control_characters(value: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        check_document_id(value, "id")

    assert refused(error) == "id"


@pytest.mark.parametrize(
    "value", ["..", ".", "../other", "a/../b", "a/./b", "a//b", "/a", "a/", "/", "a/.."]
)
def test_a_document_id_never_leads_out_of_its_collection(value: str) -> None:
    with pytest.raises(InvalidRequest, match="segments"):
        check_document_id(value, "id")


@pytest.mark.parametrize("value", ["w\x9b31m.txt", "a\u202eb", "\u200b", "a\u2028b"])
def test_a_document_id_hides_nothing_from_the_eye_or_the_terminal(value: str) -> None:
    with pytest.raises(InvalidRequest):
        check_document_id(value, "id")


@pytest.mark.parametrize("value", ["-a", ".a", "a b", "a" * 64, "a\n", "ü"])
def test_a_collection_has_a_plain_name(value: str) -> None:
    with pytest.raises(InvalidRequest):
        collection_name(value)
