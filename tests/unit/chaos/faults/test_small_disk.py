"""A disk is full during the block, and has its room again after it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import errno, os, sys
from pathlib import Path
from chaos.faults.small_disk import small_disk

folder = Path(sys.argv[1])
with small_disk(folder, megabytes=2) as disk:
    if disk is None:
        sys.exit("cannot mount")
    with disk.full():
        try:
            (folder / "note").write_text("x" * 10_000)
        except OSError as error:
            print(errno.errorcode[error.errno])
    print((folder / "note").write_text("x" * 10_000))
    print(sorted(os.listdir(folder)))
print(os.listdir(folder))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount")
def test_a_small_disk_is_full_then_has_room_and_is_gone_with_its_process(tmp_path: Path) -> None:
    folder = tmp_path / "disk"
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(folder)],
        cwd=Path(__file__).parents[4], capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "cannot mount" in done.stderr:
        pytest.skip("this root may not mount")

    assert done.stdout.split("\n")[:4] == ["ENOSPC", "10000", "['note']", "[]"], done.stderr
    assert list(folder.iterdir()) == []
