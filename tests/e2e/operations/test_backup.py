"""An installation is backed up while it runs, and restored on an empty data folder."""

import os
import subprocess
import sys
from pathlib import Path

from stack.up import Stack
from tests.support.whole_stack import Api, quick_stack

ROOT = Path(__file__).parents[3]
RIVERS = {
    "Elbe": "The Elbe rises in the Giant Mountains and passes Dresden.",
    "Loire": "The Loire is the longest river of France; it passes Orleans.",
    "Severn": "The Severn has a tidal bore that surfers ride.",
}


def quern(data_dir: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=ROOT, env=os.environ | {"QUERN_DATA_DIR": str(data_dir)},
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_restored_installation_finds_answers_and_goes_on_as_the_one_that_was_backed_up(
    stack: Stack, api: Api, tmp_path: Path
) -> None:
    assert api.ingest(RIVERS, "rivers")["state"] == "succeeded"
    asked = api.ask("Where does the Elbe pass?", "rivers")
    under_way = api.post(
        "/api/ingests",
        {"collection": "tides", "open": True, "documents": [{"id": "a", "text": "High tide."}]},
    )
    found = {name: api.search(name, "rivers") for name in RIVERS}

    told = quern(Path(stack.record.data_dir), "backup", str(tmp_path / "backup"))
    assert api.ingest({"Rhine": "The Rhine passes Basel."}, "rivers")["state"] == "succeeded"
    quern(tmp_path / "data", "restore", str(tmp_path / "backup"), "--no-check")

    assert "files copied" in told
    with quick_stack(data_dir=tmp_path / "data") as restored, Api(restored.url) as there:
        quern(tmp_path / "data", "check", "--repair")
        assert "none" in quern(tmp_path / "data", "check")
        for name, hits in found.items():
            again = there.search(name, "rivers")
            assert [(hit["chunk_id"], hit["text"]) for hit in again] == [
                (hit["chunk_id"], hit["text"]) for hit in hits
            ]
        assert there.get(f"/api/jobs/{asked['id']}")["result"] == asked["result"]
        assert there.ask("Where does the Elbe pass?", "rivers")["result"]["answered"]
        there.post(
            f"/api/jobs/{under_way['id']}/documents",
            {"documents": [{"id": "b", "text": "Low tide."}]},
        )
        there.post(f"/api/jobs/{under_way['id']}/close", {})
        ended = there.finished(under_way["id"])
        assert (ended["state"], ended["progress"]["total"]) == ("succeeded", 2)
        # What came after the backup is not in it; its vectors and its rows neither.
        assert len(there.get("/api/collections/rivers/documents")["documents"]) == len(RIVERS)
