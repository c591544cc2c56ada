import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake.documents import DOCUMENT_ID, METADATA, read_document, read_listing
from rag.errors import InvalidRequest

HASH = "0a" * 32
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(error: pytest.ExceptionInfo[InvalidRequest]) -> str:
    return error.value.field


@given(body=JSON)
def test_any_json_is_a_document_or_refused_in_words(body: object) -> None:
    try:
        read_document(body, "documents[0]")
    except InvalidRequest as error:
        assert error.field.startswith("documents[0]")  # noqa: PT017  # both ends are fine


def test_a_document_is_read_and_its_text_is_utf8() -> None:
    read = read_document({"id": "a.md", "text": "\u00e4", "metadata": {"year": 1904}}, "x")
    bare = read_document({"id": "b", "text": ""}, "x")

    assert (read.document_id, read.data, read.metadata) == ("a.md", b"\xc3\xa4", {"year": 1904})
    assert (bare.data, bare.title, bare.metadata) == (b"", None, {})


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        (1, "documents[2]", "must be an object with id and text"),
        ({"id": "a", "text": "b", "x": 1}, "documents[2].x", "is not a known field"),
        ({"id": "a"}, "documents[2].text", "must be a string"),
        ({"text": "a"}, "documents[2].id", "must be a non-empty string"),
        (
            {"id": "a", "text": "b", "title": "c" * 301},
            "documents[2].title",
            "must be a string of at most 300 characters",
        ),
        ({"id": "a", "text": "b", "metadata": []}, "documents[2].metadata", "must be an object"),
    ],
)
def test_a_wrong_field_of_a_document_is_named(body: object, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_document(body, "documents[2]")

    assert (error.value.field, error.value.message) == (field, message)


def test_a_listing_is_read_by_id() -> None:
    assert read_listing([{"id": "a", "sha256": HASH}]) == {"a": HASH}


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "body", "must be a list of {id, sha256}"),
        (["a"], "[0]", "must be an object with id and sha256"),
        ([{"id": "a", "sha256": HASH, "size": 1}], "[0].size", "is not a known field"),
        (
            [{"id": "a", "sha256": HASH.upper()}],
            "[0].sha256",
            "must be 64 lower-case hexadecimal digits",
        ),
        ([{"sha256": HASH}], "[0].id", "must be a non-empty string"),
        ([{"id": "a", "sha256": HASH}] * 2, "[1].id", "is listed twice"),
    ],
)
def test_a_wrong_listing_is_named(body: object, field: str, message: str) -> None:
    with pytest.raises(InvalidRequest) as error:
        read_listing(body)

    assert (error.value.field, error.value.message) == (field, message)


@given(value=st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_metadata_that_is_accepted_is_flat_but_for_lists_and_is_utf8(
    value: dict[str, object],
) -> None:
    try:
        kept = METADATA.read(value, "metadata")
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
        METADATA.read(value, "metadata")


@pytest.mark.parametrize("letter", ["a", "\u00e4", "\U0001f600"])
def test_metadata_is_bounded_in_bytes_whatever_it_is_written_in(letter: str) -> None:
    def of_size(total: int) -> dict[str, object]:
        long = {str(n): letter * (480 // len(letter.encode())) for n in range(8)}
        return long | {"rest": "x" * (total - len(orjson.dumps(long | {"rest": ""})))}

    most = of_size(4_096)

    assert METADATA.read(most, "metadata") == most
    with pytest.raises(InvalidRequest) as error:
        METADATA.read(of_size(4_097), "documents[0].metadata")
    assert refused(error) == "documents[0].metadata"
    assert error.value.message == "has 4097 bytes as JSON; a document's may have 4096"


def test_long_names_of_metadata_count_too() -> None:
    with pytest.raises(InvalidRequest, match="4105 bytes"):
        METADATA.read({"n" * 4_099: 1}, "metadata")


@pytest.mark.parametrize("value", ["a", "a/b c", "ü:1", "x..y/z", "👩‍💻.txt", "a" * 512])
def test_a_document_id_may_be_almost_anything(value: str) -> None:
    assert DOCUMENT_ID.read(value, "id") == value


@pytest.mark.parametrize("value", ["", " ", "a\nb", "a\x00", "\x7f", "\ud800", "a" * 513, 1, None])
def test_a_document_id_holds_no_control_characters(value: object) -> None:
    with pytest.raises(InvalidRequest) as error:
        DOCUMENT_ID.read(value, "id")

    assert refused(error) == "id"


@pytest.mark.parametrize(
    "value", ["..", ".", "../other", "a/../b", "a/./b", "a//b", "/a", "a/", "/", "a/.."]
)
def test_a_document_id_never_leads_out_of_its_collection(value: str) -> None:
    with pytest.raises(InvalidRequest, match="segments"):
        DOCUMENT_ID.read(value, "id")


@pytest.mark.parametrize("value", ["w\x9b31m.txt", "a\u202eb", "\u200b", "a\u2028b"])
def test_a_document_id_hides_nothing_from_the_eye_or_the_terminal(value: str) -> None:
    with pytest.raises(InvalidRequest):
        DOCUMENT_ID.read(value, "id")
