"""What the page on OpenAI's API says of batches is done as it stands there."""

import re
from pathlib import Path

import pytest
from openai import OpenAI

PAGE = Path(__file__).parents[5] / "docs" / "openai.md"


@pytest.mark.usefixtures("workers")
def test_the_recipe_of_a_batch_prints_its_answers(
    openai: OpenAI, capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, of_batches = PAGE.read_text("utf-8").partition("## Batches\n")
    found = re.search(r"```python\n(.*?)```", of_batches, re.DOTALL)
    assert found is not None
    exec(found[1], {"client": openai})  # noqa: S102  # the page is ours

    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("q0 The log hangs beside the door [1].")
    assert second.startswith("q1 ")
