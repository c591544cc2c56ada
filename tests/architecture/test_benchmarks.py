"""Every benchmark can be ended and shows how far it is."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
#: Are started by a benchmark, which ends them, and write for it alone.
PARTS = {"engine_host", "library_searches", "log_designs", "markitdown_reader"}
MODULES = {path.stem: path.read_text("utf-8") for path in (ROOT / "benchmarks").rglob("*.py")}
BENCHMARKS = {
    name for name, code in MODULES.items() if 'if __name__ == "__main__":' in code
} - PARTS


@pytest.mark.parametrize("name", sorted(BENCHMARKS))
def test_a_benchmark_ends_in_order_and_shows_how_far_it_is(name: str) -> None:
    assert MODULES[name].endswith('\n\nif __name__ == "__main__":\n    run(main)\n')
    assert "from benchmarks.running.processes import " in MODULES[name]
    assert "ProgressBars(" in MODULES[name]


@pytest.mark.parametrize("name", sorted(MODULES))
def test_what_a_benchmark_starts_is_on_a_leash(name: str) -> None:
    for call in ast.walk(ast.parse(MODULES[name])):
        if not isinstance(call, ast.Call):
            continue
        started = ast.unparse(call.func)
        if started in {"subprocess.Popen", "subprocess.run"}:
            command = ast.unparse(call.args[0])

            assert command.startswith(("leashed(", "['git'")), command
