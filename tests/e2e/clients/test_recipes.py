"""The programs of the page on clients: each is run as it stands there, against a whole stack."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from stack.up import Stack
from tests.support.whole_stack import Api

ROOT = Path(__file__).parents[3]
PAGE: Final = (ROOT / "docs" / "clients.md").read_text("utf-8")
RECIPES: Final = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
URL: Final = "http://127.0.0.1:8000"
TRAVEL: Final = "Whoever travels for less than four hours takes the train and not the plane.\n"
#: What each of them writes, in their order.
SAYS: Final = (
    r"twenty days.*twenty days",
    r"^succeeded 1 of 1\npolicies/travel.md Whoever travels",
    r"twenty days.*\nsucceeded$",
    r"^1 How long is parental leave\? .*twenty days.*\nq2 Who may take it\? ",
    r"^True .*twenty days.*\n(True|False) ",
    r"^4\d\d \w",
    r'"state":"succeeded".*"state":"succeeded".*"answer":"[^"]*twenty days',
    r"takes the train.*\ntravel.md Whoever travels",
    r"twenty days",
    r"twenty days.*\n384$",
    r"twenty days.*\n384$",
    r'"id":"quern".*"id":"quern:handbook".*"content":"[^"]*twenty days',
)
#: Which programs need an older client of OpenAI, and whose Python has it.
OLDER: Final = {"llama_index": ROOT / ".venv-clients" / "bin" / "python"}
LANGUAGES: Final = ["python"] * 6 + ["sh"] + ["python"] * 4 + ["sh"]


@pytest.fixture(scope="module", autouse=True)
def handbook(stack: Stack) -> None:
    """Take in what the page's first program takes in, so that each runs alone too."""
    with Api(stack.url) as api:
        api.ingest({"leave.md": "Parental leave is twenty days."}, "handbook")


def test_each_program_has_words_that_it_should_write() -> None:
    assert len(RECIPES) == len(SAYS)
    assert [language for language, _ in RECIPES] == LANGUAGES


@pytest.mark.parametrize("number", range(len(SAYS)))
def test_a_program_does_what_the_page_says(stack: Stack, tmp_path: Path, number: int) -> None:
    language, text = RECIPES[number]
    assert URL in text
    (tmp_path / "travel.md").write_text(TRAVEL)
    program = tmp_path / "recipe"
    program.write_text(text.replace(URL, stack.url))
    command = ["sh", "-e"]
    if language == "python":
        # Warnings of our own client are faults; what other libraries warn of is theirs.
        ours = ["-W", "error"] if "from quern" in text else []
        older = [str(python) for name, python in OLDER.items() if name in text]
        command = [*(older or [sys.executable]), *ours]

    ran = subprocess.run(
        [*command, str(program)], cwd=tmp_path, capture_output=True, text=True, timeout=120,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "QUERN_KEY": ""}, check=False,
    )  # fmt: skip

    assert (ran.returncode, ran.stderr) == (0, "")
    assert re.search(SAYS[number], ran.stdout.strip(), re.DOTALL), ran.stdout
