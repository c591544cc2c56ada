"""How collections are listed and deleted."""

from tests.support.fake_api import NOW, FakeApi, Quern, ok, question


def test_collections_are_listed_with_their_sizes(quern: Quern, api: FakeApi) -> None:
    small = {"name": "a", "documents": 0, "created_at": NOW, "embedder": None}
    large = small | {"name": "work", "documents": 1_234, "embedder": {"model": "minilm"}}
    api.on("GET", "/api/collections", ok({"collections": [small, large]}))

    first, second = quern("collections").stdout.splitlines()[-2:]

    assert first.split()[:2] == ["a", "0"]
    assert second.split()[:2] == ["work", "1,234"]
    assert "minilm" in second


def test_a_collection_is_deleted_only_after_a_yes(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/collections/work", ok({"name": "work", "documents": 3}))
    api.on("DELETE", "/api/collections/work", ok({"id": "d1"}, 202))
    api.on("GET", "/api/jobs/d1", ok(question(kind="delete_collection")))

    unsaid = quern("collections", "--delete", "work")
    before = [request.method for request in api.asked]
    said = quern("collections", "--delete", "work", "--yes")

    assert (unsaid.exit_code, before) == (1, ["GET"])
    assert said.stdout == "Deleted work with 3 documents.\n"
