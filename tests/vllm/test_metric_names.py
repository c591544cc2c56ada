"""The metrics of vLLM that dashboards and alerts ask for are those of the engine installed here."""

import re
import subprocess
from pathlib import Path

from tests.support import boards

FIND = "import importlib.util as u; print(u.find_spec('vllm').submodule_search_locations[0])"


def test_the_engine_has_every_metric_that_is_asked_for(engine_python: str) -> None:
    found = subprocess.run(
        [engine_python, "-c", FIND], check=True, capture_output=True, text=True
    ).stdout.splitlines()[-1]
    source = (Path(found) / "v1" / "metrics" / "loggers.py").read_text("utf-8")
    told = set(re.findall(r'"(vllm:\w+)"', source))

    assert {re.sub("_(total|bucket)$", "", name) for name in boards.OF_VLLM} <= told
