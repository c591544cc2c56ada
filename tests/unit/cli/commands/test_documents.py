"""How documents are listed, printed and deleted."""

import json

import pytest

from tests.support.fake_api import FakeApi, Quern, ok, question


def test_every_page_of_documents_is_listed(quern: Quern, api: FakeApi) -> None:
    api.on(
        "GET",
        "/api/collections/default/documents",
        ok({"documents": [{"document_id": "a[1].md", "chunks": 2}], "next_cursor": "c"}),
        ok({"documents": [{"document_id": "b.md", "chunks": 3}], "next_cursor": None}),
    )

    result = quern("documents")

    assert "a[1].md" in result.stdout
    assert "b.md" in result.stdout
    assert result.stdout.endswith("2 documents, 5 passages\n")


def test_documents_are_listed_with_their_metadata_where_any_has_some(
    quern: Quern, api: FakeApi
) -> None:
    listed = [
        {"document_id": "a", "chunks": 2, "metadata": {"v": "1.1", "tags": ["pump", "out"]}},
        {"document_id": "b", "chunks": 2, "metadata": {"v": 1.1, "long": "x" * 5_000}},
        {"document_id": "c", "chunks": 2},
    ]
    api.on("GET", "/api/collections/default/documents", ok({"documents": listed}))

    shown = quern("documents").stdout

    assert 'v="1.1", tags=pump, tags=out' in " ".join(shown.split())
    assert "v=1.1," in shown
    assert shown.count("x") < 200


def test_a_document_s_text_is_printed_as_it_is(quern: Quern, api: FakeApi) -> None:
    written = "[bold]a[/bold] " + "long " * 60 + "\n| a |  | c |"
    api.on("GET", "/api/collections/work/documents/a/b c.md/text", ok({"text": written}))

    assert quern("text", "a/b c.md", "-c", "work").stdout == written + "\n"


def test_a_document_is_deleted_by_its_whole_id(quern: Quern, api: FakeApi) -> None:
    path = "/api/collections/default/documents/notes/a b?.md"
    api.on("DELETE", path, ok({"id": "j3"}, 202))
    api.on("GET", "/api/jobs/j3", ok(question(state="succeeded")))

    result = quern("delete", "notes/a b?.md")

    assert result.stdout == "Deleted notes/a b?.md.\n"


@pytest.fixture
def sub_folder(api: FakeApi) -> FakeApi:
    """Have a folder of two documents."""
    base = "/api/collections/default/documents"
    found = [{"document_id": "sub/a.md", "chunks": 1}, {"document_id": "sub/b.md", "chunks": 1}]
    api.on(
        "GET",
        base,
        ok({"documents": found[:1], "next_cursor": "c"}),
        ok({"documents": found[1:], "next_cursor": None}),
    )
    api.on("POST", f"{base}/delete", ok({"id": "j3"}, 202))
    api.on("GET", "/api/jobs/j3", ok(question(state="succeeded")))
    return api


def test_a_folder_is_deleted_with_all_that_is_in_it(quern: Quern, sub_folder: FakeApi) -> None:
    result = quern("delete", "sub/", "--yes")

    assert result.stdout == "Deleted 2 documents in sub/.\n"
    assert sub_folder.asked[0].url.params["prefix"] == "sub/"
    path = "/api/collections/default/documents/delete"
    assert sub_folder.bodies("POST", path) == [{"ids": ["sub/a.md", "sub/b.md"]}]


def test_what_is_left_of_a_folder_is_told(quern: Quern, sub_folder: FakeApi) -> None:
    sub_folder.on("GET", "/api/jobs/j3", ok(question(state="partial")))
    rows = [
        {"document_id": "sub/a.md", "state": "succeeded"},
        {"document_id": "sub/b.md", "state": "failed", "error": {"detail": "It hangs."}},
    ]
    page = ok({"documents": rows, "next_cursor": None})
    sub_folder.on("GET", "/api/jobs/j3/documents", page)

    result = quern("delete", "sub/", "--yes")

    assert result.exit_code == 1
    assert result.stdout == "Deleted 1 document in sub/.\n"
    assert "sub/b.md was not deleted: It hangs." in result.stderr


def test_many_documents_are_deleted_by_several_jobs(
    quern: Quern, api: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cli.sync.deleting.AT_ONCE", 1)
    monkeypatch.setattr("cli.sync.deleting.JOBS", 2)
    base = "/api/collections/default/documents"
    found = [{"document_id": f"sub/{n}.md", "chunks": 1} for n in range(4)]
    api.on("GET", base, ok({"documents": found, "next_cursor": None}))
    api.on("POST", f"{base}/delete", *(ok({"id": f"j{n}"}, 202) for n in range(4)))
    for n in range(4):
        api.on("GET", f"/api/jobs/j{n}", ok(question(state="succeeded")))

    result = quern("delete", "sub/", "--yes")

    assert result.stdout == "Deleted 4 documents in sub/.\n"
    sent = [one for one in api.asked if one.method == "POST"]
    assert [json.loads(one.content)["ids"] for one in sent] == [[f"sub/{n}.md"] for n in range(4)]
    assert len({one.headers["Idempotency-Key"] for one in sent}) == 4


def test_a_folder_is_not_deleted_without_a_yes(quern: Quern, sub_folder: FakeApi) -> None:
    result = quern("delete", "sub/")

    assert result.exit_code == 1
    assert "Delete 2 documents in sub/?" in result.stdout
    assert [one.method for one in sub_folder.asked] == ["GET", "GET"]


def test_a_folder_that_is_not_there_is_a_mistake(quern: Quern, api: FakeApi) -> None:
    api.on("GET", "/api/collections/default/documents", ok({"documents": [], "next_cursor": None}))

    result = quern("delete", "nowhere/", "--yes")

    assert result.exit_code == 1
    assert "no documents in nowhere/" in result.stderr
