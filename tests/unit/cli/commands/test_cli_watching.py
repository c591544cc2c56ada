"""A folder that is watched: what is uploaded when, and what does not end the watching."""

import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from cli.main import main
from cli.session import Session
from tests.unit.cli.commands.test_cli_ingesting import FakeIngest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/a.md").write_text("a")
    return tmp_path / "docs"


def watched(
    api: Callable[[httpx.Request], httpx.Response],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *steps: Callable[[], object],
    options: tuple[str, ...] = (),
) -> Result:
    """Watch a folder; after each look the next step is done, after the last one Ctrl-C pressed."""
    left = list(steps)

    def sleep(_: float) -> None:
        if not left:
            raise KeyboardInterrupt
        left.pop(0)()

    monkeypatch.setattr("cli.commands.watch.time.sleep", sleep)
    session = Session(given_url="http://quern", transport=httpx.MockTransport(api))
    return CliRunner().invoke(main, ["watch", str(folder), *options], obj=session)


def nothing() -> None:
    """Let a look pass."""


def test_what_is_there_is_handed_over_at_once_and_a_change_once_it_has_settled(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeIngest()

    def write() -> None:
        api.held = {"a.md": "other"}
        (folder / "b.md").write_text("half")

    def write_on() -> None:
        assert api.uploads == [["a.md"]]  # it was seen once, and may not be whole
        (folder / "b.md").write_text("whole text")

    result = watched(api, folder, monkeypatch, write, write_on, nothing, nothing)

    assert result.exit_code == 0
    assert api.uploads == [["a.md"], ["a.md", "b.md"]]


def test_a_folder_that_does_not_change_asks_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeIngest()

    watched(api, folder, monkeypatch, nothing, nothing, nothing)

    assert api.asks == 1


def test_a_change_of_the_same_size_is_seen(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeIngest()

    def change() -> None:
        (folder / "a.md").write_text("b")
        os.utime(folder / "a.md", (1, 1))

    watched(api, folder, monkeypatch, change, nothing, nothing)

    assert api.asks == 2


def test_a_service_that_is_away_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeIngest()
    away = [True]

    def answer(request: httpx.Request) -> httpx.Response:
        if away[0]:
            raise httpx.ConnectError("refused")
        return api(request)

    def come_back() -> None:
        away[0] = False

    result = watched(answer, folder, monkeypatch, come_back, nothing)

    assert "is not running" in result.stderr
    assert api.uploads == [["a.md"]]


def test_an_emptied_folder_deletes_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = FakeIngest()
    api.held = {"a.md": "other", "x.md": "h"}
    options = ("--delete-missing",)

    result = watched(
        api, folder, monkeypatch, (folder / "a.md").unlink, nothing, nothing, options=options
    )

    assert "no files are there: nothing is done" in result.stderr
    assert api.deleted == ["x.md"]


def test_two_files_of_one_name_are_told_and_do_not_end_the_watching(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = FakeIngest()
    twin = folder / "caf\u00e9.txt"

    def collide() -> None:
        twin.write_text("x")
        (folder / "cafe\u0301.txt").write_text("y")

    result = watched(api, folder, monkeypatch, collide, nothing, twin.unlink, nothing, nothing)

    assert "would be the same document" in result.stderr
    assert api.uploads[-1] == ["a.md", "cafe\u0301.txt"]
