"""The benchmark of reading: the service's own parsers and another reader on a few tiny files."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.figures.peak_memory import children
from benchmarks.parts.peer import Peer
from benchmarks.parts.watched_parsers import WatchedParsers
from runtime.settings import Settings

ROOT = Path(__file__).parents[3]
FILES = {
    "note.md": b"# Note\n\nThe tea is in the **blue** tin.\n",
    "blank.txt": b" \n \n",
    "cut.pdf": b"%PDF-1.4\nand no more\n",
    "latin.txt": "Die Schlüssel liegen beim Pförtner.\n".encode("latin-1"),
    "wrong.txt": b"Nothing that anybody looks for.\n",
}
MANIFEST: list[dict[str, Any]] = [
    {"file": "note.md", "kind": "md", "expect": "text", "must_contain": ["the blue tin"],
     "must_not_contain": ["coffee"], "licence": "ours"},
    {"file": "blank.txt", "kind": "txt", "expect": "empty"},
    {"file": "cut.pdf", "kind": "pdf", "expect": "error"},
    {"file": "latin.txt", "kind": "txt", "expect": "text", "must_contain": ["beim Pförtner"]},
    {"file": "wrong.txt", "kind": "txt", "expect": "text", "must_contain": ["a needle"]},
]  # fmt: skip
#: Reads text, knows no PDF, dies of one name and sleeps over another.
STAND_IN = """\
import os, time
from pathlib import Path
from types import SimpleNamespace

class MarkItDown:
    def __init__(self, enable_plugins):
        print("something that is no answer")

    def convert_local(self, path):
        if path.endswith(".pdf"):
            raise ValueError("no PDF here")
        if path.endswith("dies.txt"):
            os._exit(3)
        if path.endswith("sleeps.txt"):
            time.sleep(600)
        return SimpleNamespace(text_content=Path(path).read_text("utf-8", "replace"))
"""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    lines = "\n".join(json.dumps(row) for row in MANIFEST)
    (folder / "manifest.jsonl").write_text(lines, "utf-8")
    return folder


@pytest.fixture
def peer_python(tmp_path: Path) -> Path:
    """Return an interpreter that takes the stand-in for markitdown."""
    library = tmp_path / "library"
    (library / "markitdown-7.7.dist-info").mkdir(parents=True)
    (library / "markitdown.py").write_text(STAND_IN, "utf-8")
    about = "Metadata-Version: 2.1\nName: markitdown\nVersion: 7.7\n"
    (library / "markitdown-7.7.dist-info" / "METADATA").write_text(about, "utf-8")
    python = tmp_path / "python"
    command = f'#!/bin/sh\nPYTHONPATH="{library}" exec "{sys.executable}" "$@"\n'
    python.write_text(command, "utf-8")
    python.chmod(0o755)
    return python


def benchmark(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.documents", *arguments],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip


def test_what_is_right_counts_and_what_is_wrong_is_told(data: Path, peer_python: Path) -> None:
    done = benchmark("--data", str(data), "--peer-python", str(peer_python), "--rounds", "2")
    figures = json.loads(done.stdout)

    assert figures["text_right_share"] == pytest.approx(2 / 3)
    assert figures["must_contain_share"] == pytest.approx(2 / 3)
    assert figures["empty_right_share"] == figures["error_right_share"] == 1
    assert figures["must_not_contain_absent_share"] == 1
    assert figures["workers_restarted"] == figures["peer_restarted"] == 0
    assert figures["misses"] == [
        {
            "file": "wrong.txt",
            "kind": "txt",
            "expected": "text with “a needle”",
            "got": "other text without “a needle”",
        }
    ]
    assert figures["kinds"]["txt"]["files"] == 3
    assert figures["kinds"]["txt"]["right"] == 2
    assert figures["peer"] == "markitdown 7.7"
    assert figures["peer_must_contain_share"] == pytest.approx(1 / 3)  # it knows UTF-8 alone
    assert figures["seconds"] > 0
    assert figures["files"] == 5
    assert "wrong.txt: text with “a needle”\n    came: other text" in done.stderr
    assert "MISSED" in done.stderr


def test_without_the_peer_its_figures_are_absent_and_a_file_may_take_the_rest(
    data: Path, tmp_path: Path
) -> None:
    path = tmp_path / "figures.json"
    done = benchmark("--data", str(data), "--no-peer", "--quick", "--json", str(path))
    figures = json.loads(path.read_text("utf-8"))

    assert done.stdout == ""
    assert not [name for name in figures if name.startswith("peer")]
    assert figures["files"] == 4  # one of each kind and outcome
    assert figures["commit"]


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is a Linux thing")
def test_a_template_that_dies_is_seen_and_memory_is_known(data: Path) -> None:
    others = children(os.getpid())
    with WatchedParsers.open(Settings()) as parsers:
        first = parsers.read(data / "note.md")
        calm = parsers.restarted
        [template] = [child for child in children(os.getpid()) if child not in others]
        os.kill(template, signal.SIGKILL)
        second = parsers.read(data / "note.md")

    assert calm == 0
    assert parsers.restarted == 1
    assert first.text == second.text
    assert first.peak is not None
    assert first.peak > 2**20


def test_a_peer_that_dies_or_hangs_fails_that_file_alone(tmp_path: Path, peer_python: Path) -> None:
    for name in ("dies.txt", "sleeps.txt", "reads.txt"):
        (tmp_path / name).write_text("some words", "utf-8")
    with Peer.open(peer_python, timeout_s=1) as peer:
        dead, slow, read = (
            peer.read(tmp_path / name) for name in ("dies.txt", "sleeps.txt", "reads.txt")
        )

    assert (dead.text, dead.broken, dead.detail) == (None, True, "its process ended: exit code 3")
    assert (slow.text, slow.broken, slow.detail) == (None, True, "took longer than 1 s")
    assert (read.text, read.broken) == ("some words", False)
    assert peer.restarted == 2


def test_an_interpreter_without_the_peer_is_told() -> None:
    with (
        pytest.raises(SystemExit, match="does not run markitdown"),
        Peer.open(Path(sys.executable), timeout_s=1),
    ):
        pass
