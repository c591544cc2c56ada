"""
A pytest plugin: in CI a test of the whole stack that fails by chance does not fail the run.

A test in FOLDERS that fails, in its set-up or its end too, is run once more after all others, with
everything that it shares started anew. If it passes then it is told as FLAKY and not counted as
failed. At most MOST tests may fail so in a run: when more have, none is run again, because the run
has failed whatever they do. All this only where `CI=true`.

An own plugin, because pytest-rerunfailures runs a test again at once, beside what it shares and on
a machine that is still as busy, and declines to do so at the end; and because a second pytest would
tell a coverage and a last line of its own.
"""

import os

import pytest

from tests.support.folder_times import folder_of

FOLDERS = ("e2e", "browser", "vllm")
MOST = 3


class SecondTry:
    """Runs what failed again, and withdraws the first try once there is a second."""

    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self._terminal = terminal
        self._failed: dict[str, list[pytest.TestReport]] = {}
        self._again: list[pytest.TestReport] | None = None
        self._told: list[tuple[str, list[pytest.TestReport]]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._again is not None:
            self._again.append(report)
        elif report.failed and folder_of(report.nodeid) in FOLDERS:
            self._failed.setdefault(report.nodeid, []).append(report)

    # The innermost wrapper: pytest-cov ends its measurement in its own.
    @pytest.hookimpl(wrapper=True, trylast=True)
    def pytest_runtestloop(self, session: pytest.Session) -> object:
        done = yield
        count = len(self._failed)
        if 0 < count <= MOST:
            self._terminal.write_sep("=", f"once more, each by itself: {_tests(count)}")
            for item in session.items:
                if item.nodeid in self._failed:
                    self._try_again(session, item)
        elif count:
            self._terminal.write_sep("=", f"{_tests(count)} failed: no second try for so many")
        return done

    def pytest_terminal_summary(self) -> None:
        for verdict, reports in self._told:
            self._terminal.write_sep("=", verdict)
            for report in reports:
                self._terminal.write_sep("_", f"first try of {report.nodeid}, {report.when}")
                self._terminal.write_line(report.longreprtext)
                for title, text in report.sections:
                    self._terminal.write_sep("-", title)
                    self._terminal.write_line(text)
        for verdict, _ in self._told:
            self._terminal.write_line(verdict)

    def _try_again(self, session: pytest.Session, item: pytest.Item) -> None:
        """Run a test again; its first try stands until the second has passed or failed."""
        before = [
            report
            for reports in self._terminal.stats.values()
            for report in reports
            if isinstance(report, pytest.TestReport) and report.nodeid == item.nodeid
        ]
        self._again = []
        item._report_sections.clear()  # what it wrote in its first try
        # No next item: all that it shares with others is ended after it, as it was before it.
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=None)
        again, self._again = self._again, None
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        first = self._failed[item.nodeid]
        fails = any(report.failed for report in again)
        if not fails and not any(report.when == "call" and report.passed for report in again):
            return  # skipped: that is no second try
        self._withdraw(before)
        session.testsfailed -= len(first)
        if fails:
            verdict = f"FAILED TWICE {item.nodeid}"
        else:
            seconds = sum(report.duration for report in again)
            verdict = f"FLAKY {item.nodeid}: failed, then passed by itself in {seconds:.1f} s"
            self._terminal.stats.setdefault("flaky", []).append(first[0])
        self._told.append((verdict, first))

    def _withdraw(self, reports: list[pytest.TestReport]) -> None:
        """Count these reports no more; what counts nothing has no place in the last line."""
        stats = self._terminal.stats
        gone = {id(report) for report in reports}
        for category in list(stats):
            stats[category] = [report for report in stats[category] if id(report) not in gone]
            if not stats[category]:
                del stats[category]


def _tests(count: int) -> str:
    return f"{count} test{'s' * (count > 1)}"


@pytest.hookimpl(trylast=True)  # pytest makes its reporter in the same hook
def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("CI") == "true":
        terminal = config.pluginmanager.get_plugin("terminalreporter")
        config.pluginmanager.register(SecondTry(terminal), "second-try")
