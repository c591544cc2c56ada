"""The demo, as a newcomer runs it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
from safetensors.numpy import load_file, save_file

from adapters.embedding_models.model_weights import resolve
from runtime.settings import Settings
from tests.support.whole_stack import Api, quick_stack

ROOT = Path(__file__).parents[2]


def demo(tmp_path: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("QUERN_")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "demo", "--once"],
        cwd=ROOT,
        env=environment | {"QUERN_DATA_DIR": str(tmp_path / "data")} | settings,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def test_the_demo_ends_with_cited_answers_and_leaves_no_process(tmp_path: Path) -> None:
    done = demo(tmp_path)

    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("quoted, no language model") == 3
    assert "k1 = 1.2 and b = 0.75" in done.stdout
    assert not [p for p in psutil.process_iter() if _runs_in(p, tmp_path)]


def test_the_demo_makes_vectors_anew_that_another_model_made(tmp_path: Path) -> None:
    before = Settings(embedding_model=str(_other_model(tmp_path / "other")))
    started = quick_stack(data_dir=tmp_path / "data", settings=before)
    with started as stack, Api(stack.url) as api:
        old = api.ingest({"note": "It was there before the demo."}, "default")
    done = demo(tmp_path)

    assert old["state"] == "succeeded"
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("embedded by another model or engine before") == 1
    assert done.stdout.count("quoted, no language model") == 3


def test_it_goes_on_with_those_of_another_engine(tmp_path: Path) -> None:
    before = Settings(embedding_engine="sentence-transformers")
    started = quick_stack(data_dir=tmp_path / "data", settings=before)
    with started as stack, Api(stack.url) as api:
        old = api.ingest({"note": "It was there before the demo."}, "default")
    with quick_stack(data_dir=tmp_path / "data") as stack, Api(stack.url) as api:
        found = api.search("What was there before the demo?", "default", mode="dense")

    assert old["state"] == "succeeded"
    assert [hit["document_id"] for hit in found] == ["note"]


def _other_model(folder: Path) -> Path:
    """Copy the model with a tensor changed that nothing reads: other weights, all the same."""
    shutil.copytree(resolve("all-MiniLM-L6-v2").path, folder)
    tensors = load_file(folder / "model.safetensors")
    save_file(
        tensors | {"pooler.dense.bias": tensors["pooler.dense.bias"] + 1},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    return folder


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    """Return True if a process has the folder in its command or environment."""
    try:
        told = [*process.cmdline(), *process.environ().values()]
    except psutil.Error:
        return False
    return any(str(folder / "data") in text for text in told)
