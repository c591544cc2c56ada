"""The recipe of docs/vector-stores.md, run as it stands there."""

import re
from pathlib import Path

import pytest
from flask import Flask

from tests.support.worlds.http_server import served

ROOT = Path(__file__).parents[4]

pytest.importorskip("openai")


@pytest.mark.usefixtures("house")
def test_the_recipe_of_the_docs_finds_what_it_attached(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "vector-stores.md").read_text("utf-8")
    (recipe,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (tmp_path / "handbook.txt").write_text("The oven is lit at four in the morning.", "utf-8")
    monkeypatch.chdir(tmp_path)
    with served(app) as url:
        exec(recipe.replace("http://127.0.0.1:8000", url), {})  # noqa: S102 - it is ours

    assert re.fullmatch(
        r"0\.\d+ handbook\.txt The oven is lit at four .*\n", capsys.readouterr().out
    )
