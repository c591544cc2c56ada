"""The page in front of everything that Quern is made of, with nothing canned."""

import re
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, expect

from stack.up import Stack
from tests.support.waiting import PATIENCE_S

#: Files of a large upload, and seconds that they may take on a busy machine.
MANY, MANY_S = 2_000, 240
NOTE = """# The mill at Harrow Ford

The mill at Harrow Ford was built in 1743 by Agnes Tolley. It ground rye until the flood of 1911.
Its upper stone, made of French burr, weighs 870 kilograms and is kept in the village hall.
"""


def test_two_files_one_bad_then_a_question_and_its_citation(browser: Browser, stack: Stack) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"{stack.url}/documents")
    page.get_by_label("Choose files").set_input_files(
        [
            {"name": "mill.md", "mimeType": "text/markdown", "buffer": NOTE.encode()},
            {"name": "bad.pdf", "mimeType": "application/pdf", "buffer": b"%PDF-1.4 cut off"},
        ]
    )
    files = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(files.filter(has_text="mill.md")).to_contain_text("added, 1 passage")
    expect(files.filter(has_text="bad.pdf")).to_contain_text("failed")
    expect(page.locator("#upload-status")).to_contain_text("1 document ready, 1 failed")

    page.get_by_role("link", name="Ask", exact=True).click()
    page.get_by_label("Question").fill("Who built the mill at Harrow Ford?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#stage")).to_contain_text("Answered in")
    expect(page.locator("#sources li")).to_have_count(1)
    expect(page.locator("#answer")).to_contain_text("Agnes Tolley")
    page.locator("#answer .cite").first.click()
    panel = page.get_by_role("complementary", name="The mill at Harrow Ford")
    expect(panel.locator("mark")).to_have_text(
        "The mill at Harrow Ford was built in 1743 by Agnes Tolley."
    )
    expect(panel).to_contain_text("mill.md")
    address = panel.get_by_role("link").get_attribute("href")
    file = page.request.get(f"{stack.url}{address}").body()
    expect(page.locator("#jobs tbody tr").first).to_contain_text(re.compile("done.*Harrow Ford"))
    page.close()

    assert file == NOTE.encode()
    assert complaints == []
    assert asked == {urlsplit(stack.url).netloc}


def test_a_pasted_list_becomes_one_job_whose_table_fills_and_is_exported(
    browser: Browser, stack: Stack
) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(stack.url)
    page.get_by_role("link", name="Ask many questions at once").click()
    written = page.get_by_role("textbox", name="Questions")
    written.fill("question,top_k\nWho built the mill?,many")
    expect(page.locator("#read-as")).to_have_text("Read as a table, 1 question")
    page.get_by_role("button", name="Ask").click()
    expect(page.get_by_role("alert")).to_have_text(
        "row 2.top_k: must be a whole number from 0 to 50"
    )
    assert len(complaints) == 1  # the browser's own, of the answer 422
    written.fill("Who built the mill at Harrow Ford?\n\n<b>Who</b> wrote =1+1?\n")
    expect(page.locator("#read-as")).to_have_text("2 questions")
    page.get_by_role("button", name="Ask").click()

    expect(page.get_by_role("heading", name="Ask 2 questions")).to_be_visible()
    rows = page.locator("#rows tbody tr")
    expect(rows.nth(0)).to_contain_text("Agnes Tolley")
    expect(rows.nth(0).get_by_role("link", name="mill.md")).to_be_visible()
    expect(rows.nth(1)).to_contain_text("<b>Who</b> wrote =1+1?")
    expect(rows.nth(1)).to_contain_text("The documents do not seem to answer this.")
    expect(rows.nth(1)).to_contain_text("not answered")
    expect(page.locator(".stage")).to_have_text("done")
    expect(page.locator("#rows-count")).to_have_text("1 answered, 1 not")
    rows.nth(0).get_by_role("button", name="Source 1: mill.md").first.click()
    panel = page.get_by_role("complementary", name="mill.md")
    expect(panel.locator("mark")).to_contain_text("Agnes Tolley")
    expect(panel).to_contain_text("burr")  # of the text around
    page.keyboard.press("Escape")
    page.get_by_label("State").select_option("not answered")
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text("wrote =1+1?")
    page.get_by_label("State").select_option("failed")
    expect(page.get_by_text("There are no such questions.")).to_be_visible()
    address = page.get_by_role("link", name="Download as CSV").get_attribute("href")
    table = page.request.get(f"{stack.url}{address}").text()
    page.goto(f"{stack.url}/jobs?kind=questions")
    expect(page.get_by_role("link", name="Ask 2 questions")).to_have_count(1)
    page.close()

    assert "Agnes Tolley" in table
    assert len(complaints) == 1


def test_a_file_is_a_list_too(browser: Browser, stack: Stack) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    page.goto(f"{stack.url}/questions")
    lines = '{"id": "who", "question": "Who built the mill at Harrow Ford?"}\n'
    chosen = {"name": "list.jsonl", "mimeType": "", "buffer": lines.encode()}
    page.get_by_label("Choose a file").set_input_files([chosen])  # type: ignore[list-item]
    expect(page.locator("#file-name")).to_have_text("list.jsonl: 1 question")
    page.get_by_role("button", name="Ask").click()

    expect(page.locator("#rows tbody tr")).to_contain_text("who")
    page.close()


def test_a_job_on_its_own_page_and_the_last_hour(browser: Browser, stack: Stack) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{stack.url}/documents")
    page.get_by_label("Choose files").set_input_files(
        [{"name": "mill.md", "mimeType": "text/markdown", "buffer": NOTE.encode()}]
    )
    expect(page.locator("#upload-status")).to_contain_text("1 document ready")
    page.goto(f"{stack.url}/")
    page.get_by_label("Question").fill("Who built the mill at Harrow Ford?")
    page.get_by_role("button", name="Ask").click()
    expect(page.locator("#stage")).to_contain_text("Answered in")

    page.goto(f"{stack.url}/jobs?kind=query")
    page.locator("#jobs tbody a").first.click()
    page.get_by_role("link", name="All of it").click()
    times = page.get_by_role("table", name="Where the time went")
    expect(times).to_contain_text("searched by meaning")
    expect(times).to_contain_text("searched by words")
    page.get_by_role("button", name="Ask again, and show").click()
    first = page.locator("#trace tbody tr").first
    expect(first).to_contain_text("mill.md, passage 1")
    expect(first).to_contain_text("read for the answer")
    page.goto(f"{stack.url}/jobs?kind=ingest")
    page.locator("#jobs tbody a").first.click()
    page.get_by_role("link", name="All of it").click()
    expect(page.locator("#rows tbody tr").first).to_contain_text("mill.md")

    page.goto(f"{stack.url}/status")
    expect(page.locator("#graph-questions").get_by_role("img")).to_have_accessible_name(
        re.compile("Questions and searches in the last hour: ended now .* a minute")
    )
    expect(page.locator("#graph-retrieve .now")).to_contain_text("at work")
    page.close()

    assert complaints == []


def test_two_thousand_files_are_uploaded_through_the_page(
    browser: Browser, stack: Stack, tmp_path: Path
) -> None:
    # Of texts of their own: Chroma takes a minute to index two thousand vectors that are the same.
    for n in range(MANY):
        (tmp_path / "houses" / f"{n:04}").mkdir(parents=True)
        text = f"Note {n} is about the pump of house {n}."
        (tmp_path / "houses" / f"{n:04}" / f"note {n}.txt").write_text(text)
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    page.goto(f"{stack.url}/documents?collection=many")
    page.get_by_label("a folder").set_input_files(tmp_path / "houses")
    status = page.locator("#upload-status")
    expect(status).to_contain_text(f"{MANY:,} documents ready", timeout=1_000 * MANY_S)
    lines = page.get_by_role("list", name="Files").get_by_role("listitem")

    expect(lines).to_have_count(MANY)
    expect(lines.last).to_contain_text("added, 1 passage")
    expect(page.locator("#collection-note")).to_have_text(f"{MANY:,} documents")
    page.get_by_label("Find").fill("1999")
    expect(page.locator("#documents li")).to_have_count(1)
    sent = [one for one in asked if one.startswith("POST") and one.endswith("/documents")]
    assert len(sent) <= MANY / 20
    page.close()


#: Counts what nobody of ours has put into the page.
FOREIGN = """[...document.querySelectorAll("*")].filter((one) =>
  ["IMG", "IFRAME", "OBJECT"].includes(one.tagName)
  || (one.tagName === "SCRIPT" && !one.src.startsWith(location.origin + "/static/"))
  || [...one.attributes].some(({ name }) => name.startsWith("on"))).length"""
NAMES = [
    "<img src=x onerror=alert(1)>.txt", "\"><script>alert('n')<\u2215script>.txt",
    "{{7*7}}${7*7}.txt", "javascript:alert(1).txt", "a\u202etxt.exe.txt",
    "%2e%2e%2fetc%2fpasswd.txt", "\u200f\u05d0 b.txt", "<\u0301" * 40 + ".txt",
]  # fmt: skip
TEXT = """<script>alert("t")</script> The <b>vault</b> of Moss Hall is opened with the word "heron".
<img src=https://evil.example/p.png onerror=alert(1)> [x](javascript:alert(1))
"""


def test_hostile_names_texts_and_questions_are_shown_harmlessly(
    browser: Browser, stack: Stack
) -> None:
    page = browser.new_page()
    page.set_default_timeout(1_000 * PATIENCE_S)
    complaints: list[str] = []
    asked: set[str] = set()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("dialog", lambda dialog: complaints.append(dialog.message))
    page.on("request", lambda request: asked.add(urlsplit(request.url).netloc))
    page.goto(f"{stack.url}/documents?collection=hostile")
    page.get_by_label("Choose files").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": TEXT.encode()} for name in NAMES]
    )
    files = page.get_by_role("list", name="Files").get_by_role("listitem")
    expect(page.locator("#upload-status")).to_contain_text("7 documents ready, 1 failed")
    expect(files.filter(has_text="must not hold control characters")).to_have_count(1)
    expect(files.nth(0)).to_contain_text("<img src=x onerror=alert(1)>.txt")
    page.get_by_label("Find").fill("<IMG")
    page.get_by_role("button", name="<img src=x").click()
    expect(page.locator("#document-text")).to_contain_text('<script>alert("t")</script>')
    foreign = [page.evaluate(FOREIGN)]

    page.goto(f"{stack.url}/")
    page.get_by_label("Collection", exact=True).select_option("hostile")
    question = "With which word is the vault of Moss Hall opened? <script>alert('q')</script>"
    page.get_by_label("Question").fill(question)
    page.keyboard.press("Enter")
    expect(page.locator("#answer")).to_contain_text("heron")
    expect(page.get_by_role("heading", name=question)).to_be_visible()
    page.locator("#answer .cite").first.click()
    expect(page.locator("#passage-text mark").first).to_be_visible()
    foreign.append(page.evaluate(FOREIGN))
    page.goto(f"{stack.url}/jobs")
    expect(page.get_by_text(question).first).to_be_visible()
    foreign.append(page.evaluate(FOREIGN))
    page.close()

    assert foreign == [0, 0, 0]
    # What is refused is logged by the browser itself: a file, a collection that is not there yet.
    assert [line for line in complaints if "responded with a status of 4" not in line] == []
    assert asked == {urlsplit(stack.url).netloc}
