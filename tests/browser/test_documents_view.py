"""Adding documents and looking at them: uploads, the list, one document, deleting."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.canned_api import CannedApi

Open = Callable[[str], Page]


def test_every_file_shows_its_own_fate(open_page: Open, url: str, api: CannedApi) -> None:
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(
        [
            {"name": "good.txt", "mimeType": "text/plain", "buffer": b"text " * 50_000},
            {"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-"},
            {"name": "huge.txt", "mimeType": "text/plain", "buffer": b"x" * 1_000_001},
        ]
    )
    files = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(files.nth(0)).to_contain_text("added, 3 passages")
    expect(files.nth(1)).to_contain_text("This PDF is damaged: open it, save it again")
    expect(files.nth(2)).to_contain_text("This file has 1.0 MB; a file may have 1.0 MB.")
    expect(page.locator("#upload-status")).to_have_text(
        re.compile("1 document ready, 2 failed, in 105 ms")
    )
    assert sorted(api.uploaded) == [("bad.pdf", 5), ("good.txt", 250_000)]


DROP = """tree => {
  const made = name => new File(["words"], name);
  const named = name => ({ name, isDirectory: false, file: take => take(made(name)) });
  const folder = (name, inside) => ({ name, isDirectory: true, createReader: () => {
    const parts = [inside.map(one => one.in ? folder(one.name, one.in) : named(one.name)), []];
    return { readEntries: take => take(parts.shift() ?? []) };
  } });
  const items = tree.map(one => ({
    kind: "file",
    getAsFile: () => made(one.name),
    webkitGetAsEntry: () => one.in ? folder(one.name, one.in) : named(one.name),
  }));
  const event = new Event("drop", { cancelable: true });
  Object.defineProperty(event, "dataTransfer", { value: { items, files: [] } });
  document.getElementById("drop").dispatchEvent(event);
}"""


def test_of_a_dropped_folder_what_programs_left_there_is_left_out(
    open_page: Open, url: str, api: CannedApi
) -> None:
    page = open_page(f"{url}/documents")
    inside = [
        "good.txt",
        "~$plan.docx",
        "THUMBS.DB",
        "notes.bak2",
        ".hidden",
        "a~b.txt",
        "old-1.txt",
    ]
    deep = {"name": "deep", "in": [{"name": "more.txt"}, {"name": "x.swp"}]}
    made = {"name": "node_modules", "in": [{"name": "a.txt"}]}
    tree = {"name": "papers", "in": [*({"name": name} for name in inside), deep, made]}
    page.evaluate(DROP, [tree, {"name": "kept.tmp"}])

    expect(page.locator("#upload-left-out")).to_have_text(
        "5 lock, temporary, backup or system files left out: THUMBS.DB, node_modules, notes.bak2,"
        " x.swp, ~$plan.docx"
    )
    expect(page.locator("#upload-status")).to_contain_text("5 documents ready")
    assert sorted(name for name, _ in api.uploaded) == [
        "a~b.txt", "deep/more.txt", "good.txt", "kept.tmp", "old-1.txt",
    ]  # fmt: skip


def test_a_file_without_text_is_not_counted_as_ready(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/documents")
    page.get_by_label("Choose files").set_input_files(
        [
            {"name": name, "mimeType": "text/plain", "buffer": b"x"}
            for name in ("good.txt", "blank.txt", "bad.pdf")
        ]
    )

    expect(page.locator("#upload-status")).to_have_text(
        re.compile("1 document ready, 1 failed, 1 without text, in")
    )


def test_two_files_of_one_name_are_not_taken_for_one(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/documents")
    same = {"name": "a.txt", "mimeType": "text/plain", "buffer": b"text"}
    page.get_by_label("Choose files").set_input_files([same, same])
    files = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(files.nth(0)).to_contain_text("added")
    expect(files.nth(1)).to_contain_text("Another of these files has the same name")


def test_what_a_parser_remarks_on_a_file_is_no_failure(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/documents")
    noted = {"name": "a.docx", "mimeType": "application/zip", "buffer": b"text"}
    page.get_by_label("Choose files").set_input_files([noted])
    line = page.get_by_role("list", name="Files").get_by_role("listitem").first

    expect(line).to_contain_text("added, 3 passages")
    expect(line).to_contain_text("Two pictures were left out.")
    expect(page.get_by_text("1 document ready")).to_be_visible()


def listed(n: int) -> list[dict[str, object]]:
    return [
        {
            "document_id": f"notes/{i:04}.md", "title": "", "chunks": 2, "bytes": 2_048,
            "chars": 900, "updated_at": "2026-01-02T03:04:05Z", "metadata": {"team": "pumps"},
            "notes": ["Two pictures were left out."],
        }
        for i in range(n)
    ]  # fmt: skip


def test_a_folder_is_chosen_without_what_programs_left_there(
    open_page: Open, url: str, api: CannedApi, tmp_path: Path
) -> None:
    for name in ("plan.md", ".hidden", "~$plan.docx", "deep/more.txt", "node_modules/a.js"):
        (tmp_path / "papers" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "papers" / name).write_text("words")
    page = open_page(f"{url}/documents")
    page.get_by_label("a folder").set_input_files(tmp_path / "papers")

    expect(page.locator("#upload-status")).to_contain_text("2 documents ready")
    expect(page.locator("#upload-left-out")).to_contain_text("node_modules, ~$plan.docx")
    assert sorted(api.uploaded) == [("deep/more.txt", 5), ("plan.md", 5)]


def test_a_long_list_is_read_on_as_it_is_scrolled(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(430)
    page = open_page(f"{url}/documents?collection=papers")
    lines = page.locator("#documents li")
    expect(lines).to_have_count(100)

    for _ in range(8):
        page.mouse.wheel(0, 20_000)
        page.wait_for_timeout(100)

    expect(lines).to_have_count(430)
    expect(lines.last).to_contain_text("notes/0429.md")


def test_documents_are_found_by_the_beginning_of_their_names(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(30)
    page = open_page(f"{url}/documents?collection=papers")
    page.get_by_label("Where in the name").select_option("file name begins with")
    page.get_by_label("Find").fill("notes/001")
    expect(page.locator("#documents li")).to_have_count(10)
    page.reload()
    expect(page.locator("#documents li")).to_have_count(10)
    page.get_by_label("Find").fill("letters/")

    expect(page.get_by_text("name begins with “letters/”")).to_be_visible()


def test_documents_are_found_by_a_part_of_their_names_as_far_as_was_searched(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(3_000)
    api.searched_at_once = 500
    page = open_page(f"{url}/documents?collection=papers")
    page.get_by_label("Find").fill("es/299")
    lines, on = page.locator("#documents li"), page.get_by_role("button", name="Search on")

    expect(page.locator("#documents-end")).to_have_text("Searched 2,500 of 3,000 names.")
    expect(lines).to_have_count(0)
    on.click()
    expect(lines).to_have_count(10)
    expect(on).to_be_hidden()
    assert page.url.endswith("?collection=papers&contains=es%2F299")
    page.get_by_label("Find").fill("nothing")
    on.click()
    expect(page.get_by_text("name contains “nothing”")).to_be_visible()


def test_a_document_is_read_again_from_its_kept_bytes(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = [*listed(1), listed(1)[0] | {"document_id": "scan.pdf"}]
    page = open_page(f"{url}/documents?collection=papers&document=notes/0000.md")
    page.get_by_role("button", name="Read again").click()
    expect(page.locator("#document-said")).to_have_text("It was read again.")
    page.get_by_role("button", name="scan.pdf").click()
    expect(page.get_by_role("complementary", name="scan.pdf")).to_be_visible()
    page.get_by_role("button", name="Read again").click()

    expect(page.locator("#document-said")).to_have_text(
        "It was not read again, and stays as it was: "
        "This PDF is damaged: open it, save it again, and upload the copy."
    )


def test_a_document_is_replaced_by_a_file_and_keeps_its_metadata(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(1)
    page = open_page(f"{url}/documents?collection=papers&document=notes/0000.md")
    replace = page.get_by_role("button", name="Replace")
    expect(replace).to_be_in_viewport()
    with page.expect_file_chooser() as chooser:
        replace.click()
    other = {"name": "new.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-"}
    chooser.value.set_files([other])  # type: ignore[list-item]
    expect(page.locator("#document-said")).to_have_text(
        "This document is a .md file, and new.pdf is another kind: add it under its own name."
    )
    with page.expect_file_chooser() as chooser:
        replace.click()
    new = {"name": "new.md", "mimeType": "text/markdown", "buffer": b"text"}
    chooser.value.set_files([new])  # type: ignore[list-item]

    expect(page.locator("#document-said")).to_have_text("It was replaced.")
    assert api.uploaded == [("notes/0000.md", 4)]
    assert api.metadata == {"notes/0000.md": {"team": "pumps"}}


def test_a_document_shows_its_facts_its_text_and_its_passages(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(3)
    api.texts["notes/0001.md"] = "".join(f"Line {n}.\n" for n in range(5_000))
    page = open_page(f"{url}/documents?collection=papers")
    button = page.get_by_role("button", name="notes/0001.md")
    button.click()
    panel = page.get_by_role("complementary", name="notes/0001.md")

    expect(panel.get_by_role("heading", name="notes/0001.md")).to_be_focused()
    expect(panel).to_contain_text("2.0 kB, 900 characters, 2 passages")
    expect(panel).to_contain_text("Two pictures were left out.")
    text = panel.get_by_role("group", name="Text of the document")
    expect(text).to_contain_text("Line 1000.")
    text.evaluate("box => { box.scrollTop = box.scrollHeight }")
    expect(text).to_contain_text("Line 3000.")
    panel.get_by_role("button", name="Passages").click()
    expect(text.get_by_role("heading", name="Passage 1, page 4")).to_be_visible()
    expect(text).to_contain_text("<script>alert(1)</script>")
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(button).to_be_focused()


@pytest.mark.parametrize("lines", [3, 5_000])
def test_an_address_may_point_at_a_passage_which_is_marked_and_in_sight(
    open_page: Open, url: str, api: CannedApi, lines: int
) -> None:
    api.documents["papers"] = listed(3)
    # Characters that are two of JavaScript's and one of the document's.
    text = "".join(f"\U0001d11e Line {n}.\n" for n in range(lines)) + "The last words.\nAnd more."
    start = text.index("The last")
    api.texts["notes/0001.md"] = text
    asked = f"collection=papers&document=notes%2F0001.md&start={start}&end={start + 15}"
    page = open_page(f"{url}/documents?{asked}")
    panel = page.get_by_role("complementary", name="notes/0001.md")
    mark = panel.locator("mark")

    expect(mark).to_have_text("The last words.")
    expect(mark).to_be_in_viewport()
    expect(panel.get_by_role("group", name="Text of the document")).to_contain_text("And more.")
    # What is read from its beginning has nothing marked.
    panel.get_by_role("button", name="Passages").click()
    panel.get_by_role("button", name="Text").click()
    expect(panel.get_by_role("group", name="Text of the document")).to_contain_text("Line 0.")
    expect(mark).to_have_count(0)


@pytest.mark.parametrize("span", ["start=5", "start=9&end=5", "start=-1&end=5", "start=a&end=b"])
def test_an_address_whose_span_is_none_shows_the_text(
    open_page: Open, url: str, api: CannedApi, span: str
) -> None:
    api.documents["papers"] = listed(3)
    api.texts["notes/0001.md"] = "One line."
    page = open_page(f"{url}/documents?collection=papers&document=notes%2F0001.md&{span}")

    expect(page.get_by_role("group", name="Text of the document")).to_have_text("One line.")
    expect(page.locator("mark")).to_have_count(0)


def test_a_document_is_deleted_once_that_is_confirmed(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(3)
    page = open_page(f"{url}/documents?collection=papers&document=notes/0001.md")
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog = page.get_by_role("dialog", name="Delete this document?")
    dialog.get_by_role("button", name="Keep").click()
    expect(page.locator("#documents li")).to_have_count(3)
    page.get_by_role("button", name="Delete", exact=True).click()
    dialog.get_by_role("button", name="Delete").click()

    expect(page.locator("#documents li")).to_have_count(2)
    expect(page.get_by_role("complementary")).to_be_hidden()
    assert [one["document_id"] for one in api.documents["papers"]] == [
        "notes/0000.md", "notes/0002.md",
    ]  # fmt: skip


def test_a_collection_is_deleted_with_all_in_it(open_page: Open, url: str, api: CannedApi) -> None:
    page = open_page(f"{url}/documents?collection=papers")
    page.get_by_role("button", name="Delete the collection").click()
    dialog = page.get_by_role("dialog", name="Delete the collection?")
    expect(dialog).to_contain_text("papers")
    dialog.get_by_role("button", name="Delete").click()

    expect(page.get_by_label("Collection", exact=True)).to_have_value("default")
    assert "papers" not in api.sizes


#: A call that the server has answered: what was asked before it has come, too.
ANSWERED = "fetch('/health').then((response) => response.text())"


def test_a_list_that_cannot_be_read_is_not_called_empty(open_page: Open, url: str) -> None:
    page = open_page(f"{url}/jobs")
    refused = {"status": 500, "json": {"title": "The server erred"}}
    page.route("**/documents?limit=*", lambda route: route.fulfill(**refused))
    page.goto(f"{url}/documents?collection=papers")

    expect(page.locator("#documents-problem")).to_have_text("The server erred")
    expect(page.locator("#documents-end")).to_be_hidden()
    expect(page.locator("#documents-empty")).to_be_hidden()


def test_text_that_comes_after_its_passages_were_asked_for_changes_nothing(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["papers"] = listed(3)
    api.texts["notes/0001.md"] = "Line.\n" * 20_000
    held: list[Route] = []
    page = open_page(f"{url}/documents?collection=papers")

    def hold(route: Route) -> None:
        held.append(route)

    page.route("**/notes/0001.md/text?*", hold)
    with page.expect_request("**/text?*"):
        page.get_by_role("button", name="notes/0001.md").click()
    text = page.get_by_role("group", name="Text of the document")
    page.get_by_role("button", name="Passages", exact=True).click()
    expect(text.locator(".chunk")).to_have_count(2)
    (late,) = held
    with page.expect_response("**/text?*"):
        late.continue_()
    page.evaluate(ANSWERED)
    text.dispatch_event("scroll")
    page.evaluate(ANSWERED)

    expect(text.locator(".chunk")).to_have_count(2)
    expect(text).not_to_contain_text("Line.")


def test_coming_back_to_an_upload_leaves_its_list_as_it_was(
    open_page: Open, url: str, api: CannedApi
) -> None:
    api.documents["default"] = listed(1)
    page = open_page(f"{url}/documents")
    files = [
        {"name": "good.txt", "mimeType": "text/plain", "buffer": b"text"},
        {"name": "huge.txt", "mimeType": "text/plain", "buffer": b"x" * 1_000_001},
    ]
    page.get_by_label("Choose files").set_input_files(files)
    expect(page.locator("#upload-status")).to_contain_text("1 document ready, 1 failed")
    page.get_by_role("button", name="notes/0000.md").click()
    expect(page.get_by_role("complementary", name="notes/0000.md")).to_be_visible()
    with page.expect_response("**/api/jobs/*"):
        page.go_back()
    page.evaluate(ANSWERED)

    expect(page.get_by_role("complementary")).to_be_hidden()
    lines = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(lines).to_have_count(2)
    expect(lines.nth(1)).to_contain_text("This file has 1.0 MB; a file may have 1.0 MB.")
