"""A pytest plugin: says at the end how long the tests of each folder took, and how many ran."""

import pytest

#: In the order of their cost, which README.md beside this file tells.
FOLDERS = ("unit", "architecture", "contract", "integration", "e2e", "browser", "vllm")


def folder_of(nodeid: str) -> str:
    """Return the folder in `tests/` that a test is in; empty where it is in none."""
    path = nodeid.partition("::")[0].split("/")
    return path[1] if len(path) > 2 and path[0] == "tests" else ""


class FolderTimes:
    """
    Sums up set-up, call and teardown of each folder's tests.

    What tests share, a whole stack, counts where the first of them starts it and the last ends it.
    """

    def __init__(self) -> None:
        self._seconds: dict[str, float] = dict.fromkeys(FOLDERS, 0.0)
        self._tests: dict[str, set[str]] = {folder: set() for folder in FOLDERS}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        folder = folder_of(report.nodeid)
        if folder in self._seconds:
            self._seconds[folder] += report.duration
            self._tests[folder].add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        rows = [
            f"{folder:<14}{self._seconds[folder]:8.1f} s{len(tests):6} tests"
            for folder, tests in self._tests.items()
            if tests
        ]
        if rows:
            terminalreporter.write_sep("=", "time of each folder")
            terminalreporter.write_line("\n".join(rows))


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(FolderTimes(), "folder-times")
