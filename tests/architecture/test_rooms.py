"""The rooms of the house: one subject each, few modules, and no circle of imports."""

import ast
import graphlib
import re
import subprocess
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from setuptools import find_packages  # type: ignore[import-untyped]  # one function

from runtime.logging.logs import OURS
from tests.support.packages import PACKAGES

ROOT = Path(__file__).parents[2]
#: So many modules a folder may hold. A command of `benchmarks` is a module of that folder.
MOST = 15
FREE = {"benchmarks"}
#: So many lines a file of the product or of the benchmarks may have, and one of tests, in which
#: every function is read by itself; so many lines and public methods a class.
MOST_LINES, MOST_TEST_LINES = 400, 700
MOST_CLASS_LINES, MOST_METHODS = 300, 20
#: What is larger still, and why. Nothing is, and what is added here is struck out once it is small.
LARGER: dict[str, str] = {}


def modules() -> dict[str, Path]:
    """Return the modules of the product by their dotted names, packages too."""
    found = {}
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def test_every_folder_of_the_product_is_installed_with_it() -> None:
    told = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["setuptools"]
    installed = find_packages(str(ROOT), include=told["packages"]["find"]["include"])
    folders = {name for name, path in modules().items() if path.name == "__init__.py"}

    assert set(installed) == folders


def imports(path: Path, known: dict[str, Path]) -> set[str]:
    """Return what a module imports of *known*, anywhere in its text."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (inner & known.keys()) or {node.module}
    return found & known.keys()


KNOWN = modules()
GRAPH = {name: imports(path, KNOWN) for name, path in KNOWN.items()}


def room(module: str) -> str:
    """Return the folder of a module; a module beside rooms is one by itself."""
    path = KNOWN[module]
    beside = any((folder / "__init__.py").exists() for folder in path.parent.iterdir())
    return module if beside or path.name == "__init__.py" else module.rpartition(".")[0]


def test_no_module_imports_itself_through_others() -> None:
    graphlib.TopologicalSorter(GRAPH).prepare()


def test_no_room_imports_itself_through_others() -> None:
    rooms: dict[str, set[str]] = {}
    for module, imported in GRAPH.items():
        rooms.setdefault(room(module), set()).update(room(name) for name in imported)

    graphlib.TopologicalSorter({one: all_ - {one} for one, all_ in rooms.items()}).prepare()


def test_a_circle_would_be_found() -> None:
    with pytest.raises(graphlib.CycleError):
        graphlib.TopologicalSorter(GRAPH | {"rag.errors": {"web.app"}}).prepare()


def listed() -> list[str]:
    """Return the path of every Python file of the project."""
    return subprocess.run(
        ["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.split()


def too_large(path: str, text: str) -> Iterator[str]:
    """Yield a file's path if it has too many lines, and the name of each class of its that has."""
    if text.count("\n") > (MOST_TEST_LINES if path.startswith("tests/") else MOST_LINES):
        yield path
    if path.startswith("tests/"):
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef):
            public = [
                inner.name for inner in node.body
                if isinstance(inner, ast.FunctionDef | ast.AsyncFunctionDef)
                and not inner.name.startswith("_")
            ]  # fmt: skip
            lines = (node.end_lineno or 0) - node.lineno + 1
            if lines > MOST_CLASS_LINES or len(public) > MOST_METHODS:
                yield f"{path} {node.name}"


def test_no_folder_has_more_modules_than_a_reader_takes_in() -> None:
    folders = Counter(
        folder for folder, _, name in (path.rpartition("/") for path in listed())
        if name != "__init__.py"
    )  # fmt: skip

    assert {folder: n for folder, n in folders.items() if n > MOST and folder not in FREE} == {}


def test_no_file_and_no_class_is_larger_than_a_reader_takes_in() -> None:
    found = {
        name for path in listed() for name in too_large(path, (ROOT / path).read_text("utf-8"))
    }

    assert found - LARGER.keys() == set(), "split it by subject"
    assert LARGER.keys() - found == set(), "it is small enough now: strike it out of LARGER"


@pytest.mark.parametrize(
    ("path", "text", "names"),
    [
        ("rag/long.py", "\n" * 401, ["rag/long.py"]),
        ("rag/long.py", "\n" * 400, []),
        ("tests/unit/test_long.py", "\n" * 701, ["tests/unit/test_long.py"]),
        ("tests/unit/test_long.py", "\n" * 700, []),
        ("rag/a.py", "class A:\n" + "    x = 1\n" * 300, ["rag/a.py A"]),
        ("rag/a.py", "class A:\n" + "    x = 1\n" * 299, []),
        (
            "rag/a.py",
            "class A:\n" + "".join(f"    def f{n}(self): ...\n" for n in range(21)),
            ["rag/a.py A"],
        ),
        ("rag/a.py", "class A:\n" + "".join(f"    def _f{n}(self): ...\n" for n in range(21)), []),
    ],
)
def test_what_is_too_large_would_be_found(path: str, text: str, names: list[str]) -> None:
    assert list(too_large(path, text)) == names


def test_the_page_on_the_house_has_each_room_in_the_words_of_its_package() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    listed = dict(re.findall(r"^\| `([a-z0-9_/]+)/` \| (.*?) \|$", page, re.MULTILINE))
    said = {
        "/".join(path.parent.relative_to(ROOT).parts): ast.get_docstring(
            ast.parse(path.read_text("utf-8"))
        )
        for path in KNOWN.values()
        if path.name == "__init__.py"
    }

    assert listed == said


def test_every_package_logs_what_it_has_to_tell() -> None:
    assert set(PACKAGES) <= set(OURS)


def test_every_folder_with_modules_of_the_product_is_such_a_package() -> None:
    found = {folder.name for folder in ROOT.iterdir() if (folder / "__init__.py").exists()}
    assert found - {"benchmarks", "chaos", "examples"} == set(PACKAGES)
